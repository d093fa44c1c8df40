"""What a body or a query may not say: every read-only field × every writing address, every lookup × every list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from collector.models import Person, Review, Submission
from collector.serializers import ReviewInput, ReviewSerializer, SubmissionInput, SubmissionSerializer
from exports.api import BuildSerializer, VersionDetailSerializer
from exports.models import DatasetVersion
from tests import factories
from tests.access.matrix import routes
from tests.access.people import BACKEND
from tests.collector.callers import SUBMISSIONS, Caller, a_pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.models import Campaign, Category

pytestmark = pytest.mark.django_db

NOT_OURS = {"points", "is_staff", "is_superuser", "role", "approved_by", "author_id", "import_batch", "terms", "pk"}
SUBMISSION_FIELDS = sorted(
    ({*SubmissionSerializer.Meta.fields, *(field.name for field in Submission._meta.fields)} | NOT_OURS)
    - set(SubmissionInput().fields)
)
REVIEW_FIELDS = sorted(
    ({*ReviewSerializer.Meta.fields, *(field.name for field in Review._meta.fields)} | NOT_OURS)
    - set(ReviewInput().fields)
)
VERSION_FIELDS = sorted(
    {
        *VersionDetailSerializer.Meta.fields,
        *(field.name for field in DatasetVersion._meta.fields),
        *("filters", "is_staff", "pk", "role"),
    }
    - set(BuildSerializer().fields)
)
VALUES: tuple[Any, ...] = ("approved", 1, True)


def snapshot() -> str:
    """Return everything in the core's and the exports' tables, but for when a token was last used."""
    models = [*apps.get_app_config("collector").get_models(), *apps.get_app_config("exports").get_models()]
    rows = {
        model._meta.label: [
            {name: value for name, value in row.items() if name != "last_used_at"}
            for row in model._default_manager.order_by("pk").values()
        ]
        for model in models
        if model._meta.managed and model._meta.label != "exports.Chosen"
    }
    return json.dumps(rows, default=str)


def test_the_lists_are_not_empty() -> None:
    assert {"status", "author", "approved_at", "points"} <= set(SUBMISSION_FIELDS)
    assert {"reviewer", "voided_at", "author"} <= set(REVIEW_FIELDS)
    assert {"status", "number"} <= set(VERSION_FIELDS)


def test_no_submission_is_given_what_follows_from_what_people_do(
    campaign: Campaign, category: Category, author: Person
) -> None:
    caller, before = Caller(author), snapshot()
    for name in SUBMISSION_FIELDS:
        for value in VALUES:
            answer = caller.post(SUBMISSIONS, a_pair(campaign, category) | {name: value})
            assert answer.status_code == 400, name
            assert name in answer.json()["errors"]
    without = json.loads(snapshot())
    assert without == json.loads(before) | {key: without[key] for key in ("collector.ApiToken", "collector.AuditEntry")}
    assert not Submission.objects.exists()


def test_no_review_is_given_what_follows_from_it(campaign: Campaign, reviewer: Person) -> None:
    item, caller = factories.make_submission(campaign=campaign), Caller(reviewer, "review")
    before = snapshot()
    for name in REVIEW_FIELDS:
        body = {"revision": 1, "decision": "approve", name: 1}
        answer = caller.post(f"{SUBMISSIONS}{item.pk}/reviews/", body)
        assert answer.status_code == 400, name
    assert snapshot() == before


def test_no_version_is_given_what_freezing_decides(campaign: Campaign, admin: Person) -> None:
    # There is something to release, so nothing but the field can be what is wrong.
    factories.make_submission(campaign=campaign, status="approved")
    caller = Caller(admin, "admin")
    before = snapshot()
    for name in VERSION_FIELDS:
        for value in VALUES:
            answer = caller.post("/api/v1/datasets/", {"name": "set", name: value})
            assert answer.status_code == 400, name
            assert list(answer.json()["errors"]) == [name]
    assert snapshot() == before


PERSON_FIELDS = sorted(
    {field.name for field in Person._meta.fields}
    - {
        *("display_name", "handle", "team", "time_zone", "on_boards"),
        *("wants_digest", "wants_announcements", "wants_reminders", "weekends_count", "wants_celebrations"),
    }
)


def test_the_profile_s_form_changes_nothing_but_its_own_fields(
    author: Person, sign_in: Callable[[Person], Client]
) -> None:
    before = Person.objects.filter(pk=author.pk).values(*PERSON_FIELDS).get()
    sent = {"display_name": "New", "handle": "new-handle", "time_zone": "UTC", "on_boards": "name"}
    evil = dict.fromkeys([*PERSON_FIELDS, "role", "groups", "user_permissions"], "1")
    answer = sign_in(author).post("/profile/", evil | sent)
    assert answer.status_code == 302
    after = Person.objects.filter(pk=author.pk).values(*PERSON_FIELDS).get()
    after["last_login"] = before["last_login"]  # signing in for the test
    assert after == before
    assert Person.objects.get(pk=author.pk).display_name == "New"
    assert Person.objects.get(pk=author.pk).role_names == {"contributor"}


def test_the_writer_s_forms_change_nothing_but_the_text(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    item = factories.make_submission(campaign=campaign, author=author, status="changes_requested")
    fixed = {"status", "author_id", "campaign_id", "approved_at", "locked_at", "import_batch_id", "licence"}
    before = Submission.objects.filter(pk=item.pk).values(*fixed).get()
    evil = dict.fromkeys([field.name for field in Submission._meta.fields], "approved")
    client = sign_in(author)
    client.post(f"/submissions/{item.pk}/edit/draft/", evil | {"instruction": "Why?", "version": "0"})
    client.post(f"/submissions/{item.pk}/comments/", evil | {"text": "Hello", "by": "1"})
    assert Submission.objects.filter(pk=item.pk).values(*fixed).get() == before


# -- Lookups in queries -----------------------------------------------------------------------------------

EVIL = [
    "author__password__startswith",
    "person__email",
    "ordering",
    "order_by",
    "sort",
    "search",
    "fields",
    "expand",
    "include",
    "limit",
    "status__in",
]
# The OpenAPI document and its page have parameters of their own.
API_LISTS = sorted(
    {route.pattern for route in routes() if route.pattern.startswith("api/v1/") and not route.has_parameters}
)


@pytest.mark.parametrize("pattern", API_LISTS)
def test_a_list_of_the_api_knows_its_parameters_and_refuses_others(admin: Person, pattern: str) -> None:
    caller = Caller(admin, "admin")
    for name in EVIL:
        answer = caller.get(f"/{pattern}", **{name: "md5"})
        assert answer.status_code == 400, f"/{pattern}?{name}= is answered with {answer.status_code}"


PAGES = ["/mine/", "/review/grid/rows/", "/leaderboard/", "/datasets/", "/notices/", "/campaigns/", "/runs/", "/audit/"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_s_answer_does_not_depend_on_lookups(campaign: Campaign, admin: Person, path: str) -> None:
    factories.make_submission(campaign=campaign, author=admin, now=timezone.now())
    client = Client()
    client.force_login(admin, backend=BACKEND)

    def lengths(**query: str) -> tuple[int, int]:
        answer = client.get(path, query)
        text = answer.content.decode()
        return answer.status_code, text.count("<tr") + text.count("<li") + text.count('"id"')

    plain = lengths()
    assert plain[0] == 200
    for name in ("author__password__startswith", "by__password__startswith", "ordering", "fields"):
        assert lengths(**{name: "md5$"}) in {plain, (400, 0)} or lengths(**{name: "md5$"})[0] == 400
