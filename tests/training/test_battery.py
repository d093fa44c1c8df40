from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from training.battery import OWN, Asked, BatteryError, Question, battery_file, read_battery, spread

if TYPE_CHECKING:
    from pathlib import Path


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "battery.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


def asked(number: int, source: str = "battery") -> Asked:
    return Asked(Question(str(number), source, "open_qa", "Why?", "", ""), [1])


def test_our_battery_asks_every_category_alike() -> None:
    questions = read_battery(OWN)
    assert set(Counter(question.category for question in questions).values()) == {8}
    assert len(questions) == 64
    needs_context = {"closed_qa", "information_extraction", "summarization"}
    assert {question.category for question in questions if question.context} == needs_context


def test_a_question_needs_only_an_instruction(tmp_path: Path) -> None:
    (question,) = read_battery(written(tmp_path, '\n{"instruction": "Why\u2028?"}\n\n'))
    assert (question.id, question.instruction, question.context) == ("line-2", "Why\u2028?", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"instruction": "a"}\nnot json\n', "line 2: this is not JSON"),
        ('["a"]\n', "line 1: a question is written as"),
        ('{"context": "a"}\n', "line 1: the instruction is missing"),
        ('{"instruction": 3}\n', "line 1: instruction is not a text"),
        ('{"id": "a", "instruction": "a"}\n{"id": "a", "instruction": "b"}\n', "an id twice"),
        ("\n", "0 questions"),
        ("", "is empty"),
        ("[" * 100_000, "line 1: this is not JSON"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BatteryError, match=said):
        read_battery(written(tmp_path, text))


def test_a_battery_that_is_not_there_is_refused() -> None:
    with pytest.raises(BatteryError, match="no battery /nowhere"):
        battery_file("/nowhere")


def test_none_is_no_battery_and_default_is_ours() -> None:
    assert battery_file("none") is None
    assert battery_file("default") == OWN


def test_the_few_asked_on_the_way_are_spread_over_the_battery() -> None:
    all_ = [asked(number, "held out") for number in range(10)] + [asked(number) for number in range(64)]
    assert spread(all_, count=8) == [10, 18, 26, 34, 42, 50, 58, 66]


@pytest.mark.parametrize(("count", "positions"), [(0, []), (99, [0, 1, 2]), (3, [0, 1, 2])])
def test_without_a_battery_held_out_questions_are_asked_on_the_way(count: int, positions: list[int]) -> None:
    assert spread([asked(number, "held out") for number in range(3)], count=count) == positions
