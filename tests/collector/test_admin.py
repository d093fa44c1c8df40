"""Django's admin: what leads and admins set up there, and what nobody can touch there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin as django_admin
from django.urls import reverse

from collector.actions.people import find_invitation
from collector.actions.setup import ensure_roles
from collector.models import (
    AuditEntry,
    Award,
    Campaign,
    Category,
    Event,
    ImportBatch,
    Invitation,
    Passage,
    Person,
    Review,
    Revision,
    Submission,
    Team,
)
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

TO_LOOK_AT = [Submission, Revision, Review, Award, Event, AuditEntry, ImportBatch]
SHOWN = [*TO_LOOK_AT, Campaign, Category, Passage, Team, Person, Invitation]


def page(item: Any, what: str = "change") -> str:
    """Return an address of the admin: of one object, or with a model of all."""
    name = f"admin:{item._meta.app_label}_{item._meta.model_name}_{what}"
    return reverse(name) if isinstance(item, type) else reverse(name, args=[item.pk])


@pytest.fixture
def as_admin(admin: Person, sign_in: Callable[[Person], Client]) -> Client:
    return sign_in(admin)


@pytest.fixture
def as_lead(db: None, sign_in: Callable[[Person], Client]) -> Client:
    ensure_roles()
    lead: Any = factories.PersonFactory.create(roles=["lead"], is_staff=True)
    return sign_in(lead)


@pytest.fixture
def approved(campaign: Campaign) -> Submission:
    return factories.make_submission(campaign=campaign, status="approved")


def last_entry() -> AuditEntry:
    entry = AuditEntry.objects.order_by("-pk").first()
    assert entry is not None
    return entry


# -- Who comes in -----------------------------------------------------------------------------------------


def test_a_stranger_signs_in_where_everybody_does(client: Client, db: None) -> None:
    answer = client.get("/admin/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=/admin/")


def test_a_contributor_does_not_come_in(author: Person, sign_in: Callable[[Person], Client]) -> None:
    assert sign_in(author).get("/admin/", follow=True).status_code == 403


@pytest.mark.parametrize("model", SHOWN)
def test_an_admin_sees_every_list(as_admin: Client, approved: Submission, model: type) -> None:
    assert as_admin.get(page(model, "changelist")).status_code == 200


@pytest.mark.parametrize("model", [AuditEntry, Person])
def test_a_lead_sees_neither_the_audit_nor_the_people(as_lead: Client, model: type) -> None:
    assert as_lead.get(page(model, "changelist")).status_code == 403


def test_groups_are_not_edited_here() -> None:
    assert not any(model.__name__ == "Group" for model in django_admin.site._registry)


# -- What nobody touches ----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", TO_LOOK_AT)
def test_what_the_rules_decide_is_only_looked_at(as_admin: Client, approved: Submission, model: Any) -> None:
    item = model.objects.first() or ImportBatch.objects.create(
        file_name="x.jsonl", format="jsonl", campaign=approved.campaign, started_at=factories.NOW
    )
    before = model.objects.filter(pk=item.pk).values().get()
    assert as_admin.get(page(item)).status_code == 200
    assert as_admin.get(page(model, "add")).status_code == 403
    assert as_admin.post(page(item), {"status": "rejected", "points": 99}).status_code == 403
    assert as_admin.post(page(item, "delete"), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [str(item.pk)], "post": "yes"}
    as_admin.post(page(model, "changelist"), chosen)
    assert model.objects.filter(pk=item.pk).values().get() == before


def test_a_first_draft_is_not_shown(as_admin: Client) -> None:
    draft = factories.make_submission(status="draft")
    assert str(draft.pk) not in as_admin.get(page(Submission, "changelist")).content.decode()


def test_a_list_is_not_filtered_by_secrets(as_admin: Client, approved: Submission) -> None:
    answer = as_admin.get(page(Submission, "changelist"), {"author__password__startswith": "m"})
    assert answer.status_code == 400


# -- Revocation -------------------------------------------------------------------------------------------


def test_an_admin_revokes_an_approval_with_a_reason(as_admin: Client, admin: Person, approved: Submission) -> None:
    assert page(approved, "revoke") in as_admin.get(page(approved)).content.decode()
    answer = as_admin.post(page(approved, "revoke"), {"reason": "Copied from a book."})
    assert answer.status_code == 302
    approved.refresh_from_db()
    assert approved.status == "submitted"
    assert approved.events.get(kind="revoked").note == "Copied from a book."
    entry = last_entry()
    assert (entry.by, entry.verb, entry.target) == (admin, "admin.revoked", f"submission {approved.pk}")
    assert entry.detail == {"reason": "Copied from a book."}


def test_an_admin_takes_a_record_out_at_a_persons_request(
    as_admin: Client, admin: Person, approved: Submission
) -> None:
    assert page(approved, "take-out") in as_admin.get(page(approved)).content.decode()
    answer = as_admin.post(page(approved, "take-out"), {"reason": "She is named in it."})
    assert answer.status_code == 302
    approved.refresh_from_db()
    assert (approved.status, approved.approved_at) == ("withdrawn", None)
    assert approved.events.get(kind="taken_out").note == "She is named in it."
    entry = last_entry()
    assert (entry.by, entry.verb) == (admin, "admin.taken_out")
    assert sum(approved.awards.filter(reason="approved").values_list("points", flat=True)) == 0


def test_taking_a_record_out_needs_a_reason(as_admin: Client, approved: Submission) -> None:
    assert as_admin.post(page(approved, "take-out"), {"reason": " "}).status_code == 400
    approved.refresh_from_db()
    assert approved.status == "approved"


def test_a_lead_cant_take_a_record_out(as_lead: Client, approved: Submission) -> None:
    assert as_lead.post(page(approved, "take-out"), {"reason": "No."}).status_code == 403
    approved.refresh_from_db()
    assert approved.status == "approved"


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_a_revocation_needs_a_reason(as_admin: Client, approved: Submission, reason: str) -> None:
    answer = as_admin.post(page(approved, "revoke"), {"reason": reason})
    assert answer.status_code == 400
    approved.refresh_from_db()
    assert approved.status == "approved"


def test_a_lead_cant_revoke(as_lead: Client, approved: Submission) -> None:
    assert as_lead.get(page(approved)).status_code == 200
    assert as_lead.post(page(approved, "revoke"), {"reason": "No."}).status_code == 403
    approved.refresh_from_db()
    assert approved.status == "approved"


def test_what_is_not_approved_cant_be_revoked(as_admin: Client) -> None:
    submission = factories.make_submission()
    assert as_admin.post(page(submission, "revoke"), {"reason": "No."}).status_code == 403


def test_an_address_that_names_nothing_is_not_found(as_admin: Client) -> None:
    assert as_admin.get("/admin/collector/submission/nonsense/revoke/").status_code == 404


# -- Campaigns --------------------------------------------------------------------------------------------


def form_of(client: Client, path: str) -> dict[str, Any]:
    """Return what the page's form would send unchanged."""
    context = client.get(path).context
    forms = [context["adminform"].form]
    for wrapped in context["inline_admin_formsets"]:
        forms += [wrapped.formset.management_form, *wrapped.formset.forms]
    sent = {form.add_prefix(name): form[name].value() for form in forms for name in form.fields}
    return {name: value for name, value in sent.items() if value is not None and value is not False}


