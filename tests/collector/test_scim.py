from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from collector.actions.erasure import erase_person
from collector.actions.tokens import create_token
from collector.models import AuditEntry, DirectoryAccount, Person
from tests.collector.test_leavers import SECRET, scim
from tests.factories import NOW, PersonFactory

pytestmark = pytest.mark.django_db
USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture(autouse=True)
def switched_on(settings: Any) -> None:
    """SCIM is on, and there is an admin who stays."""
    settings.WOOLGATHER_SCIM_TOKEN = SECRET
    PersonFactory.create(email="boss@corp.example", roles=["admin"], is_superuser=True)


def body(**more: Any) -> dict[str, Any]:
    """Return a user as Okta sends one."""
    return {
        "schemas": [USER],
        "userName": "ada@corp.example",
        "name": {"givenName": "Ada", "familyName": "Lovelace"},
        "emails": [{"primary": True, "value": "ada@corp.example", "type": "work"}],
        "externalId": "00u1",
        "groups": [],
        "active": True,
        "locale": "en-US",
    } | more


def test_it_is_off_until_a_secret_is_set(settings: Any) -> None:
    settings.WOOLGATHER_SCIM_TOKEN = ""
    assert scim("GET", "Users", secret="").status_code == 404
    assert scim("GET", "ServiceProviderConfig", secret="None").status_code == 404


def test_nobody_but_the_directory_comes_in(admin: Person, sign_in: Any) -> None:
    _token, raw = create_token(person=admin, scope="admin", by=admin, now=NOW)
    for answer in (
        Client().get("/scim/v2/Users"),
        sign_in(admin).get("/scim/v2/Users"),
        scim("GET", "Users", secret="another secret"),
        scim("GET", "Users", secret=raw),
        scim("DELETE", f"Users/{admin.pk}", secret=""),
    ):
        assert answer.status_code == 401
        assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
        assert answer.json()["status"] == "401"
    assert Client().get("/api/v1/categories/", headers={"Authorization": f"Bearer {SECRET}"}).status_code == 401


def test_the_life_of_a_user_as_okta_leads_it() -> None:
    found = scim("GET", 'Users?filter=userName eq "ada@corp.example"&startIndex=1&count=100').json()
    assert (found["totalResults"], found["Resources"]) == (0, [])
    made = scim("POST", "Users", body())
    assert made.status_code == 201
    assert made.headers["Content-Type"].startswith("application/scim+json")
    user = made.json()
    assert made.headers["Location"] == user["meta"]["location"] == f"http://testserver/scim/v2/Users/{user['id']}"
    assert (user["userName"], user["externalId"], user["active"]) == ("ada@corp.example", "00u1", True)
    person = Person.objects.get(pk=user["id"])
    assert (person.display_name, person.email) == ("Ada Lovelace", "ada@corp.example")
    assert person.role_names == {"contributor"}
    assert not person.has_usable_password()
    found = scim("GET", 'Users?filter=userName eq "ADA@corp.example"').json()
    assert [one["id"] for one in found["Resources"]] == [user["id"]]
    changed = scim("PUT", f"Users/{user['id']}", body(name={"givenName": "Ada", "familyName": "King"})).json()
    assert changed["displayName"] == "Ada King"
    off = scim("PATCH", f"Users/{user['id']}", {"Operations": [{"op": "replace", "value": {"active": False}}]})
    assert off.json()["active"] is False
    on = scim("PATCH", f"Users/{user['id']}", {"Operations": [{"op": "replace", "value": {"active": True}}]})
    assert on.json()["active"] is True
    assert AuditEntry.objects.filter(verb="person.reactivated", target=person.handle).exists()


def test_the_ways_in_which_entra_writes() -> None:
    made = scim("POST", "Users", body(userName="ada@tenant.example", emails=[{"value": "ada@corp.example"}])).json()
    operations = [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "king@corp.example"},
        {"op": "Add", "path": "name.familyName", "value": "King"},
        {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Wool"},
    ]
    answer = scim("PATCH", f"Users/{made['id']}", {"Operations": operations})
    assert answer.status_code == 200
    person = Person.objects.get(pk=made["id"])
    assert (person.is_active, person.email, person.display_name) == (False, "king@corp.example", "Ada King")
    assert DirectoryAccount.objects.get(person=person).user_name == "ada@tenant.example"
    found = scim("GET", 'Users?filter=externalId eq "00u1"').json()
    assert found["totalResults"] == 1


