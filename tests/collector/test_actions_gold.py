from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError

from collector.actions import gold
from collector.actions.gold import AnsweredBefore, answer, gold_for, make_gold, retire_gold
from collector.actions.queue import lease_next, renew_lease, skip
from collector.actions.reviews import AlreadyDecided, NotAReviewer, OwnWork
from collector.actions.submissions import resubmit, withdraw
from collector.errors import NotAllowed, Refused
from collector.models import AuditEntry, Award, GoldAnswer, GoldItem
from collector.pairs import Text
from tests.factories import NOW, CampaignFactory, PersonFactory, contributor_in, decide, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collector.models import Campaign, Person, Submission

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(seconds=40)


@pytest.fixture
def lead(db: None) -> Person:
    return PersonFactory.create(roles=["lead"])


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every turn is a gold item's, and the first of them is drawn."""
    monkeypatch.setattr(gold, "_draw", lambda by, turn, what: 0)


@pytest.fixture
def golden(db: None) -> Campaign:
    return CampaignFactory.create(gold_percent=20)


def gold_in(campaign: Campaign, lead: Person, decision: str = "reject", **fields: Any) -> GoldItem:
    item = make_submission(campaign=campaign, status="approved", **fields)
    return make_gold(submission=item, decision=decision, why="It is copied.", by=lead, now=NOW)


# -- In the queue ------------------------------------------------------------------------------------------


def test_a_gold_item_takes_the_place_of_the_next(golden: Campaign, lead: Person, always: None) -> None:
    known = gold_in(golden, lead)
    make_submission(campaign=golden)
    judge = a_reviewer()
    given = lease_next(by=judge, now=NOW)
    assert given == known.submission
    assert gold_for(submission=known.submission, by=judge) == known


def test_a_reload_gives_the_same_gold_item(golden: Campaign, lead: Person, always: None) -> None:
    for _number in range(3):
        gold_in(golden, lead)
        make_submission(campaign=golden)
    judge = a_reviewer()
    first = lease_next(by=judge, now=NOW)
    assert first is not None
    assert lease_next(by=judge, now=LATER) == first
    assert renew_lease(submission=first, by=judge, now=LATER) == first


def test_what_was_drawn_is_drawn_again_until_something_was_dealt_with(golden: Campaign, lead: Person) -> None:
    golden.gold_percent = 50
    for _number in range(3):
        gold_in(golden, lead)
    judge = a_reviewer()
    for _turn in range(4):
        assert gold.due(by=judge, campaign=golden, now=NOW) == gold.due(by=judge, campaign=golden, now=LATER)
        decide(make_submission(campaign=golden), "approve", by=judge)
    assert len({gold._draw(judge, turn, "which") for turn in range(100)}) == 100


def test_an_empty_queue_holds_no_gold(golden: Campaign, lead: Person, always: None) -> None:
    gold_in(golden, lead)
    assert lease_next(by=a_reviewer(), now=NOW) is None


def test_a_campaign_without_a_rate_holds_no_gold(lead: Person, always: None) -> None:
    campaign = CampaignFactory.create()
    gold_in(campaign, lead)
    item = make_submission(campaign=campaign)
    assert lease_next(by=a_reviewer(), now=NOW) == item


def test_gold_stays_in_its_campaign(golden: Campaign, lead: Person, always: None) -> None:
    gold_in(CampaignFactory.create(), lead)
    item = make_submission(campaign=golden)
    assert lease_next(by=a_reviewer(), now=NOW) == item


@pytest.mark.parametrize("percent", [10, 30, 50])
def test_the_rate_is_the_campaigns(percent: int) -> None:
    judge = a_reviewer()
    drawn = sum(gold._draw(judge, turn, "whether") % 100 < percent for turn in range(5000))
    assert drawn / 5000 == pytest.approx(percent / 100, abs=0.03)


@pytest.mark.parametrize("why", ["wrote", "imported_or_made", "reviewed", "answered", "skipped", "edited"])
def test_gold_measures_nobody_who_knows_it(golden: Campaign, lead: Person, always: None, why: str) -> None:
    judge = contributor_in(golden, roles=["reviewer", "lead"])
    known = gold_in(
        golden,
        judge if why == "imported_or_made" else lead,
        author=judge if why == "wrote" else None,
        by_reviewer=judge if why == "reviewed" else None,
    )
    if why == "answered":
        answer(gold=known, decision="approve", by=judge, now=NOW)
    elif why == "skipped":
        skip(submission=known.submission, by=judge, now=NOW)
    elif why == "edited":
        known.revision.created_by = judge
        known.revision.save()
    item = make_submission(campaign=golden)
    assert lease_next(by=judge, now=NOW) == item


def test_a_retired_gold_item_is_in_no_queue(golden: Campaign, lead: Person, always: None) -> None:
    retire_gold(gold=gold_in(golden, lead), by=lead, now=NOW)
    item = make_submission(campaign=golden)
    assert lease_next(by=a_reviewer(), now=NOW) == item


@pytest.mark.parametrize("what", ["resubmitted", "withdrawn"])
def test_gold_that_its_author_changed_is_in_no_queue(golden: Campaign, lead: Person, always: None, what: str) -> None:
    known = gold_in(golden, lead).submission
    if what == "resubmitted":
        resubmit(submission=known, base_revision=1, text=Text.of("New", "", "text"), by=known.author, now=NOW)
        decide(known, "approve", by=a_reviewer())
    else:
        withdraw(submission=known, by=known.author, now=NOW)
    item = make_submission(campaign=golden)
    assert lease_next(by=a_reviewer(), now=NOW) == item


