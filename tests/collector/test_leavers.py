"""Whoever leaves is out at once, whichever way the news comes in."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from collector.actions.leases import hand_out
from collector.actions.people import LastAdmin, deactivate_person, reactivate_person, set_role
from collector.actions.tokens import create_token
from collector.models import ApiToken, AuditEntry, Person, ReviewLease, Team
from tests.factories import NOW, PersonFactory, make_submission
from tests.factories import reviewer as make_reviewer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.django_db
SECRET = "a secret of the directory, long enough"


@pytest.fixture
def boss(db: None) -> Person:
    """An admin who stays."""
    return PersonFactory.create(email="boss@corp.example", roles=["admin"], is_staff=True, is_superuser=True)


def by_action(person: Person, boss: Person, tmp_path: Path) -> None:
    deactivate_person(person=person, by=None, now=NOW)


def by_admin(person: Person, boss: Person, tmp_path: Path) -> None:
    client = Client()
    client.force_login(boss, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.post(f"/admin/collector/person/{person.pk}/deactivate/", {"sure": "yes"}).status_code == 302


def by_list(person: Person, boss: Person, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(f"email,active\n{person.email},no\n", encoding="utf-8")
    call_command("sync_people", str(path), stdout=io.StringIO(), stderr=io.StringIO())


def by_absence(person: Person, boss: Person, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(f"email\n{boss.email}\n", encoding="utf-8")
    call_command("sync_people", str(path), "--deactivate-missing", stdout=io.StringIO(), stderr=io.StringIO())


def scim(method: str, path: str, body: Any = None, secret: str = SECRET) -> Any:
    return Client().generic(
        method,
        f"/scim/v2/{path}",
        json.dumps(body) if body is not None else "",
        content_type="application/scim+json",
        headers={"Authorization": f"Bearer {secret}"},
    )


def by_scim_patch(person: Person, boss: Person, tmp_path: Path) -> None:
    body = {"Operations": [{"op": "replace", "value": {"active": False}}]}
    assert scim("PATCH", f"Users/{person.pk}", body).status_code == 200


def by_scim_put(person: Person, boss: Person, tmp_path: Path) -> None:
    body = {"userName": person.email, "active": False}
    assert scim("PUT", f"Users/{person.pk}", body).status_code == 200


def by_scim_delete(person: Person, boss: Person, tmp_path: Path) -> None:
    assert scim("DELETE", f"Users/{person.pk}").status_code == 204


@pytest.mark.parametrize(
    "leave", [by_action, by_admin, by_list, by_absence, by_scim_patch, by_scim_put, by_scim_delete]
)
def test_the_next_request_of_a_leaver_is_refused(
    leave: Callable[..., None], boss: Person, sign_in: Any, settings: Any, tmp_path: Path
) -> None:
    settings.WOOLGATHER_SCIM_TOKEN = SECRET
    person = make_reviewer(email="ada@corp.example")
    client = sign_in(person)
    _token, raw = create_token(person=person, scope="review", by=person, now=NOW)
    bearer = {"Authorization": f"Bearer {raw}"}
    submission = make_submission()
    hand_out(submission=submission, by=person, now=NOW)
    assert client.get("/mine/").status_code == 200
    assert Client().get("/api/v1/categories/", headers=bearer).status_code == 200
    leave(person, boss, tmp_path)
    assert client.get("/mine/").status_code == 302
    assert client.get("/api/v1/categories/").status_code == 401
    assert Client().get("/api/v1/categories/", headers=bearer).status_code == 401
    assert not ReviewLease.objects.filter(reviewer=person).exists()
    assert not ApiToken.objects.live(NOW).filter(person=person).exists()
    assert AuditEntry.objects.filter(verb="person.deactivated", target=person.handle).count() == 1
    # Coming back is a new beginning: no old session or token lives again.
    reactivate_person(person=Person.objects.get(pk=person.pk), by=boss, now=NOW)
    assert client.get("/mine/").status_code == 302
    assert Client().get("/api/v1/categories/", headers=bearer).status_code == 401


def test_the_last_admin_is_neither_deactivated_nor_given_another_role(boss: Person) -> None:
    with pytest.raises(LastAdmin):
        deactivate_person(person=boss, by=None, now=NOW)
    with pytest.raises(LastAdmin):
        set_role(person=boss, role="lead", by=None, now=NOW)
    second = PersonFactory.create(roles=["admin"], is_superuser=True)
    set_role(person=boss, role="lead", by=None, now=NOW)
    with pytest.raises(LastAdmin):
        deactivate_person(person=second, by=None, now=NOW)


def test_another_role_lets_nobody_in_again(boss: Person) -> None:
    person = make_reviewer()
    deactivate_person(person=person, by=boss, now=NOW)
    set_role(person=person, role="lead", by=boss, now=NOW)
    person.refresh_from_db()
    assert (person.is_active, person.is_staff) == (False, False)
    assert person.groups.filter(name="lead").exists()


def test_a_role_given_at_the_moment_of_leaving_does_not_undo_it(boss: Person) -> None:
    person = make_reviewer()
    read_before = Person.objects.get(pk=person.pk)
    deactivate_person(person=person, by=boss, now=NOW)
    set_role(person=read_before, role="lead", by=boss, now=NOW)
    assert not Person.objects.get(pk=person.pk).is_active


# -- The list ---------------------------------------------------------------------------------------------


def sync(tmp_path: Path, text: str, *flags: str) -> dict[str, Any]:
    path = tmp_path / "people.csv"
    path.write_text(text, encoding="utf-8")
    out = io.StringIO()
    call_command("sync_people", str(path), "--json", *flags, stdout=out, stderr=io.StringIO())
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


LIST = """\ufeffEmail;Active;Role;Team;Name
ada@corp.example;yes;reviewer;Wool;Ada Lovelace
new@corp.example;;lead;;
gone@corp.example;no;;;
never@corp.example;no;;;
"""


def test_a_list_is_followed(boss: Person, tmp_path: Path) -> None:
    ada, gone = PersonFactory.create(email="Ada@corp.example"), PersonFactory.create(email="gone@corp.example")
    looked = sync(tmp_path, LIST, "--dry-run")
    assert looked["changed"] == 0
    assert not Person.objects.filter(email="new@corp.example").exists()
    assert looked["changes"] == [
        "ada@corp.example: contributor → reviewer",
        "ada@corp.example: team → Wool",
        "ada@corp.example: name → Ada Lovelace",
        "new@corp.example: would be added as lead",
        "gone@corp.example: would be deactivated",
    ]
    done = sync(tmp_path, LIST)
    assert (done["people"], done["changed"]) == (4, 3)
    ada = Person.objects.get(pk=ada.pk)
    assert ada.has_role("reviewer")
    assert (ada.display_name, ada.team) == ("Ada Lovelace", Team.objects.get(name="Wool"))
    assert Person.objects.get(email="new@corp.example").has_role("lead")
    assert not Person.objects.get(pk=gone.pk).is_active
    assert not Person.objects.filter(email="never@corp.example").exists()
    assert sync(tmp_path, LIST)["changed"] == 0


def test_who_is_missing_leaves_only_where_that_is_said(boss: Person, tmp_path: Path) -> None:
    person = PersonFactory.create(email="ada@corp.example")
    source = PersonFactory.create(is_source=True, is_active=False)
    text = "email,role\nboss@corp.example,admin\n"
    sync(tmp_path, text)
    assert Person.objects.get(pk=person.pk).is_active
    assert sync(tmp_path, text, "--deactivate-missing")["changed"] == 1
    assert not Person.objects.get(pk=person.pk).is_active
    assert Person.objects.filter(pk=source.pk, is_source=True).exists()


def test_one_admin_follows_another(boss: Person, tmp_path: Path) -> None:
    sync(tmp_path, "email,active,role\nboss@corp.example,no,\nada@corp.example,yes,admin\n")
    assert not Person.objects.get(pk=boss.pk).is_active
    assert Person.objects.get(email="ada@corp.example").has_role("admin")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("email,active,role\nada@corp.example,no,\nboss@corp.example,no,\n", "only admin"),
        ("email,role\nada@corp.example,reviewer\nboss@corp.example,lead\n", "only admin"),
        ("email,role\nada@corp.example,reviewer\nnobody,reviewer\n", "Line 3: “nobody” is not an e-mail address"),
        ("email,role\nada@corp.example,king\n", "Line 2: the role is one of"),
        ("email,active\nada@corp.example,maybe\n", "Line 2: “active” is yes or no"),
        ("email\nada@corp.example\n\nADA@corp.example\n", "Line 4: ada@corp.example stands in line 2 already"),
        ("email\nada@corp.example,reviewer\n", "Line 2: there are more cells than headings"),
        ("mail\nada@corp.example\n", "The first line names the columns"),
        ("email\n", "names nobody"),
        ("", "The first line names the columns"),
    ],
)
def test_a_list_that_is_wrong_changes_nothing(boss: Person, tmp_path: Path, text: str, words: str) -> None:
    person = PersonFactory.create(email="ada@corp.example")
    with pytest.raises(CommandError, match=words):
        sync(tmp_path, text)
    person = Person.objects.get(pk=person.pk)
    assert person.is_active
    assert person.role_names == {"contributor"}
    assert Person.objects.get(pk=boss.pk).has_role("admin")
