"""An Ollama Modelfile that asks a model as it was asked in training."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from .prompts import Codec, PromptFormat, end_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTEXT_COMMENT = "# A context goes into the question, after a blank line and a line with the word Context:"


def modelfile(*, run: str, files: Sequence[str], codec: Codec, fmt: PromptFormat, licences: Sequence[str]) -> str:
    """Return a Modelfile for the first of ``files``; the others stand beside it as comments."""
    system = next((piece.text for piece in fmt.pieces if piece.kind == "text"), "")
    head = [
        f"# {run}, trained with Woolgather. In this directory: ollama create {_name(run)} -f Modelfile",
        "# A system message is the context of the question." if fmt.name != "chat" else CONTEXT_COMMENT,
        f"FROM ./{files[0]}",
        *(f"# FROM ./{other}" for other in files[1:]),
        f"TEMPLATE {_quoted(template(codec, fmt))}",
    ]
    if system:
        head.append(f"SYSTEM {_quoted(system)}")
    stop = codec.tokenizer.decode(end_tokens(codec, fmt)[-1:])
    head.append(f'PARAMETER stop "{stop}"')
    head += [f"LICENSE {_quoted(licence)}" for licence in licences]
    return "\n".join(head) + "\n"


def template(codec: Codec, fmt: PromptFormat) -> str:
    """Return the prompt format as a Go template over ``.Messages``.

    What stands before the first question is written once, what stands between an answer and the next question after
    each answer. So a prompt ends where the model's answer begins, whether it is the first or the tenth.
    """
    at = next(position for position, piece in enumerate(fmt.pieces) if piece.kind == "user")
    before = "".join(
        "{{ .System }}" if piece.kind == "text" else _go(_without_bos(codec, piece.text, first=not position))
        for position, piece in enumerate(fmt.pieces[:at])
    )
    after = _go("".join(piece.text for piece in fmt.pieces[at + 1 :]))
    context = ""
    if fmt.name != "chat":
        context = f"{{{{ if $.System }}}}{_go(fmt.context_intro)}{{{{ $.System }}}}{{{{ end }}}}"
    return (
        f'{before}{{{{ range .Messages }}}}{{{{ if eq .Role "user" }}}}{{{{ .Content }}}}{context}{after}'
        f'{{{{ else if eq .Role "assistant" }}}}{{{{ .Content }}}}{_go(_between(codec, fmt))}'
        "{{ end }}{{ end }}"
    )


def _between(codec: Codec, fmt: PromptFormat) -> str:
    """Return what the model's own template puts between an answer and the next question."""
    if fmt.name != "chat":
        at = next(position for position, piece in enumerate(fmt.pieces) if piece.kind == "user")
        end = fmt.end or codec.tokenizer.decode([codec.end_of_text])
        return end + "".join(piece.text for piece in fmt.pieces[:at])
    marks = [f"mark{secrets.token_hex(12)}" for _turn in range(3)]
    roles = ("user", "assistant", "user")
    messages = [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)]
    shown = str(codec.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))
    return shown.split(marks[1])[1].split(marks[2], maxsplit=1)[0]


def _without_bos(codec: Codec, text: str, *, first: bool) -> str:
    """Leave out a beginning token that llama.cpp puts there by itself."""
    bos = codec.tokenizer.bos_token
    adds = bos and list(codec.tokenizer("a")["input_ids"])[:1] == [codec.tokenizer.bos_token_id]
    return text.removeprefix(bos) if first and adds else text


def _go(text: str) -> str:
    """Return ``text`` so that a Go template writes it as it is."""
    return text.replace("{{", '{{ "{{" }}')


def _quoted(text: str) -> str:
    """Return ``text`` between the quotes that may hold line breaks, which it must not contain itself."""
    return '"""' + text.replace('"""', '" " "') + '"""'


def _name(run: str) -> str:
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "-" for letter in run)
    return kept.strip("-_.").lower() or "woolgather"


def licence_lines(facts: dict[str, Any]) -> list[str]:
    """Return the licences of the base model, of the data and of the code, each for its own part."""
    base, data = facts["base_model"], facts["dataset"]
    return [
        f"Base model {base['id']}: {base['licence']}",
        f"Data {data['name']}/{data['version']}: {', '.join(data['licences']) or 'not stated'}",
        "Code that trained it (Woolgather): Apache-2.0",
    ]
