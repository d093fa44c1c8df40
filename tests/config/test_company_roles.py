from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from collector.models import AuditEntry, Person
from config.sign_in.adapter import groups_in
from tests.factories import PersonFactory

if TYPE_CHECKING:
    from tests.config.company import Provider

pytestmark = pytest.mark.django_db

MAPPING = "wg-reviewers=reviewer,wg-leads=lead,wg-admins=admin"


def roles(email: str = "ada@corp.example") -> set[str]:
    return set(Person.objects.get(email=email).role_names)


def test_groups_give_and_take_roles_at_each_sign_in(company: Any, provider: Provider) -> None:
    PersonFactory.create(roles=["admin"])
    seen = []
    for groups in (["wg-reviewers", "all"], ["wg-reviewers", "wg-admins"], ["wg-leads"], []):
        provider.employ("ada", groups=groups)
        company(ROLES=MAPPING).sign_in("ada")
        seen.append(roles() - {"contributor"})
    assert seen == [{"reviewer"}, {"admin"}, {"lead"}, set()]
    person = Person.objects.get(email="ada@corp.example")
    assert not person.is_staff
    assert not person.is_superuser
    assert AuditEntry.objects.filter(verb="person.role", target=person.handle).count() == 5


def test_a_claim_that_is_missing_gives_nothing(company: Any, provider: Provider) -> None:
    provider.employ("ada", groups=["wg-reviewers"])
    company(ROLES=MAPPING).sign_in("ada")
    provider.employ("ada")
    company(ROLES=MAPPING).sign_in("ada")
    assert roles() == {"contributor"}


def test_a_role_that_no_group_manages_stays(company: Any, provider: Provider) -> None:
    PersonFactory.create(email="ada@corp.example", roles=["lead"], is_staff=True)
    provider.employ("ada", groups=["wg-reviewers"])
    company(CONNECT_BY_EMAIL="on", ROLES="wg-reviewers=reviewer").sign_in("ada")
    assert "lead" in roles()


def test_the_last_admin_stays_one_whatever_the_groups_say(company: Any, provider: Provider) -> None:
    provider.employ("ada", groups=["wg-admins"])
    company(ROLES=MAPPING).sign_in("ada")
    provider.employ("ada", groups=[])
    browser = company(ROLES=MAPPING)
    browser.sign_in("ada")
    assert browser.is_in
    assert "admin" in roles()


def test_groups_lie_where_the_settings_say() -> None:
    assert groups_in({"realm_access": {"roles": ["a"]}}, "realm_access.roles") == ["a"]
    assert groups_in({"https://corp.example/groups": "a"}, "https://corp.example/groups") == ["a"]
    assert groups_in({"groups": {"a": 1}}, "groups") == []
    assert groups_in({"_claim_names": {"groups": "src1"}}, "groups") is None
