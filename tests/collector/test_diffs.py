from __future__ import annotations

import itertools
import random
import time

import pytest
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as st

from collector.diffs import Part, diff, fold
from collector.pairs import Text

WORDS = st.lists(
    st.sampled_from(["a", "b", "the", "sky", ",", " ", "\n", "\n\n", "  ", "e\u0301", "空", "\u2028"])
).map("".join)


def before_of(parts: list[Part]) -> str:
    return "".join(part.text for part in parts if part.kind != "insert")


def after_of(parts: list[Part]) -> str:
    return "".join(part.text for part in parts if part.kind != "delete")


@given(st.one_of(st.text(), WORDS), st.one_of(st.text(), WORDS))
def test_both_texts_can_be_read_off_a_diff_to_the_last_space(before: str, after: str) -> None:
    parts = diff(before, after)
    assert (before_of(parts), after_of(parts)) == (before, after)
    assert all(part.text for part in parts)


@given(WORDS, WORDS)
def test_parts_of_one_kind_are_never_neighbours(before: str, after: str) -> None:
    kinds = [part.kind for part in diff(before, after)]
    assert all(one != other for one, other in itertools.pairwise(kinds))


@given(st.text())
def test_a_text_is_equal_to_itself(text: str) -> None:
    assert diff(text, text) == ([Part("equal", text)] if text else [])


def test_whole_words_change() -> None:
    assert diff("The quick fox jumps.", "The slow fox jumps!") == [
        Part("equal", "The "),
        Part("delete", "quick "),
        Part("insert", "slow "),
        Part("equal", "fox jumps"),
        Part("delete", "."),
        Part("insert", "!"),
    ]


def test_changed_white_space_is_a_change_of_its_own() -> None:
    assert diff("one two\n  three", "one two three") == [
        Part("equal", "one two"),
        Part("delete", "\n  "),
        Part("insert", " "),
        Part("equal", "three"),
    ]


def test_a_comma_between_two_changes_is_no_island() -> None:
    assert diff("red, green", "blue, white") == [Part("delete", "red, green"), Part("insert", "blue, white")]


def test_text_without_spaces_is_compared_by_its_characters() -> None:
    assert diff("空は青い", "空は赤い") == [
        Part("equal", "空は"),
        Part("delete", "青"),
        Part("insert", "赤"),
        Part("equal", "い"),
    ]


def test_a_letter_keeps_its_combining_marks_and_an_emoji_its_joiners() -> None:
    assert diff("cafe\u0301 au", "cafe au")[0] == Part("delete", "cafe\u0301 ")
    assert diff("👩\u200d🔬 x", "👩 x")[0] == Part("delete", "👩\u200d🔬 ")


def test_few_changes_in_a_long_text_are_found() -> None:
    chance = random.Random(1)
    words = [f"w{chance.randrange(3000)}" for _ in range(20_000)]
    changed = list(words)
    for index in range(0, 20_000, 1000):
        changed[index] = "changed"
    parts = diff(" ".join(words), " ".join(changed))
    assert sum(part.kind == "insert" for part in parts) == 20


# Each of these took seconds to minutes with difflib alone.
HUGE = {
    "one word": ("a" * 1_000_000, "a" * 1_000_000 + "b"),
    "one word again and again": ("a " * 500_000, "b " + "a " * 500_000 + "c"),
    "two words in turns": ("a b " * 250_000, "b a " * 250_000),
    "every other word new": (
        " ".join(f"u{n} c{n}" for n in range(15_000)),
        " ".join(f"v{n} c{n}" for n in range(15_000)),
    ),
    "every other word new, the rest alike": (
        " ".join(f"u{n} x" for n in range(5_000)),
        " ".join(f"v{n} x" for n in range(5_000)),
    ),
    "turned around": (" ".join(map(str, range(60_000))), " ".join(map(str, reversed(range(60_000))))),
    "line ends": ("\n" * 1_000_000, "\n" * 999_999),
}


@pytest.mark.parametrize("name", HUGE)
def test_no_text_hangs_the_page(name: str) -> None:
    before, after = HUGE[name]
    began = time.process_time()
    parts = diff(before, after)
    # About half a second at worst where it was measured; what must never come back is minutes.
    assert time.process_time() - began < 5
    assert (before_of(parts), after_of(parts)) == (before, after)
    assert len(parts) <= 4000


def test_long_unchanged_stretches_are_folded_with_some_words_left_beside_the_change() -> None:
    text = " ".join(f"w{n}" for n in range(100))
    shown = fold(diff(f"old {text}", f"new {text}"))
    assert [part.folded for part in shown] == [0, 0, 0, 88]
    assert "".join(part.text for part in shown if part.kind != "delete") == f"new {text}"


@given(WORDS, WORDS)
def test_folding_loses_nothing(before: str, after: str) -> None:
    parts = diff(before, after)
    shown = fold(parts, context=1, longest=2)
    assert "".join(part.text for part in shown) == "".join(part.text for part in parts)


def test_a_short_unchanged_stretch_is_not_folded() -> None:
    assert [part.folded for part in fold(diff("old one two three", "new one two three"))] == [0, 0, 0]


def render(before: str, after: str) -> str:
    return Template("{% load diffs %}{% diff before after %}").render(Context({"before": before, "after": after}))


def test_a_page_says_added_and_removed_to_screen_readers_too() -> None:
    html = render("old text", "new text")
    assert '<del><span class="visually-hidden"> [removed: </span>old ' in html
    assert '<ins><span class="visually-hidden"> [added: </span>new ' in html
    assert html.endswith("text")


def test_a_page_shows_text_as_text_and_what_nobody_sees() -> None:
    html = render("a", "a <script>alert(1)</script>\u202e")
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "U+202E" in html


def test_a_removed_line_end_can_be_seen() -> None:
    assert '<span class="diff-newline"></span>\n' in render("one\ntwo", "one two")


def test_a_pair_shows_the_fields_that_changed_and_names_the_others() -> None:
    before, after = Text.of("Ask", "", "Old"), Text.of("Ask", "", "New")
    template = Template("{% load diffs %}{% pair_diff before after %}")
    html = template.render(Context({"before": before, "after": after}))
    assert html.count("part-label") == 1
    assert "Unchanged: Instruction" in html
