"""Pairs of an approved and a turned-down response: which are shown, which never, and how TRL reads them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from django.utils import timezone

from collector.actions import submissions
from collector.models import Review, Revision, Submission
from collector.pairs import Text
from exports import manifest
from exports.models import DatasetPreference
from exports.writers.preferences import COLUMNS
from tests import factories
from tests.exports.helpers import NOW, approve, freeze, release, unlike

if TYPE_CHECKING:
    from pathlib import Path

    from collector.models import Campaign, Category

pytestmark = pytest.mark.django_db

QUESTION = "Why is the sky blue?"
WITH_PAIRS = {"formats": ["preference"]}


def reject(campaign: Campaign, category: Category, **fields: Any) -> Submission:
    """Make a submission that was rejected."""
    fields = {"instruction": QUESTION, "response": "Because the sea is."} | fields
    return factories.make_submission(campaign=campaign, category=category, status=Submission.Status.REJECTED, **fields)


def improve(campaign: Campaign, category: Category, **fields: Any) -> Submission:
    """Make a submission whose first response was sent back and whose second one was approved."""
    author, judge = factories.contributor_in(campaign), factories.reviewer()
    made = factories.make_submission(
        campaign=campaign, category=category, author=author, instruction=QUESTION, response="It just is."
    )
    factories.decide(made, "request_changes", by=judge, **fields)
    better = Text.of(QUESTION, "", "Because short wavelengths are scattered most.")
    submissions.resubmit(submission=made, base_revision=1, text=better, by=author, now=timezone.now())
    factories.decide(made, "approve", by=judge)
    return made


def shown() -> list[tuple[str, str]]:
    """Return the approved and the turned-down response of each pair of the frozen version."""
    pairs = DatasetPreference.objects.values_list("record__revision__response", "rejected__response")
    return sorted(pairs)


def test_a_rejected_answer_stands_beside_the_approved_one(campaign: Campaign, category: Category) -> None:
    approve(campaign, category, instruction=QUESTION, response="Short wavelengths are scattered most.")
    reject(campaign, category)
    freeze(**WITH_PAIRS)
    assert shown() == [("Short wavelengths are scattered most.", "Because the sea is.")]


def test_an_earlier_revision_stands_beside_the_approved_one(campaign: Campaign, category: Category) -> None:
    improve(campaign, category)
    freeze(**WITH_PAIRS)
    assert shown() == [("Because short wavelengths are scattered most.", "It just is.")]


@pytest.mark.parametrize("reason", ["personal_data", "copied", "duplicate"])
def test_what_was_not_turned_down_for_its_quality_is_never_shown(
    campaign: Campaign, category: Category, reason: str
) -> None:
    improve(campaign, category, reasons=[reason])
    freeze(**WITH_PAIRS)
    assert shown() == []


def test_a_response_with_a_secret_in_it_is_never_shown(campaign: Campaign, category: Category) -> None:
    approve(campaign, category, instruction=QUESTION)
    other = reject(campaign, category)
    Revision.objects.filter(submission=other).update(flags=["secret"])
    freeze(**WITH_PAIRS)
    assert shown() == []


def test_what_its_author_withdrew_is_never_shown(campaign: Campaign, category: Category) -> None:
    approve(campaign, category, instruction=QUESTION)
    author = factories.contributor_in(campaign)
    other = factories.make_submission(
        campaign=campaign, category=category, author=author, instruction=QUESTION, response="No idea."
    )
    factories.decide(other, "request_changes", by=factories.reviewer())
    submissions.withdraw(submission=other, by=author, now=NOW)
    freeze(**WITH_PAIRS)
    assert shown() == []


def test_what_may_still_be_edited_is_not_shown(campaign: Campaign, category: Category) -> None:
    approve(campaign, category, instruction=QUESTION)
    factories.make_submission(
        campaign=campaign, category=category, status="changes_requested", instruction=QUESTION, response="No idea."
    )
    freeze(**WITH_PAIRS)
    assert shown() == []


def test_a_decision_that_was_undone_does_not_count(campaign: Campaign, category: Category) -> None:
    approve(campaign, category, instruction=QUESTION)
    reject(campaign, category)
    judge = factories.reviewer()
    Review.objects.filter(decision="reject").update(voided_at=NOW, voided_by=judge)
    freeze(**WITH_PAIRS)
    assert shown() == []


def test_another_question_makes_no_pair(campaign: Campaign, category: Category) -> None:
    approve(campaign, category, instruction=QUESTION)
    reject(campaign, category, instruction="Why is the grass green?")
    freeze(**WITH_PAIRS)
    assert shown() == []


def test_another_licence_makes_no_pair(campaign: Campaign, category: Category) -> None:
    approve(campaign, category, instruction=QUESTION)
    Submission.objects.filter(pk=reject(campaign, category).pk).update(licence="MIT")
    freeze(**WITH_PAIRS)
    assert shown() == []


def test_the_files_hold_the_pairs_in_both_kinds(root: Path, campaign: Campaign, category: Category) -> None:
    pair = improve(campaign, category)
    version = release(root, **WITH_PAIRS)
    (split,) = version.splits
    home = root / "set" / "v1" / "preference"
    rows = pq.read_table(home / f"{split}-00000-of-00001.parquet").to_pylist()
    assert rows == [json.loads(line) for line in (home / f"{split}.jsonl").read_text().split("\n") if line]
    assert [list(row) for row in rows] == [list(COLUMNS)]
    assert rows[0] == {
        "id": str(pair.pk),
        "prompt": QUESTION,
        "chosen": "Because short wavelengths are scattered most.",
        "rejected": "It just is.",
    }


def test_a_version_without_pairs_says_so(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category, instruction=unlike(1))
    release(root, **WITH_PAIRS)
    found, _sha256 = manifest.read(root / "set" / "v1")
    assert "There are no preference pairs" in found["notes"][-1]
    assert not (root / "set" / "v1" / "preference").exists()


def test_a_new_rejection_is_a_change(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category, instruction=QUESTION)
    before = release(root, **WITH_PAIRS)
    reject(campaign, category)
    after = release(root, **WITH_PAIRS)
    assert after.content_hash != before.content_hash
