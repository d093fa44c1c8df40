"""The Modelfile for Ollama: its template, filled in as Go fills it in, is the prompt of training."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.training import material
from training.ollama import modelfile, template
from training.prompts import Codec, PromptFormat, choose_format, prompt_tokens

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train


def filled(go: str, *, system: str, messages: list[tuple[str, str]]) -> str:
    """Fill in the part of Go's text/template that a Modelfile of ours uses; anything else is an error."""
    head, inner = re.fullmatch(r"(.*?)\{\{ range \.Messages \}\}(.*)\{\{ end \}\}", go, re.DOTALL).groups()  # type: ignore[union-attr]
    turns = re.fullmatch(
        r'\{\{ if eq \.Role "user" \}\}(.*)\{\{ else if eq \.Role "assistant" \}\}(.*)\{\{ end \}\}', inner, re.DOTALL
    )
    assert turns

    def written(text: str, content: str = "") -> str:
        text = re.sub(
            r"\{\{ if \$\.System \}\}(.*?)\{\{ \$\.System \}\}\{\{ end \}\}",
            lambda found: found[1] + "{{ .System }}" if system else "",
            text,
            flags=re.DOTALL,
        )
        values = {".System": system, ".Content": content, '"{{"': "{{"}
        return re.sub(r"\{\{ (.*?) \}\}", lambda found: values[found[1]], text)

    roles = {"user": turns[1], "assistant": turns[2], "system": ""}
    return written(head) + "".join(written(roles[role], content) for role, content in messages)


def made(path: Path, *, wanted: str, system: str = "Be brief.") -> tuple[Codec, PromptFormat]:
    codec = Codec(material.make_tokenizer(path))
    return codec, choose_format(codec, system=system, wanted=wanted)


@pytest.mark.parametrize("system", ["Be brief.", ""])
def test_a_chat_model_is_asked_as_in_training(libraries: None, tmp_path: Path, system: str) -> None:
    codec, fmt = made(tmp_path, wanted="chat", system=system)
    asked = filled(template(codec, fmt), system=system, messages=[("system", system), ("user", "Where?")])
    assert asked == codec.tokenizer.decode(prompt_tokens(codec, fmt, instruction="Where?"))


@pytest.mark.parametrize("wanted", ["dolly", "plain"])
@pytest.mark.parametrize("context", ["", "A {{ pond }}."])
def test_a_system_message_is_the_context_where_the_format_has_its_own_place(
    libraries: None, tmp_path: Path, wanted: str, context: str
) -> None:
    codec, fmt = made(tmp_path, wanted=wanted)
    asked = filled(template(codec, fmt), system=context, messages=[("user", "Where?  {{ x }}")])
    trained = prompt_tokens(codec, fmt, instruction="Where?  {{ x }}", context=context)
    assert asked == codec.tokenizer.decode(trained)


def test_a_second_question_follows_the_answer_as_in_the_models_own_template(libraries: None, tmp_path: Path) -> None:
    codec, fmt = made(tmp_path, wanted="chat")
    turns = [("system", "Be brief."), ("user", "Where?"), ("assistant", "Here."), ("user", "Why?")]
    own = codec.tokenizer.apply_chat_template(
        [{"role": role, "content": content} for role, content in turns], tokenize=False, add_generation_prompt=True
    )
    assert filled(template(codec, fmt), system="Be brief.", messages=turns) == own


def test_braces_and_quotes_in_a_format_stay_what_they_are(libraries: None, tmp_path: Path) -> None:
    codec, fmt = made(tmp_path, wanted="chat", system='Write """ and {{ .Prompt }}.')
    given: dict[str, Any] = {"run": "Größe 1", "files": ["a.gguf"], "licences": ["One", "Two"]}
    text = modelfile(codec=codec, fmt=fmt, **given)
    assert text.count('"""') == 2 * (1 + 1 + 2)  # template, system, two licences
    assert "ollama create gr--e-1 -f Modelfile" in text
