"""What of a response stands in its source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import checks
from collector.checks import copied
from collector.pairs import Text

SOURCE = (
    "The tides follow the moon. Twice a day the sea rises and falls, because the moon pulls at the water of the side "
    "that faces it more strongly than at the middle of the earth, and least of all at the side that is turned away."
)
WORDS = st.lists(st.sampled_from(["the", "moon", "pulls", "at", "sea", "a", "Tide", "月", "falls."]), max_size=60)


def texts(response: str, source: str) -> list[str]:
    return [response[start:end] for start, end in copied.spans(response, source)]


def test_a_copied_clause_is_found_where_it_stands() -> None:
    response = "In short: twice a day the sea rises and falls, I believe."
    assert texts(response, SOURCE) == ["twice a day the sea rises and falls"]


def test_case_punctuation_and_space_do_not_hide_a_copy() -> None:
    assert texts("TWICE a day,\n\nthe  sea (rises) and falls", SOURCE) == ["TWICE a day,\n\nthe  sea (rises) and falls"]


def test_own_words_are_no_copy() -> None:
    assert copied.spans("Since the pull of the moon differs from place to place, water piles up twice.", SOURCE) == []


def test_four_words_are_no_copy() -> None:
    assert copied.spans("the tides follow the", SOURCE) == []


def test_the_longest_of_several_places_is_followed() -> None:
    source = "one two three four five X. one two three four five six seven eight"
    assert texts("one two three four five six seven eight", source) == ["one two three four five six seven eight"]


def test_text_without_spaces_between_words_is_compared_letter_by_letter() -> None:
    source = "潮の満ち引きは月の引力によって一日に二回起こります。"
    assert texts("答え：月の引力によって一日に二回起こります", source) == ["月の引力によって一日に二回起こります"]


@pytest.mark.parametrize(("response", "share"), [(SOURCE, 1.0), ("", 0.0), ("Nothing of the kind.", 0.0)])
def test_the_share_goes_from_none_to_all(response: str, share: float) -> None:
    assert copied.share(response, SOURCE) == share


def test_the_share_counts_words() -> None:
    assert copied.share("twice a day the sea and now for some more of it", SOURCE) == pytest.approx(5 / 12)


def test_a_response_that_is_mostly_copied_is_found() -> None:
    (found,) = checks.find(Text(instruction="Why?", context=SOURCE, response=SOURCE[:-20]))
    assert (found.code, found.field) == ("copied", "response")
    assert "word for word" in found.message


def test_the_passage_counts_as_the_source_where_the_context_is_only_a_piece_of_it() -> None:
    text = Text(instruction="Why?", context=SOURCE[:30], response=SOURCE)
    assert checks.codes(checks.find(text, passage=SOURCE)) == ["copied"]


def test_one_quoted_sentence_is_nobodys_fault() -> None:
    assert copied.check("Twice a day the sea rises and falls, because the moon pulls at the water.", SOURCE) == []


def test_a_quotation_within_own_words_is_nobodys_fault() -> None:
    own = "Newton showed with some care how gravity differs over a distance and so explained what sailors saw. " * 3
    assert copied.check(own + SOURCE, SOURCE) == []


@given(WORDS, WORDS)
def test_spans_are_in_order_apart_and_really_in_the_source(said: list[str], read: list[str]) -> None:
    response, source = " ".join(said), " ".join(read)
    found = copied.spans(response, source)
    plain = "".join(source.casefold().split())
    end_before = 0
    for start, end in found:
        assert end_before <= start < end <= len(response)
        assert end - start >= copied.SPAN_CHARACTERS
        end_before = end
    # A span may join two neighbouring copies, so its first seed is what must be found whole.
    for start, end in found:
        first = "".join(response[start:end].casefold().split())[: copied.SEED_WORDS]
        assert first in plain.replace(".", "") or first in plain
    assert 0 <= copied.share(response, source) <= 1


@given(st.lists(st.sampled_from(["moon", "rises", "water", "falls", "月"]), min_size=8, max_size=60))
def test_a_text_is_a_copy_of_itself(said: list[str]) -> None:
    text = " ".join(said)
    assert copied.spans(text, f"Before. {text} after.") == ([(0, len(text))] if len(text) >= 15 else [])


def test_a_source_of_one_word_over_and_over_takes_no_time_to_speak_of() -> None:
    # Following every place of every seed would take hours: this ends at all only because a few places are followed.
    text = "na " * 100_000
    assert copied.spans(text, text) == [(0, len(text) - 1)]
