"""Measure a model on held-out rows, and let it answer."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import TrainingError
from .loss import answer_nll
from .plan import split_by_budget
from .prompts import IGNORED, Codec, Example, PromptFormat, end_tokens
from .sharding import is_shared_out

if TYPE_CHECKING:
    from collections.abc import Sequence

# Padded tokens in one forward pass. Enough to keep a processor busy, little enough for a laptop's memory.
TOKENS_AT_ONCE = 4096


class NonFiniteLossError(TrainingError):
    """The loss became NaN or infinite."""


class PromptTooLongError(TrainingError):
    """The question leaves no room for an answer."""


@dataclass(frozen=True)
class RowLoss:
    """The NLL of one response, in nats, over its ``tokens`` answer tokens."""

    id: str
    category: str
    tokens: int
    nll: float


@dataclass(frozen=True)
class HeldOutLoss:
    """Mean NLL per answer token (nats, all tokens weigh the same) on held-out rows, in all and by category."""

    loss: float
    tokens: int
    rows: int
    by_category: dict[str, float]
    by_row: list[RowLoss]

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON values, perplexity included, the rows left out."""
        found = {name: value for name, value in vars(self).items() if name != "by_row"}
        counts = Counter(row.category for row in self.by_row)
        rows = {name: counts[name] for name in self.by_category}
        return {**found, "rows_by_category": rows, "perplexity": math.exp(min(self.loss, 700))}


def autocast(device: str, *, bf16: bool) -> Any:
    """Return the context in which the model runs: 16-bit products where they pay, else nothing."""
    import torch

    return torch.autocast(device, dtype=torch.bfloat16) if bf16 else nullcontext()


def pad(rows: Sequence[Sequence[int]], *, value: int, left: bool = False) -> Any:
    """Return the rows as one int64 tensor (rows, longest), filled up with ``value``."""
    import torch

    width = max(map(len, rows))
    filled = [
        [value] * (width - len(row)) + list(row) if left else list(row) + [value] * (width - len(row)) for row in rows
    ]
    return torch.tensor(filled, dtype=torch.long)


def held_out_loss(model: Any, examples: Sequence[Example], codec: Codec, *, device: str, bf16: bool) -> HeldOutLoss:
    """Measure ``model`` on ``examples`` (at least one) without changing it. Raises NonFiniteLossError."""
    import torch

    found: list[RowLoss] = []
    training = model.training
    model.eval()
    with torch.no_grad(), autocast(device, bf16=bf16):
        for part in split_by_budget([len(example.input_ids) for example in examples], budget=TOKENS_AT_ONCE):
            batch = [examples[position] for position in part]
            inputs = {
                "input_ids": pad([example.input_ids for example in batch], value=codec.padding),
                "attention_mask": pad([[1] * len(example.input_ids) for example in batch], value=0),
                "labels": pad([example.labels for example in batch], value=IGNORED),
            }
            losses, rows = answer_nll(model, {name: tensor.to(device) for name, tensor in inputs.items()})
            by_position: dict[int, list[float]] = defaultdict(list)
            for loss, row in zip(losses.double().tolist(), rows.tolist(), strict=True):
                by_position[row].append(loss)
            found += [
                RowLoss(example.row.id, example.row.category, len(by_position[at]), math.fsum(by_position[at]))
                for at, example in enumerate(batch)
            ]
    model.train(training)
    total = _mean(found)
    if not math.isfinite(total):
        raise NonFiniteLossError("The loss on the held-out rows is not a number. Start again with a lower --lr.")
    by_category = {
        name: _mean([row for row in found if row.category == name]) for name in sorted({row.category for row in found})
    }
    return HeldOutLoss(total, sum(row.tokens for row in found), len(examples), by_category, found)


def _mean(rows: Sequence[RowLoss]) -> float:
    """Return the mean NLL of a token, all tokens weighing the same."""
    return math.fsum(row.nll for row in rows) / sum(row.tokens for row in rows)


def answer_tokens(
    model: Any,
    codec: Codec,
    fmt: PromptFormat,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    temperature: float,
    seed: int,
    device: str,
    bf16: bool,
    streamer: Any = None,
) -> list[list[int]]:
    """Let the model answer prompts (token ids) with token ids, the end left out; see :func:`decoded`.

    Temperature 0 always takes the likeliest token; ``streamer`` (one prompt only) gets the tokens as they come.
    Raises PromptTooLongError when a prompt and its answer do not fit into the model's context.
    """
    import torch
    from transformers import GenerationConfig

    room = context_length(model) - max_new_tokens
    longest = max(map(len, prompts))
    if longest > room:
        raise PromptTooLongError(
            f"The prompt has {longest} tokens; beside {max_new_tokens} for the answer there is room for "
            f"{max(room, 0)}. Shorten it or lower --max-new-tokens."
        )
    own = model.generation_config.eos_token_id
    *before_end, end_token = end_tokens(codec, fmt)
    stops = {end_token, codec.end_of_text, *(own if isinstance(own, list) else [own])} - {None}
    config = GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=temperature > 0,
        temperature=temperature if temperature > 0 else None,
        eos_token_id=sorted(stops),
        pad_token_id=codec.padding,
        use_cache=True,
    )
    training = model.training
    model.eval()
    answers: list[list[int]] = [[] for _prompt in prompts]
    torch.manual_seed(seed)
    with torch.no_grad(), autocast(device, bf16=bf16):
        lengths = [len(prompt) + max_new_tokens for prompt in prompts]
        for part in split_by_budget(lengths, budget=TOKENS_AT_ONCE):
            batch = [prompts[position] for position in part]
            ids = pad(batch, value=codec.padding, left=True).to(device)
            mask = pad([[1] * len(prompt) for prompt in batch], value=0, left=True).to(device)
            made = model.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=config,
                streamer=streamer,
                synced_gpus=is_shared_out(model),  # all ask the model as often as the one with the longest answer
            )
            for position, row in zip(part, made[:, ids.shape[1] :].tolist(), strict=True):
                end = next((at for at, token in enumerate(row) if token in stops), len(row))
                if before_end and row[:end][-len(before_end) :] == before_end:
                    end -= len(before_end)
                answers[position] = row[:end]
    model.train(training)
    return answers


def decoded(codec: Codec, ids: Sequence[int]) -> str:
    """Return an answer as text, control tokens left out."""
    return str(codec.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))


def context_length(model: Any) -> int:
    """Return how many tokens the model can take at once; a generous guess where it does not say."""
    return int(getattr(model.config.get_text_config(), "max_position_embeddings", None) or 2**20)