def test_a_new_address_from_the_directory_ends_the_old_one() -> None:
    person = PersonFactory.create(email="ada@corp.example")
    EmailAddress.objects.create(user=person, email="ada@corp.example", verified=True, primary=True)
    scim("PUT", f"Users/{person.pk}", body(emails=[{"value": "king@corp.example"}]))
    assert not EmailAddress.objects.filter(email="ada@corp.example").exists()
    assert Person.objects.get(pk=person.pk).email == "king@corp.example"


def test_somebody_who_is_here_already_is_found_and_not_made_twice() -> None:
    person = PersonFactory.create(email="ada@corp.example")
    assert scim("GET", 'Users?filter=userName eq "ada@corp.example"').json()["Resources"][0]["id"] == str(person.pk)
    answer = scim("POST", "Users", body())
    assert (answer.status_code, answer.json()["scimType"]) == (409, "uniqueness")


def test_two_people_never_share_a_name_or_an_address() -> None:
    one, two = (scim("POST", "Users", body(userName=f"{n}@corp.example", emails=[])).json() for n in "ab")
    for change in ({"userName": "B@corp.example"}, {"emails": [{"value": "B@corp.example"}]}):
        answer = scim("PATCH", f"Users/{one['id']}", {"Operations": [{"op": "replace", "value": change}]})
        assert answer.status_code == 409
    assert two["id"] != one["id"]
    assert Person.objects.get(pk=one["id"]).email == "a@corp.example"


def test_the_source_of_an_import_is_nobody() -> None:
    source = PersonFactory.create(is_source=True, is_active=False)
    assert scim("GET", f"Users/{source.pk}").status_code == 404
    assert all(one["id"] != str(source.pk) for one in scim("GET", "Users").json()["Resources"])


def test_groups_are_the_roles() -> None:
    person = PersonFactory.create()
    boss = Person.objects.get(email="boss@corp.example")
    listed = scim("GET", 'Groups?filter=displayName eq "reviewer"&excludedAttributes=members').json()
    assert [one["id"] for one in listed["Resources"]] == ["reviewer"]
    add = {"Operations": [{"op": "add", "path": "members", "value": [{"value": str(person.pk)}]}]}
    assert scim("PATCH", "Groups/reviewer", add).status_code == 204
    assert Person.objects.get(pk=person.pk).has_role("reviewer")
    assert [one["value"] for one in scim("GET", "Groups/reviewer").json()["members"]] == [str(person.pk)]
    out = {"Operations": [{"op": "Remove", "path": f'members[value eq "{person.pk}"]'}]}
    assert scim("PATCH", "Groups/reviewer", out).status_code == 204
    assert not Person.objects.get(pk=person.pk).has_role("reviewer")
    swap = {"Operations": [{"op": "replace", "value": {"id": "admin", "members": [{"value": str(person.pk)}]}}]}
    assert scim("PATCH", "Groups/admin", swap).status_code == 204
    assert Person.objects.get(pk=person.pk).is_superuser
    assert not Person.objects.get(pk=boss.pk).is_superuser