def test_a_lead_publishes_new_terms(as_lead: Client, campaign: Campaign) -> None:
    answer = as_lead.post(page(campaign, "terms"), {"text": "  Only your own words.\r\nNothing else. "})
    assert answer.status_code == 302
    newest = campaign.terms.order_by("-number").first()
    assert newest is not None
    assert (newest.number, newest.text) == (2, "  Only your own words.\nNothing else. ")
    assert last_entry().verb == "terms.published"


def test_a_changed_campaign_is_recorded_with_before_and_after(
    as_admin: Client, admin: Person, campaign: Campaign
) -> None:
    sent = form_of(as_admin, page(campaign)) | {"lease_minutes": "20"}
    answer = as_admin.post(page(campaign), sent)
    assert answer.status_code == 302, answer.context["errors"]
    entry = last_entry()
    assert (entry.by, entry.verb, entry.target) == (admin, "admin.changed", f"campaign {campaign.slug}")
    assert entry.detail == {"before": {"lease_minutes": 15}, "after": {"lease_minutes": 20}}


def test_a_campaign_is_not_opened_or_closed_in_the_admin(as_admin: Client, campaign: Campaign) -> None:
    as_admin.post(page(campaign), form_of(as_admin, page(campaign)) | {"status": "closed"})
    campaign.refresh_from_db()
    assert campaign.status == "open"


def test_a_slug_stays_once_it_is_made(as_admin: Client, campaign: Campaign) -> None:
    before = campaign.slug
    as_admin.post(page(campaign), form_of(as_admin, page(campaign)) | {"slug": "other", "name": "New name"})
    campaign.refresh_from_db()
    assert (campaign.slug, campaign.name) == (before, "New name")


def test_a_changed_target_is_recorded(as_admin: Client, campaign: Campaign, category: Category) -> None:
    as_admin.post(page(campaign), form_of(as_admin, page(campaign)) | {"targets-0-target": "77"})
    assert campaign.targets.get().target == 77
    assert last_entry().detail == {"before": {"target": 10}, "after": {"target": 77}}


def test_a_campaign_is_not_deleted(as_admin: Client, campaign: Campaign) -> None:
    assert as_admin.post(page(campaign, "delete"), {"post": "yes"}).status_code == 403


def test_a_passage_is_kept_exactly(as_admin: Client) -> None:
    passage: Any = factories.PassageFactory.create()
    as_admin.post(page(passage), form_of(as_admin, page(passage)) | {"text": "  verse\r\n\tindented  "})
    passage.refresh_from_db()
    assert passage.text == "  verse\n\tindented  "


