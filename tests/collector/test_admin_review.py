"""Django's admin on what the rules of review add: locks, gold items, canned reasons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from collector.actions.gold import answer, make_gold
from collector.actions.setup import ensure_roles
from collector.models import CannedReason, GoldAnswer, GoldItem, PassageSkip, Person
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(db: None) -> Person:
    ensure_roles()
    return factories.PersonFactory.create(roles=["lead"], is_staff=True)


@pytest.fixture
def client(lead: Person, sign_in: Callable[[Person], Client]) -> Client:
    return sign_in(lead)


def page(item: Any, what: str) -> str:
    name = f"admin:collector_{item._meta.model_name}_{what}"
    return reverse(name) if isinstance(item, type) else reverse(name, args=[item.pk])


def test_a_lead_locks_and_unlocks(client: Client) -> None:
    item = factories.make_submission()
    client.post(page(item, "lock"), {"post": "yes"})
    item.refresh_from_db()
    assert item.locked_at is not None
    assert client.post(page(item, "lock"), {"post": "yes"}).status_code == 403
    client.post(page(item, "unlock"), {"post": "yes"})
    item.refresh_from_db()
    assert item.locked_at is None


def test_a_lead_makes_and_retires_gold(client: Client) -> None:
    item = factories.make_submission(status="approved")
    client.post(page(item, "gold"), {"decision": "reject", "why": "It is copied."})
    known = GoldItem.objects.get(submission=item)
    assert (known.decision, known.why) == ("reject", "It is copied.")
    client.post(page(known, "retire"), {"post": "yes"})
    known.refresh_from_db()
    assert known.retired_at is not None


def test_what_waits_offers_no_gold(client: Client) -> None:
    item = factories.make_submission()
    assert client.post(page(item, "gold"), {"decision": "approve", "why": "Right."}).status_code == 403
    assert not GoldItem.objects.exists()


def test_a_lead_writes_and_deletes_canned_reasons(client: Client) -> None:
    fields = {"reason": "copied", "label": "Copied", "text": "Please use your own words.", "position": 1}
    client.post(page(CannedReason, "add"), fields)
    made = CannedReason.objects.get(label="Copied")
    client.post(page(made, "delete"), {"post": "yes"})
    assert not CannedReason.objects.filter(pk=made.pk).exists()


def test_a_category_shows_its_canned_reasons(client: Client) -> None:
    category = factories.CategoryFactory.create()
    CannedReason.objects.create(category=category, reason="copied", label="Own words, please", text="Say it anew.")
    assert b"Own words, please" in client.get(page(category, "change")).content


def test_gold_and_passage_skips_are_to_look_at(client: Client, lead: Person) -> None:
    item = factories.make_submission(status="approved")
    known = make_gold(submission=item, decision="approve", why="Right.", by=lead, now=factories.NOW)
    answer(gold=known, decision="approve", by=factories.reviewer(), now=factories.NOW)
    PassageSkip.objects.create(
        passage=factories.PassageFactory.create(),
        person=lead,
        campaign=item.campaign,
        category=item.category,
        reason="unclear",
        note="A footnote with no note",
        at=factories.NOW,
    )
    for model in (GoldItem, GoldAnswer, PassageSkip):
        assert client.get(page(model, "changelist")).status_code == 200
        assert client.get(page(model, "add")).status_code == 403
        row = model.objects.get()
        assert client.get(page(row, "change")).status_code == 200
        assert client.post(page(row, "delete"), {"post": "yes"}).status_code == 403
