from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.text import TextRefused, comparable, fingerprint, is_blank, normalize_newlines, validate_text


def test_a_nul_is_refused_at_its_place() -> None:
    with pytest.raises(TextRefused, match="Character 4 is a NUL"):
        validate_text("abc\x00d")


def test_a_lone_surrogate_is_refused_at_its_place() -> None:
    with pytest.raises(TextRefused, match="Character 2 is half of a surrogate pair"):
        validate_text("a\ud800b")


def test_a_text_over_the_limit_is_refused_with_its_length(settings: object) -> None:
    settings.WOOLGATHER_MAX_CHARACTERS = 10  # type: ignore[attr-defined]  # pytest-django's wrapper
    with pytest.raises(TextRefused, match="11 characters long; the limit is 10"):
        validate_text("x" * 11)


def test_a_text_over_the_limit_in_bytes_is_refused(settings: object) -> None:
    settings.WOOLGATHER_MAX_BYTES = 10  # type: ignore[attr-defined]  # pytest-django's wrapper
    with pytest.raises(TextRefused, match="12 bytes long"):
        validate_text("😀😀😀")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_every_other_text_is_accepted(text: str) -> None:
    validate_text(text)


def test_only_crlf_becomes_lf() -> None:
    assert normalize_newlines("a\r\nb\rc\u2028d\n  e") == "a\nb\rc\u2028d\n  e"


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u200b", "\u2028", "\ufeff"])
def test_text_without_anything_to_see_is_blank(text: str) -> None:
    assert is_blank(text)


def test_a_single_letter_is_not_blank() -> None:
    assert not is_blank(" x ")


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_comparable_is_the_same_for_composed_and_decomposed_text(text: str) -> None:
    assert comparable(unicodedata.normalize("NFC", text)) == comparable(unicodedata.normalize("NFD", text))


def test_duplicates_share_a_fingerprint_whatever_their_case_and_width() -> None:
    one = fingerprint(instruction="Wie groß?", context="", response="Café")
    other = fingerprint(instruction="wie GROSS?", context="", response="Ｃafe\u0301")
    assert one == other


def test_texts_moved_between_fields_have_different_fingerprints() -> None:
    assert fingerprint(instruction="ab", context="", response="c") != fingerprint(
        instruction="a", context="b", response="c"
    )