def test_a_deleted_team_is_recorded(as_admin: Client) -> None:
    team = factories.TeamFactory.create()
    as_admin.post(page(team, "delete"), {"post": "yes"})
    assert not Team.objects.exists()
    assert (last_entry().verb, last_entry().target) == ("admin.deleted", f"team {team.slug}")


# -- People -----------------------------------------------------------------------------------------------


def test_a_role_is_given_through_the_action(as_admin: Client, author: Person, admin: Person) -> None:
    answer = as_admin.post(page(author), form_of(as_admin, page(author)) | {"role": "lead"})
    assert answer.status_code == 302
    author = Person.objects.get(pk=author.pk)
    assert author.is_staff
    assert author.has_role("lead")
    assert AuditEntry.objects.get(verb="person.role", by=admin).target == author.handle


def test_a_changed_address_ends_the_old_one(as_admin: Client, author: Person) -> None:
    EmailAddress.objects.create(user=author, email=author.email, verified=True, primary=True)
    as_admin.post(page(author), form_of(as_admin, page(author)) | {"email": "ann@example.com"})
    author.refresh_from_db()
    assert author.email == "ann@example.com"
    assert not EmailAddress.objects.filter(user=author).exists()


@pytest.mark.parametrize("name", ["is_superuser", "is_staff", "password", "is_source", "pseudonym"])
def test_other_powers_of_a_person_cant_be_sent(as_admin: Client, author: Person, name: str) -> None:
    before = getattr(author, name)
    as_admin.post(page(author), form_of(as_admin, page(author)) | {name: "1", "display_name": "Ann"})
    author.refresh_from_db()
    assert (author.display_name, getattr(author, name)) == ("Ann", before)


def test_the_password_hash_is_never_shown(as_admin: Client) -> None:
    person = factories.PersonFactory.create(password="correct horse battery")
    shown = as_admin.get(page(person)).content.decode()
    assert person.password not in shown
    assert "password" not in form_of(as_admin, page(person))


def test_nobody_changes_their_own_role_or_access(as_admin: Client, admin: Person) -> None:
    as_admin.post(page(admin), form_of(as_admin, page(admin)) | {"role": "contributor"})
    assert as_admin.post(page(admin, "deactivate")).status_code == 403
    assert Person.objects.get(pk=admin.pk).has_role("admin")


def test_access_is_ended_and_given_back(
    as_admin: Client, reviewer: Person, sign_in: Callable[[Person], Client]
) -> None:
    theirs = sign_in(reviewer)
    assert theirs.get("/api/v1/submissions/").status_code == 200
    as_admin.post(page(reviewer, "deactivate"), {"sure": "yes"})
    assert theirs.get("/api/v1/submissions/").status_code == 401
    as_admin.post(page(reviewer, "reactivate"), {"sure": "yes"})
    again = Person.objects.get(pk=reviewer.pk)
    assert again.is_active
    assert again.has_role("reviewer")
    assert last_entry().verb == "person.reactivated"


def test_people_are_neither_added_nor_deleted(as_admin: Client, author: Person) -> None:
    assert as_admin.get(page(Person, "add")).status_code == 403
    assert as_admin.post(page(author, "delete"), {"post": "yes"}).status_code == 403


def test_an_invitation_shows_its_link_once(as_admin: Client) -> None:
    answer = as_admin.post(page(Invitation, "add"), {"email": "new@example.com", "role": "reviewer"}, follow=True)
    link = re.search(r"/invitation/([\w-]{20,})/", answer.content.decode())
    assert link is not None
    found = find_invitation(token=link[1], now=Invitation.objects.get().created_at)
    assert found is not None
    assert (found.email, found.role) == ("new@example.com", "reviewer")
    assert link[1] not in as_admin.get(page(Invitation, "changelist")).content.decode()
    assert AuditEntry.objects.filter(verb="person.invited", target="new@example.com").count() == 1


def test_an_address_that_is_here_is_not_invited(as_admin: Client, author: Person) -> None:
    answer = as_admin.post(page(Invitation, "add"), {"email": author.email.upper(), "role": "reviewer"})
    assert answer.status_code == 200
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("role", ["lead", "admin"])
def test_a_lead_cant_make_leads_or_admins(as_lead: Client, role: str) -> None:
    assert as_lead.post(page(Invitation, "add"), {"email": "new@example.com", "role": role}).status_code == 200
    assert not Invitation.objects.exists()


# -- Queries ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Submission, Revision, Review, Award, Event, AuditEntry, Passage, Person])
def test_a_list_costs_the_same_queries_for_one_row_and_for_many(
    as_admin: Client, campaign: Campaign, model: type, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for _number in range(8):
        factories.make_submission(campaign=campaign, status="approved")
        factories.PassageFactory.create()
    with django_assert_max_num_queries(12):
        as_admin.get(page(model, "changelist"))
