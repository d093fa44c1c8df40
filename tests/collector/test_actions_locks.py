from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collector.actions.drafts import begin_edit
from collector.actions.locks import lock, unlock
from collector.actions.queue import lease_next
from collector.actions.reviews import revoke_approval
from collector.actions.submissions import Locked, resubmit, withdraw
from collector.errors import NotAllowed, Refused
from collector.models import ReviewLease
from collector.pairs import Text
from tests.factories import NOW, PersonFactory, decide, make_submission
from tests.factories import reviewer as a_reviewer

if TYPE_CHECKING:
    from collector.models import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(db: None) -> Person:
    return PersonFactory.create(roles=["lead"])


def test_a_locked_record_is_not_decided(lead: Person) -> None:
    item = make_submission()
    lock(submission=item, by=lead, now=NOW)
    with pytest.raises(Locked, match="lead can unlock"):
        decide(item, "approve", by=a_reviewer())


def test_a_locked_record_is_not_edited(lead: Person) -> None:
    item = make_submission()
    lock(submission=item, by=lead, now=NOW)
    with pytest.raises(Locked):
        resubmit(submission=item, base_revision=1, text=Text.of("New", "", "text"), by=item.author, now=NOW)
    with pytest.raises(Locked):
        begin_edit(submission=item, by=item.author, now=NOW)


def test_a_locked_record_can_be_withdrawn(lead: Person) -> None:
    item = make_submission(status="approved")
    lock(submission=item, by=lead, now=NOW)
    withdraw(submission=item, by=item.author, now=NOW)
    item.refresh_from_db()
    assert item.status == "withdrawn"


def test_a_locked_approval_is_not_revoked(lead: Person, admin: Person) -> None:
    item = make_submission(status="approved")
    lock(submission=item, by=lead, now=NOW)
    with pytest.raises(Locked):
        revoke_approval(submission=item, reason="Copied.", by=admin, now=NOW)


def test_an_unlocked_record_is_decided_again(lead: Person) -> None:
    item = make_submission()
    lock(submission=item, by=lead, now=NOW)
    unlock(submission=item, by=lead, now=NOW)
    decide(item, "approve", by=a_reviewer())
    item.refresh_from_db()
    assert (item.status, item.locked_at, item.locked_by) == ("approved", None, None)


def test_locking_and_unlocking_are_in_the_history_once_each(lead: Person) -> None:
    item = make_submission()
    for action in (lock, lock, unlock, unlock):
        action(submission=item, by=lead, now=NOW)
    kinds = list(item.events.order_by("pk").values_list("kind", "by__pk", "status_before", "status_after"))
    assert kinds[1:] == [
        ("locked", lead.pk, "submitted", "submitted"),
        ("unlocked", lead.pk, "submitted", "submitted"),
    ]


def test_locking_takes_the_item_from_its_reviewer(lead: Person) -> None:
    item = make_submission()
    lease_next(by=a_reviewer(), now=NOW)
    lock(submission=item, by=lead, now=NOW)
    assert not ReviewLease.objects.exists()


def test_only_leads_and_admins_lock(admin: Person) -> None:
    item = make_submission()
    for action in (lock, unlock):
        with pytest.raises(NotAllowed):
            action(submission=item, by=a_reviewer(), now=NOW)
    assert lock(submission=item, by=admin, now=NOW).locked_by == admin


@pytest.mark.parametrize("status", ["draft", "withdrawn"])
def test_there_is_nothing_to_lock_in_what_is_not_there(lead: Person, status: str) -> None:
    with pytest.raises(Refused):
        lock(submission=make_submission(status=status), by=lead, now=NOW)
