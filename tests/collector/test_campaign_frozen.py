"""Nothing of a closed campaign is changed any more, whoever asks; but authors may leave it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from collector.actions import (
    drafts,
    imports,
    locks,
    reviews,
    sheet,
    submissions,
    suggestions,
)
from collector.actions.campaign_life import (
    change_status,
)
from collector.actions.campaigns import CampaignNotOpen, accept_terms
from collector.actions.import_origins import Origin
from collector.errors import Refused
from collector.imports.rows import Row
from collector.models import Category, Draft, Submission
from collector.pairs import Text
from tests.factories import (
    NOW,
    CampaignFactory,
    PersonFactory,
    decide,
    make_submission,
)
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.models import Person

pytestmark = pytest.mark.django_db
TEXT = Text.of("Name a tree.", "", "Oak.")


@pytest.fixture
def lead() -> Person:
    return PersonFactory.create(roles=["lead"])


def _import(pair: Submission, _people: dict[str, Person]) -> object:
    row = Row(line=1, raw="", instruction="A", context="", response="B")
    return imports.import_rows(
        rows=[row],
        origin=Origin(title="T", file_name="f", format="csv"),
        campaign=pair.campaign,
        approved=False,
        by=None,
        now=NOW,
        on_reject=lambda _reject: None,
    )


ACTS: dict[str, Callable[[Submission, dict[str, Any]], object]] = {
    "begin": lambda pair, who: drafts.save_draft(
        id=uuid.uuid4(),
        campaign=pair.campaign,
        category=pair.category,
        text=TEXT,
        version=0,
        by=pair.author,
        now=NOW,
    ),
    "submit": lambda pair, who: submissions.submit(
        id=uuid.uuid4(), campaign=pair.campaign, category=pair.category, text=TEXT, by=pair.author, now=NOW
    ),
    "resubmit": lambda pair, who: submissions.resubmit(
        submission=pair, base_revision=1, text=TEXT, by=pair.author, now=NOW
    ),
    "decide": lambda pair, who: decide(pair, "approve", by=who["judge"]),
    "decide many": lambda pair, who: _only(
        sheet.decide_many(items=[(pair.pk, 1)], decision="approve", by=who["judge"], now=NOW)
    ),
    "suggest": lambda pair, who: suggestions.suggest_edit(
        submission=pair, base_revision=1, text=TEXT, by=who["judge"], now=NOW
    ),
    "edit and approve": lambda pair, who: suggestions.edit_and_approve(
        submission=pair, base_revision=1, text=TEXT, by=who["judge"], now=NOW
    ),
    "edit a cell": lambda pair, who: sheet.edit_cell(
        submission=pair, base_revision=1, texts={"response": "Ash."}, by=who["lead"], now=NOW
    ),
    "lock": lambda pair, who: locks.lock(submission=pair, by=who["lead"], now=NOW),
    "unlock": lambda pair, who: locks.unlock(submission=pair, by=who["lead"], now=NOW),
    "undo": lambda pair, who: reviews.undo(review=who["review"], by=who["review"].reviewer, now=NOW),
    "revoke": lambda pair, who: reviews.revoke_approval(
        submission=who["review"].submission, reason="No.", by=who["admin"], now=NOW
    ),
    "import": _import,
}


def _only(batch: sheet.Batch) -> None:
    refused = batch.outcomes[0].refused
    if refused is not None:
        raise refused


@pytest.mark.parametrize("act", ACTS)
def test_nothing_of_a_closed_campaign_is_changed(act: str, lead: Person, admin: Person) -> None:
    campaign = CampaignFactory.create()
    pair = make_submission(campaign=campaign)
    other = make_submission(campaign=campaign, category=pair.category)
    review = decide(other, "approve", by=a_reviewer())
    change_status(campaign=campaign, to="closed", by=lead, now=NOW)
    people = {"judge": a_reviewer(), "lead": lead, "admin": admin, "review": review}
    before = list(Submission.objects.order_by("pk").values())
    fresh = Submission.objects.select_related("campaign", "category", "author").get(pk=pair.pk)
    with pytest.raises(Refused):
        ACTS[act](fresh, people)
    assert list(Submission.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("act", [act for act in ACTS if act not in {"undo", "revoke"}])
def test_each_of_these_changes_an_open_one(act: str, lead: Person, admin: Person) -> None:
    """Else the test above would pass for want of anything to refuse."""
    campaign = CampaignFactory.create()
    pair = make_submission(campaign=campaign)
    before = Submission.objects.count(), Submission.objects.filter(status="submitted", revision_number=1).count()
    if act == "unlock":
        locks.lock(submission=pair, by=lead, now=NOW)
    if act == "import":
        pair.campaign.targets.create(category=Category.objects.get(slug="general_qa"))
    fresh = Submission.objects.select_related("campaign", "category", "author").get(pk=pair.pk)
    ACTS[act](fresh, {"judge": a_reviewer(), "lead": lead, "admin": admin})
    after = Submission.objects.count(), Submission.objects.filter(status="submitted", revision_number=1).count()
    assert before != after or act in {"lock", "unlock"}


def test_its_author_may_still_withdraw_and_an_admin_take_out(lead: Person, admin: Person) -> None:
    campaign = CampaignFactory.create()
    one, other = make_submission(campaign=campaign), make_submission(campaign=campaign)
    change_status(campaign=campaign, to="closed", by=lead, now=NOW)
    assert submissions.withdraw(submission=one, by=one.author, now=NOW).status == "withdrawn"
    assert submissions.take_out(submission=other, reason="Asked.", by=admin, now=NOW).status == "withdrawn"


def test_what_was_begun_before_a_pause_is_kept_and_saved(lead: Person, author: Person) -> None:
    campaign = CampaignFactory.create()
    accept_terms(terms=campaign.terms.get(), by=author, now=NOW)
    pair = make_submission(campaign=campaign, author=author, status="draft")
    change_status(campaign=campaign, to="paused", by=lead, now=NOW)
    saved = drafts.save_draft(
        id=pair.pk, campaign=campaign, category=pair.category, text=TEXT, version=1, by=author, now=NOW
    )
    assert Draft.objects.get(pk=saved.pk).response == "Oak."
    campaign.refresh_from_db()
    with pytest.raises(CampaignNotOpen, match="Your text is kept"):
        submissions.submit(id=pair.pk, campaign=campaign, category=pair.category, text=TEXT, by=author, now=NOW)