def test_a_group_brings_nobody_back() -> None:
    person = PersonFactory.create(is_active=False)
    add = {"Operations": [{"op": "add", "path": "members", "value": [{"value": str(person.pk)}]}]}
    assert scim("PATCH", "Groups/admin", add).status_code == 204
    person = Person.objects.get(pk=person.pk)
    assert (person.is_active, person.is_staff, person.is_superuser) == (False, False, False)


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("PATCH", "Users/{boss}", {"Operations": [{"op": "replace", "value": {"active": False}}]}),
        ("DELETE", "Users/{boss}", None),
        ("PUT", "Groups/admin", {"members": []}),
        ("PATCH", "Groups/admin", {"Operations": [{"op": "remove", "path": "members"}]}),
    ],
)
def test_the_last_admin_stays(method: str, path: str, sent: Any) -> None:
    boss = Person.objects.get(email="boss@corp.example")
    answer = scim(method, path.format(boss=boss.pk), sent)
    assert answer.status_code == 403
    assert "only admin" in answer.json()["detail"]
    assert Person.objects.get(pk=boss.pk).has_role("admin")


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "kind"),
    [
        ("GET", 'Users?filter=userName co "a"', None, 400, "invalidFilter"),
        ("GET", 'Users?filter=password eq "a"', None, 400, "invalidFilter"),
        ("GET", "Users?startIndex=x", None, 400, "invalidValue"),
        ("GET", "Users/999999999999999999999999", None, 404, ""),
        ("GET", "Users/abc", None, 404, ""),
        ("GET", "Groups/kings", None, 404, ""),
        ("POST", "Users", {"userName": ""}, 400, "invalidValue"),
        ("POST", "Users", {"userName": "ada"}, 400, "invalidValue"),
        ("POST", "Users", {"userName": "a\u0000@corp.example"}, 400, "invalidValue"),
        ("POST", "Users", {"userName": 5}, 400, "invalidValue"),
        ("POST", "Users", [], 400, "invalidSyntax"),
        ("POST", "Users", {"userName": "a@corp.example", "active": "perhaps"}, 400, "invalidValue"),
        ("PATCH", "Users/{boss}", {}, 400, "invalidSyntax"),
        ("PATCH", "Users/{boss}", {"Operations": ["x"]}, 400, "invalidSyntax"),
        ("PATCH", "Users/{boss}", {"Operations": [{"op": "replace", "value": 1}]}, 400, "invalidValue"),
        ("PATCH", "Groups/admin", {"Operations": [{"op": "add", "path": "owner", "value": 1}]}, 400, "invalidPath"),
        (
            "PATCH",
            "Groups/lead",
            {"Operations": [{"op": "add", "path": "members", "value": ["x"]}]},
            400,
            "invalidValue",
        ),
        ("PUT", "Groups/lead", {"members": [{"value": "999999"}]}, 404, ""),
        ("DELETE", "Groups/lead", None, 405, ""),
        ("POST", "Groups", {"displayName": "kings"}, 405, ""),
    ],
)
def test_what_is_wrong_is_said_as_scim_says_it(method: str, path: str, sent: Any, status: int, kind: str) -> None:
    boss = Person.objects.get(email="boss@corp.example")
    answer = scim(method, path.format(boss=boss.pk), sent)
    assert answer.status_code == status, answer.content
    error = answer.json()
    assert error["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert error["status"] == str(status)
    assert error["detail"]
    assert error.get("scimType", "") == kind


def test_pages_and_discovery() -> None:
    PersonFactory.create_batch(3)
    page = scim("GET", "Users?startIndex=2&count=2").json()
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"], len(page["Resources"])) == (4, 2, 2, 2)
    assert scim("GET", "ServiceProviderConfig").json()["patch"] == {"supported": True}
    assert {one["id"] for one in scim("GET", "ResourceTypes").json()["Resources"]} == {"User", "Group"}
    assert scim("GET", "Schemas").json()["totalResults"] == 2


def test_a_page_of_people_costs_the_same_for_any_number(django_assert_max_num_queries: Any) -> None:
    PersonFactory.create_batch(20)
    with django_assert_max_num_queries(4):
        assert len(scim("GET", "Users").json()["Resources"]) == 21


@pytest.mark.parametrize("external", ["a\x00b", "\ud800", "x" * 255])
def test_an_external_id_that_no_database_keeps_is_refused(external: str) -> None:
    answer = scim("POST", "Users", body(externalId=external))
    assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert not Person.objects.filter(email="ada@corp.example").exists()


def test_who_was_erased_is_nobody_to_the_directory(admin: Person) -> None:
    user = scim("POST", "Users", body()).json()
    erase_person(person=Person.objects.get(pk=user["id"]), by=admin, now=NOW)
    assert scim("GET", 'Users?filter=userName eq "ada@corp.example"').json()["totalResults"] == 0
    assert scim("GET", f"Users/{user['id']}").status_code == 404
    assert scim("POST", "Users", body()).status_code == 201
