"""The audit: nothing in it changes, not even past the application; the page and its download."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, InternalError, connection, transaction
from django.utils import timezone

from collector import audit_guard
from collector.models import AppendOnly, AuditEntry
from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from collector.models import Person

pytestmark = pytest.mark.django_db


def note(verb: str = "person.role", target: str = "ada", **fields: Any) -> AuditEntry:
    return AuditEntry.objects.create(verb=verb, target=target, **{"at": factories.NOW, **fields})


@pytest.fixture
def as_admin(admin: Person, sign_in: Callable[[Person], Client]) -> Client:
    return sign_in(admin)


def test_the_model_neither_changes_nor_deletes() -> None:
    entry = note()
    entry.target = "eve"
    for act in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(target="eve"),
        lambda: AuditEntry.objects.bulk_update([entry], ["target"]),
    ):
        with pytest.raises(AppendOnly):
            act()
    assert AuditEntry.objects.get(pk=entry.pk).target == "ada"


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM collector_auditentry WHERE id = %s",
        "UPDATE collector_auditentry SET verb = 'x' WHERE id = %s",
        "UPDATE collector_auditentry SET target = 'x' WHERE id = %s",
        "UPDATE collector_auditentry SET detail = '{}' WHERE id = %s",
        "UPDATE collector_auditentry SET at = '2020-01-01' WHERE id = %s",
        "UPDATE collector_auditentry SET ip = '10.0.0.9' WHERE id = %s",
        "UPDATE collector_auditentry SET by_id = (SELECT max(id) FROM collector_person) WHERE id = %s",
    ],
)
def test_the_database_refuses_too(change: str, admin: Person, author: Person) -> None:
    entry = note(by=admin, detail={"before": 1})
    before = AuditEntry.objects.filter(pk=entry.pk).values().get()
    with (
        pytest.raises((IntegrityError, InternalError), match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change, [entry.pk])
    assert AuditEntry.objects.filter(pk=entry.pk).values().get() == before


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no TRUNCATE")
def test_the_database_refuses_to_empty_the_table() -> None:
    note()
    connection.check_constraints()  # else the checks that wait for the transaction's end are what refuses
    with pytest.raises((IntegrityError, InternalError), match="append-only"), transaction.atomic():
        connection.cursor().execute("TRUNCATE collector_auditentry")
    assert AuditEntry.objects.exists()


def test_the_triggers_are_what_refuses() -> None:
    entry = note()
    with connection.cursor() as cursor:
        for statement in audit_guard.drop_statements(connection.vendor):
            cursor.execute(statement)
        cursor.execute("UPDATE collector_auditentry SET verb = 'x' WHERE id = %s", [entry.pk])
    assert AuditEntry.objects.get(pk=entry.pk).verb == "x"
    audit_guard.install(connection)


@pytest.mark.django_db(transaction=True)
def test_a_migration_may_change_the_table_and_the_triggers_come_back() -> None:
    entry = note()
    migrate = partial(call_command, "migrate", "collector", verbosity=0)
    try:
        migrate("0013")  # without redacted_at, which a trigger names
    finally:
        migrate()
    with (
        pytest.raises((IntegrityError, InternalError), match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE collector_auditentry SET verb = 'x' WHERE id = %s", [entry.pk])


def test_an_entry_says_where_the_request_came_from(author: Person, sign_in: Callable[[Person], Client]) -> None:
    client = sign_in(author)
    client.post("/profile/data/", REMOTE_ADDR="192.0.2.7")
    assert AuditEntry.objects.get(verb="person.data").ip == "192.0.2.7"
    assert note().ip is None, "outside of a request there is no address"


def test_the_page_goes_on_where_it_ended_whatever_shares_a_moment(as_admin: Client) -> None:
    for number in range(120):
        note(target=f"t{number:03}")
    seen: list[str] = []
    query = {"verb": "person.role"}
    for _page in range(3):
        answer = as_admin.get("/audit/", query)
        seen += [entry.target for entry in answer.context["entries"]]
        query["before"] = answer.context["last"] or ""
    assert seen == [f"t{number:03}" for number in range(119, -1, -1)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"person": "ada"}, ["one"]),
        ({"verb": "person"}, ["two", "one"]),
        ({"verb": "person.role"}, ["one"]),
        ({"target": "thr"}, ["three"]),
        ({"day": "2026-03-04"}, ["three"]),
        ({"person": "nobody"}, []),
    ],
)
def test_the_page_is_filtered(as_admin: Client, query: dict[str, str], expected: list[str]) -> None:
    ada = factories.PersonFactory.create(handle="ada")
    note(by=ada, target="one")
    note("person.data", "two", at=factories.NOW + timedelta(hours=1))
    note("token.created", "three", at=factories.NOW + timedelta(days=2))
    answer = as_admin.get("/audit/", query)
    assert [entry.target for entry in answer.context["entries"]] == expected


def test_a_filter_that_can_t_be_read_is_refused(as_admin: Client) -> None:
    assert as_admin.get("/audit/", {"day": "yesterday"}).status_code == 400
    assert as_admin.get("/audit/", {"before": "-1"}).status_code == 400


def test_the_page_costs_the_same_for_one_and_for_fifty(
    as_admin: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(60):
        note(by=factories.PersonFactory.create(), target=f"t{number}")
    with django_assert_max_num_queries(8):
        assert as_admin.get("/audit/").status_code == 200


def test_the_download_is_recorded_and_holds_no_formula(as_admin: Client, admin: Person) -> None:
    note(target="=1+1", detail={"reason": "why"})
    answer = as_admin.get("/audit/audit.csv", {"verb": "person"})
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]  # a streaming answer
    assert "'=1+1" in text
    assert "text/csv" in answer.headers["Content-Type"]
    entry = AuditEntry.objects.get(verb="audit.downloaded")
    assert (entry.by, entry.detail) == (admin, {"verb": "person"})
    assert timezone.now() - entry.at < timedelta(minutes=1)
