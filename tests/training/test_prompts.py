from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.training import material
from training.dataset_files import Row
from training.prompts import (
    IGNORED,
    Codec,
    PromptError,
    PromptFormat,
    build_examples,
    choose_format,
    end_tokens,
    prompt_tokens,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train

CONTROLS = ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>")
# Text that looks for trouble: control tokens whole, cut, doubled and nested, amid anything else people can type.
NASTY = st.lists(
    st.one_of(
        st.sampled_from(
            [*CONTROLS, "<|im_end|", "<|", "|>", "<<think>>", "<th", "ink>", "\nassistant\n", "### Response:"]
        ),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    ),
    max_size=8,
).map("".join)


def row(**changes: Any) -> Row:
    values = {
        "id": "r1",
        "instruction": "Ask",
        "context": "",
        "response": "Reply",
        "category": "open_qa",
        "licence": "x",
    }
    return Row(**{**values, **changes})


@pytest.fixture(scope="module")
def codec(tokenizer: Any) -> Codec:
    return Codec(tokenizer)


@pytest.fixture(scope="module")
def chat(codec: Codec) -> PromptFormat:
    return choose_format(codec, system="Be kind.")


def decoded(codec: Codec, ids: list[int]) -> str:
    return str(codec.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=NASTY)
def test_what_a_person_wrote_never_becomes_a_control_token_and_loses_nothing(codec: Codec, text: str) -> None:
    ids = codec.text(text)
    assert codec.control_ids.isdisjoint(ids)
    assert decoded(codec, ids) == text


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(instruction=NASTY, context=NASTY, response=NASTY)
def test_the_mask_covers_the_response_and_its_end_token_and_nothing_else(
    codec: Codec, chat: PromptFormat, instruction: str, context: str, response: str
) -> None:
    examples, dropped = build_examples(
        [row(instruction=instruction, context=context, response=response)], codec, chat, max_length=10_000
    )
    if not response.strip():
        assert [entry.reason for entry in dropped] == ["no_trained_tokens"]
        return
    (example,) = examples
    trained = [token for token in example.labels if token != IGNORED]
    assert len(example.labels) == len(example.input_ids)
    assert decoded(codec, trained) == f"{response}<|im_end|>"
    assert example.labels[: example.prompt_tokens] == [IGNORED] * example.prompt_tokens
    assert example.input_ids[example.prompt_tokens :] == trained


def test_a_prompt_reads_as_the_models_own_template_would_write_it(codec: Codec, chat: PromptFormat) -> None:
    ids = prompt_tokens(codec, chat, instruction="Where?", context="A map.")
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Where?\n\nContext:\nA map."},
    ]
    expected = codec.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert decoded(codec, ids) == expected


def test_training_and_generation_see_the_same_prompt(codec: Codec, chat: PromptFormat) -> None:
    (example,), _none = build_examples([row(context="A map.")], codec, chat, max_length=999)
    saved = PromptFormat.from_dict(chat.as_dict())
    assert example.prompt_ids == prompt_tokens(codec, saved, instruction="Ask", context="A map.")


def test_the_template_slips_in_no_system_message_of_its_own(codec: Codec, chat: PromptFormat) -> None:
    text = decoded(codec, prompt_tokens(codec, chat, instruction="Who are you?"))
    assert "somebody else" not in text
    assert text.count("<|im_start|>system") == 1


def test_an_empty_system_message_stays_empty(codec: Codec) -> None:
    text = decoded(codec, prompt_tokens(codec, choose_format(codec, system=""), instruction="Hi"))
    assert text.startswith("<|im_start|>system\n<|im_end|>")


def test_a_system_message_cannot_smuggle_in_control_tokens(codec: Codec) -> None:
    fmt = choose_format(codec, system="<|im_end|>")
    ids = prompt_tokens(codec, fmt, instruction="Hi")
    end = codec.tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert ids.count(end) == 2  # those of the template


def test_without_a_context_nothing_stands_in_its_place(codec: Codec, chat: PromptFormat) -> None:
    assert "Context" not in decoded(codec, prompt_tokens(codec, chat, instruction="Hi"))


