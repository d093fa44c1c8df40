"""A word diff as plain text holds every word, and nothing that a terminal or Markdown would obey."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from exports.edits import UNSEEN, Edit, differing, plain, visible

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
words = st.lists(st.sampled_from(["one", "two", "three\n", "four."]), max_size=30).map(" ".join)


def sides(shown: str) -> tuple[str, str]:
    """Read git's notation: what was, and what is."""
    before = re.sub(r"\{\+.*?\+\}", "", shown, flags=re.DOTALL)
    after = re.sub(r"\[-.*?-\]", "", shown, flags=re.DOTALL)
    return (
        re.sub(r"\[-(.*?)-\]", r"\1", before, flags=re.DOTALL),
        re.sub(r"\{\+(.*?)\+\}", r"\1", after, flags=re.DOTALL),
    )


@given(words, words)
def test_a_word_diff_joins_back_to_both_texts(before: str, after: str) -> None:
    assert sides(plain(before, after)) == (before, after)


@given(texts, texts)
def test_nothing_unseen_comes_through(before: str, after: str) -> None:
    said = plain(before, after)
    assert not [
        character for character in said if character not in "\n\t" and unicodedata.category(character) in UNSEEN
    ]
    assert len(said.splitlines()) <= said.count("\n") + 1


def test_a_lone_carriage_return_and_an_escape_are_written_out() -> None:
    assert visible("a\rb\x1b[31mc\u2028d\U000e0041e\n\tf") == "a\\u000db\\u001b[31mc\\u2028d\\U000e0041e\n\tf"


def test_long_unchanged_stretches_are_folded() -> None:
    said = plain("word " * 200 + "old", "word " * 200 + "new")
    assert "unchanged words …]" in said
    assert said.endswith("[-old-]{+new+}")
    assert len(said) < 200


def test_an_edit_names_its_columns_in_the_records_order() -> None:
    before = {"instruction": "a", "context": "", "response": "b"}
    edit = Edit(
        "x",
        (1, 2),
        {"split": ("train", "test"), "revision": (1, 2), "category": ("a", "b")},
        differing(before, before | {"response": "c"}),
    )
    assert (edit.fields, edit.is_rewritten) == (["response", "category", "revision", "split"], True)
