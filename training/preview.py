"""``--preview``: what a few examples look like to the model, with the trained tokens marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .dataset_files import by_hash

if TYPE_CHECKING:
    from .preparing import Prepared
    from .prompts import Codec, Example

OPEN, CLOSE = "⟦", "⟧"


def preview(ready: Prepared, *, count: int) -> str:
    """Return ``count`` examples as the model reads them, chosen by a hash of their ids: the same each time."""
    by_id = {example.row.id: example for example in ready.material.examples}
    chosen = [by_id[row.id] for row in by_hash([example.row for example in ready.material.examples])[:count]]
    parts = [
        (
            f"{len(chosen)} of {len(by_id)} examples, in the {ready.fmt.name} format. "
            f"Trained tokens are between {OPEN} and {CLOSE}; the loss sees nothing else."
        )
    ]
    for example in chosen:
        trained = sum(label >= 0 for label in example.labels)
        parts.append(
            f"— {example.row.id} ({example.row.category}): {len(example.input_ids)} tokens, {trained} trained\n"
            + marked(example, ready.codec)
        )
    return "\n\n".join(parts)


def marked(example: Example, codec: Codec) -> str:
    """Return an example's tokens as text, each stretch of trained ones between ⟦ and ⟧.

    It is made from the labels that the loss gets, not from the prompt's length: what it shows is what is trained.
    """
    text: list[str] = []
    stretch: list[int] = []
    inside = False
    for token, label in zip(example.input_ids, example.labels, strict=True):
        if (label >= 0) != inside:
            text += [_decoded(stretch, codec), CLOSE if inside else OPEN]
            stretch, inside = [], not inside
        stretch.append(token)
    return "".join([*text, _decoded(stretch, codec), CLOSE if inside else ""])


def _decoded(ids: list[int], codec: Codec) -> str:
    return str(codec.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))