def test_a_gold_item_is_gold_for_who_holds_it_alone(golden: Campaign, lead: Person, always: None) -> None:
    known = gold_in(golden, lead)
    make_submission(campaign=golden)
    lease_next(by=a_reviewer(), now=NOW)
    assert gold_for(submission=known.submission, by=a_reviewer()) is None


# -- Answers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("decision", "is_right"), [("reject", True), ("approve", False)])
def test_an_answer_measures_and_changes_nothing(
    golden: Campaign, lead: Person, always: None, decision: str, is_right: bool
) -> None:
    known = gold_in(golden, lead, "reject")
    make_submission(campaign=golden)
    judge = a_reviewer()
    lease_next(by=judge, now=NOW)
    before = known.submission.events.count()
    given = answer(
        gold=known, decision=decision, by=judge, now=LATER, comment="Copied.", rating_instruction=4, rating_response=1
    )
    known.submission.refresh_from_db()
    assert (given.is_right, given.seconds) == (is_right, 40)
    assert (known.submission.status, known.submission.events.count()) == ("approved", before)
    assert not Award.objects.filter(person=judge).exists()


def test_after_an_answer_comes_the_next(golden: Campaign, lead: Person, always: None) -> None:
    known = gold_in(golden, lead)
    item, judge = make_submission(campaign=golden), a_reviewer()
    lease_next(by=judge, now=NOW)
    answer(gold=known, decision="approve", by=judge, now=LATER)
    assert lease_next(by=judge, now=LATER) == item


def test_gold_is_answered_once(golden: Campaign, lead: Person) -> None:
    known, judge = gold_in(golden, lead), a_reviewer()
    answer(gold=known, decision="approve", by=judge, now=NOW)
    with pytest.raises(AlreadyDecided):
        answer(gold=known, decision="reject", by=judge, now=NOW, comment="No.")
    assert GoldAnswer.objects.count() == 1


def test_an_answer_is_checked_as_a_decision(golden: Campaign, lead: Person) -> None:
    known = gold_in(golden, lead)
    with pytest.raises(ValidationError) as caught:
        answer(gold=known, decision="reject", by=a_reviewer(), now=NOW)
    assert set(caught.value.message_dict) == {"comment"}
    with pytest.raises(NotAReviewer):
        answer(gold=known, decision="approve", by=PersonFactory.create(), now=NOW)


def test_an_answer_to_a_retired_item_is_refused(golden: Campaign, lead: Person) -> None:
    known = gold_in(golden, lead)
    retire_gold(gold=known, by=lead, now=NOW)
    with pytest.raises(AlreadyDecided):
        answer(gold=known, decision="approve", by=a_reviewer(), now=NOW)


# -- Making and retiring -----------------------------------------------------------------------------------


def test_only_leads_and_admins_make_gold(golden: Campaign, admin: Person) -> None:
    item = make_submission(campaign=golden, status="approved")
    with pytest.raises(NotAllowed):
        make_gold(submission=item, decision="approve", why="Right.", by=a_reviewer(), now=NOW)
    known = make_gold(submission=item, decision="approve", why="Right.", by=admin, now=NOW)
    with pytest.raises(NotAllowed):
        retire_gold(gold=known, by=a_reviewer(), now=NOW)
    assert AuditEntry.objects.filter(verb="gold.made", by=admin).exists()


def test_nobody_makes_gold_of_their_own_work(golden: Campaign) -> None:
    item = make_submission(campaign=golden, author=contributor_in(golden, roles=["lead"]), status="approved")
    with pytest.raises(OwnWork):
        make_gold(submission=item, decision="approve", why="Right.", by=item.author, now=NOW)


@pytest.mark.parametrize("status", ["submitted", "withdrawn"])
def test_only_what_is_decided_becomes_gold(lead: Person, status: str) -> None:
    with pytest.raises(Refused, match="decided"):
        make_gold(submission=make_submission(status=status), decision="approve", why="Right.", by=lead, now=NOW)


def test_gold_says_why(lead: Person) -> None:
    item = make_submission(status="approved")
    with pytest.raises(ValidationError):
        make_gold(submission=item, decision="approve", why=" ", by=lead, now=NOW)
    with pytest.raises(ValidationError):
        make_gold(submission=item, decision="maybe", why="Right.", by=lead, now=NOW)


def test_gold_is_made_once(golden: Campaign, lead: Person) -> None:
    known = gold_in(golden, lead)
    with pytest.raises(Refused, match="already"):
        make_gold(submission=known.submission, decision="approve", why="Right.", by=lead, now=NOW)


def test_a_retired_item_comes_back_and_its_answers_keep_their_meaning(golden: Campaign, lead: Person) -> None:
    known = gold_in(golden, lead, "reject")
    answer(gold=known, decision="approve", by=a_reviewer(), now=NOW)
    for _press in range(2):
        retire_gold(gold=known, by=lead, now=NOW)
    assert AuditEntry.objects.filter(verb="gold.retired").count() == 1
    with pytest.raises(AnsweredBefore):
        make_gold(submission=known.submission, decision="approve", why="After all.", by=lead, now=NOW)
    again = make_gold(submission=known.submission, decision="reject", why="Copied.", by=lead, now=NOW)
    assert (again.pk, again.retired_at) == (known.pk, None)


def test_gold_on_a_submission_that_waits_again_is_decided_as_any_other(
    golden: Campaign, lead: Person, always: None
) -> None:
    known: Submission = gold_in(golden, lead).submission
    resubmit(submission=known, base_revision=1, text=Text.of("New", "", "text"), by=known.author, now=NOW)
    judge = a_reviewer()
    assert lease_next(by=judge, now=NOW) == known
    assert gold_for(submission=known, by=judge) is None
