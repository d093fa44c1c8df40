from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from jobs import actions, tasks
from jobs.admin import JobAdmin
from jobs.models import Job
from tests.jobs.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


class Told(JobAdmin):
    """Collects what it would tell the person."""

    said: list[str]

    def message_user(self, request: HttpRequest, message: object, *_args: object, **_kwargs: object) -> None:
        self.said.append(str(message))


@pytest.fixture
def page() -> Told:
    page = Told(Job, site)
    page.said = []
    return page


@pytest.fixture
def request_() -> HttpRequest:
    request = RequestFactory().post("/")
    request.user = AnonymousUser()
    return request


def test_starting_again_queues_and_rings(
    page: Told, request_: HttpRequest, queued: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[Job] = []
    monkeypatch.setattr(tasks, "ring", rung.append)
    job = queued()
    actions.cancel(job_id=job.pk, by=None, now=NOW)
    page.start_again(request_, Job.objects.all())
    job.refresh_from_db()
    assert job.status == Job.Status.QUEUED
    assert rung == [job]
    assert page.said == ["1 job."]


def test_what_cannot_be_cancelled_is_told(page: Told, request_: HttpRequest, queued: Callable[..., Job]) -> None:
    waiting, ended = queued(), queued()
    actions.cancel(job_id=ended.pk, by=None, now=NOW)
    page.cancel(request_, Job.objects.all())
    waiting.refresh_from_db()
    assert waiting.status == Job.Status.CANCELLED
    assert sorted(page.said) == ["1 job.", f"{ended}: This job has already finished."]


def test_jobs_are_never_edited_by_hand(page: Told, request_: HttpRequest) -> None:
    assert not page.has_add_permission(request_)
    assert not page.has_change_permission(request_)
    assert not page.has_delete_permission(request_)
