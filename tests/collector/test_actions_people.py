from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError

from collector.actions import people
from collector.actions.people import LinkSpent, add_person, deactivate_person, invite, welcome
from collector.actions.tokens import create_token, find_token
from collector.models import AuditEntry, Person, ReviewLease
from tests.factories import NOW, PersonFactory, TeamFactory, make_submission, reviewer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

pytestmark = pytest.mark.django_db


def token_of(person: Person) -> str:
    return people.sign_in_link(person=person, base="http://localhost").rstrip("/").rpartition("/")[2]


def test_a_person_is_made_with_a_name_a_handle_and_a_pseudonym_that_tells_nothing() -> None:
    person = add_person(email="Ada.Byron@Example.com", role="reviewer", by=None, now=NOW)
    assert (person.email, person.display_name, person.handle) == ("ada.byron@example.com", "Ada Byron", "ada-byron")
    assert person.role_names == {"contributor", "reviewer"}
    assert "ada" not in person.pseudonym


def test_a_taken_handle_gets_a_number() -> None:
    add_person(email="ada@example.com", role="contributor", by=None, now=NOW)
    assert add_person(email="ada@other.example", role="contributor", by=None, now=NOW).handle == "ada-2"


def test_adding_the_same_address_changes_the_role() -> None:
    add_person(email="ada@example.com", role="contributor", by=None, now=NOW)
    again = add_person(email="ADA@example.com", role="lead", by=None, now=NOW)
    assert Person.objects.filter(is_source=False).count() == 1
    assert again.is_staff
    assert again.has_role("lead")


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError):
        add_person(email="nobody", role="contributor", by=None, now=NOW)


def test_a_role_change_is_audited() -> None:
    person = add_person(email="ada@example.com", role="contributor", by=None, now=NOW)
    people.set_role(person=person, role="admin", by=person, now=NOW)
    entry = AuditEntry.objects.filter(verb="person.role").first()
    assert entry is not None
    assert entry.detail == {"before": ["contributor"], "after": ["admin", "contributor"]}


def test_a_sign_in_link_works_once() -> None:
    token = token_of(PersonFactory.create())
    people.use_sign_in_link(token=token, now=NOW)
    with pytest.raises(LinkSpent):
        people.use_sign_in_link(token=token, now=NOW)


def test_a_sign_in_link_ends_with_a_new_password() -> None:
    person = PersonFactory.create()
    token = token_of(person)
    person.set_password("another password")
    person.save()
    with pytest.raises(LinkSpent):
        people.use_sign_in_link(token=token, now=NOW)


@pytest.mark.parametrize("token", ["", "x", "a:b:c", "%00", "🦙"])
def test_a_forged_sign_in_link_is_refused(token: str) -> None:
    with pytest.raises(LinkSpent):
        people.use_sign_in_link(token=token, now=NOW)


def test_deactivation_ends_sessions_tokens_and_leases(sign_in: Callable[[Person], Client]) -> None:
    person = reviewer()
    client = sign_in(person)
    _token, raw = create_token(person=person, scope="read", by=None, now=NOW)
    ReviewLease.objects.create(submission=make_submission(), reviewer=person, expires_at=NOW + timedelta(hours=1))
    deactivate_person(person=person, by=None, now=NOW)
    assert client.get("/").status_code == 302
    assert find_token(raw=raw, now=NOW) is None
    assert not ReviewLease.objects.exists()


@pytest.mark.parametrize(
    ("email", "allowed"), [("a@corp.example", True), ("a@evil-corp.example", False), ("a@CORP.example", True)]
)
def test_sign_up_is_for_the_companys_domains(settings: Any, email: str, allowed: bool) -> None:
    settings.WOOLGATHER_SIGNUP_DOMAINS = ["corp.example"]
    assert people.signup_allowed(email, now=NOW) is allowed


def test_an_invited_address_may_sign_up_and_gets_its_role_and_team() -> None:
    team = TeamFactory.create()
    invitation, raw = invite(email="guest@else.example", by=None, now=NOW, role="reviewer", team=team)
    assert people.signup_allowed("guest@else.example", now=NOW)
    assert people.find_invitation(token=raw, now=NOW) == invitation
    person = PersonFactory.create(email="guest@else.example")
    welcome(person=person, now=NOW)
    assert person.has_role("reviewer")
    assert person.team == team
    assert people.find_invitation(token=raw, now=NOW) is None


def test_an_invitation_ends_after_two_weeks() -> None:
    _invitation, raw = invite(email="guest@else.example", by=None, now=NOW)
    assert people.find_invitation(token=raw, now=NOW + timedelta(days=15)) is None
