"""Signatures: the same everywhere and for ever, and close for texts that are close."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.checks import words
from collector.checks.minhash import (
    BANDS,
    PERMUTATIONS,
    Signature,
    context_likeness,
    signature,
)

PINNED = (
    "f34b2d7c586858c8fbd18e0727f1dd47627a8b6b4ad2f0c2fb2efd7192cdeb540bcb34225c8f48a44a61a1c288fd662e"
    "1fac48b48361987c6ff9c7d2fd506c1cf3c5a1c0d31de97efe7854a3ecb2672996dcde14a44f96c189e3a7c2bf92f8c3"
    "e142591b2658cc70fb61c51f53be840d23e2126e99e8e820d98ec5422328f0754238af07c146f50eaac60f0007f7190a"
    "76e3bc08f6ee7e07b3a7a11a65c42b00f5a63e009dd4b52c0830631faf77fa0a3013168345a36732d11ab80c8b22c17e"
)
PINNED_KEYS = [-1555823281775163846, -8383935349808229638, 6366995790977508747]
PASSAGE = "Twice a day the sea rises and falls, because the moon pulls at the water of the side that faces it."
OTHER = "Bread rises where yeast eats sugar and breathes out gas, which stretches the dough while it is warm."


def made(instruction: str, context: str = "") -> Signature:
    found = signature(instruction, context)
    assert found is not None
    return found


def shared(asked: Signature, stored: Signature) -> int:
    return len(set(asked.asked_keys()) & set(stored.stored_keys()))


def test_a_signature_never_changes() -> None:
    # What is stored was made so. Where this fails, a release must say that `rebuild_near` is to be run.
    assert made("Why is the sky blue?", PASSAGE).pack().hex() == PINNED
    assert made("Why is the sky blue?").stored_keys()[:3] == PINNED_KEYS


def test_another_process_makes_the_same_signature() -> None:
    program = "from collector.checks.minhash import signature; print(signature('Why is the sky blue?').pack().hex())"
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONHASHSEED": "7"}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == made("Why is the sky blue?").pack().hex()


def test_case_punctuation_width_and_apostrophes_make_no_difference() -> None:
    assert made("What's the Capital, of FRANCE?") == made("what’s  the capital of Ｆrance")


def test_a_text_without_words_has_no_signature() -> None:
    assert signature("!? …") is None


def test_a_context_without_words_is_no_context() -> None:
    assert made("Why?", " \n—") == made("Why?")


def test_a_small_edit_keeps_most_of_the_keys() -> None:
    asked = made("Please explain why the sky is blue during the day and red in the evening")
    assert shared(asked, made("Explain why the sky is blue during the day, and red in the evening.")) >= BANDS // 2


def test_another_instruction_shares_no_key() -> None:
    assert shared(made("How do I bake bread at home?"), made("Which moons does Jupiter have?")) == 0


def test_the_same_instruction_on_another_text_shares_hardly_a_key() -> None:
    asked = made("Summarize the text below.", PASSAGE)
    assert shared(asked, made("Summarize the text below.", OTHER)) <= 2
    assert shared(asked, made("Summarize the text below.", PASSAGE)) == BANDS


@pytest.mark.parametrize(("one", "other"), [(PASSAGE, ""), ("", PASSAGE)])
def test_where_one_has_no_context_the_instruction_alone_counts(one: str, other: str) -> None:
    asked, stored = made("Summarize the text below.", one), made("Summarize the text below.", other)
    assert shared(asked, stored) > 0
    assert context_likeness(asked, stored) == 1.0


def test_contexts_are_told_apart_by_their_signatures() -> None:
    asked = made("Summarize.", PASSAGE)
    assert context_likeness(asked, made("Summarize.", PASSAGE + " So it is.")) > 0.6
    assert context_likeness(asked, made("Summarize.", OTHER)) < 0.3


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_signature_is_read_as_it_was_written(instruction: str, context: str) -> None:
    found = signature(instruction, context)
    if found is not None:
        assert Signature.unpack(found.pack()) == found
        assert len(found.instruction) == PERMUTATIONS
        assert all(-(2**63) <= key < 2**63 for key in found.stored_keys())
        assert shared(found, found) == BANDS


@given(st.text(max_size=60), st.text(max_size=60))
def test_likeness_is_symmetrical_and_whole_for_the_same(one: str, other: str) -> None:
    first, second = words.runs(one), words.runs(other)
    assert words.likeness(first, second) == words.likeness(second, first)
    assert words.likeness(first, first) == (1.0 if first else 0.0)