def test_the_end_token_is_trained_exactly_once(codec: Codec, chat: PromptFormat) -> None:
    (example,), _none = build_examples([row()], codec, chat, max_length=999)
    end = codec.tokenizer.eos_token_id
    assert end_tokens(codec, chat) == [end]
    assert [token for token in example.labels if token == end] == [end]
    assert example.labels[-1] == end


def test_a_row_over_the_limit_is_listed_and_one_at_the_limit_is_kept(codec: Codec, chat: PromptFormat) -> None:
    (example,), _none = build_examples([row()], codec, chat, max_length=999)
    length = len(example.input_ids)
    kept, _none = build_examples([row()], codec, chat, max_length=length)
    none, dropped = build_examples([row()], codec, chat, max_length=length - 1)
    assert (len(kept), none) == (1, [])
    assert [(entry.id, entry.reason, entry.tokens) for entry in dropped] == [("r1", "too_long", length)]


@pytest.mark.parametrize("response", ["", "  \n\t"])
def test_a_row_with_nothing_to_train_is_listed(codec: Codec, chat: PromptFormat, response: str) -> None:
    _none, dropped = build_examples([row(response=response)], codec, chat, max_length=999)
    assert [(entry.id, entry.reason) for entry in dropped] == [("r1", "no_trained_tokens")]


def test_a_template_that_knows_no_system_message_is_used_without_one(tokenizer: Any) -> None:
    strict = Codec(
        _with_template(tokenizer, "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}")
    )
    text = decoded(strict, prompt_tokens(strict, choose_format(strict, system="Be kind."), instruction="Hi"))
    assert text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


def test_a_template_that_repeats_the_question_is_refused(tokenizer: Any) -> None:
    codec = Codec(_with_template(tokenizer, "{{ messages[-1]['content'] }}"))
    with pytest.raises(PromptError, match="exactly once"):
        choose_format(codec, system="Be kind.")


def test_the_plain_format_adds_no_tokens_and_ends_with_eos(libraries: None, tmp_path: Path) -> None:
    codec = Codec(material.make_tokenizer(tmp_path, chat=False))
    fmt = choose_format(codec, system="ignored", wanted="plain")
    (example,), _none = build_examples([row(context="Map")], codec, fmt, max_length=999)
    assert decoded(codec, example.input_ids) == (
        "### Instruction:\nAsk\n\n### Context:\nMap\n\n### Response:\nReply<|im_end|>"
    )
    assert example.labels[-1] == codec.end_of_text


def test_the_beginning_token_is_never_doubled(libraries: None, tmp_path: Path) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer = material.make_tokenizer(tmp_path, chat=False)
    start = tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", start)]
    )
    codec = Codec(tokenizer)
    assert codec.tokenizer("a")["input_ids"][0] == start
    fmt = choose_format(codec, system="")
    ids = prompt_tokens(codec, fmt, instruction="Hi", context="Map")
    assert (fmt.bos, ids.count(start), ids[0]) == (True, 1, start)


def test_runs_of_spaces_kept_as_tokens_are_ordinary_text(libraries: None, tmp_path: Path) -> None:
    codec = Codec(material.make_tokenizer(tmp_path, added=("    ", "<tool>")))
    assert decoded(codec, codec.text("if x:\n    y  <tool>")) == "if x:\n    y  <tool>"


def test_a_token_of_one_character_that_cannot_be_cut_drops_the_row_and_says_why(
    libraries: None, tmp_path: Path, chat: PromptFormat
) -> None:
    codec = Codec(material.make_tokenizer(tmp_path, added=("\u2603",)))
    with pytest.raises(PromptError, match="control token"):
        codec.text("a \u2603 b")
    _none, dropped = build_examples([row(response="a \u2603 b")], codec, chat, max_length=999)
    assert [entry.reason for entry in dropped] == ["control_token"]


def _with_template(tokenizer: Any, before: str) -> Any:
    import copy

    other = copy.deepcopy(tokenizer)
    other.chat_template = before + material.CHATML.replace(
        "{% if loop.first and message['role'] != 'system' %}", "{% if false %}"
    )
    return other
