from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collector.models import AuditEntry
from jobs import actions
from jobs.models import Job
from tests.factories import NOW, PersonFactory

if TYPE_CHECKING:
    from collector.models import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(db: None) -> Person:
    return PersonFactory.create(roles=["admin"])


def entries() -> list[tuple[str, int | None, str]]:
    return list(AuditEntry.objects.filter(verb__startswith="job.").order_by("pk").values_list("verb", "by", "target"))


def test_the_audit_says_who_cancelled_a_job_and_who_started_it_again(admin: Person) -> None:
    job = actions.enqueue(kind="operations.backup", payload={}, by=None, now=NOW)
    actions.cancel(job_id=job.pk, by=admin, now=NOW)
    actions.retry(job_id=job.pk, by=None, now=NOW)
    target = f"operations.backup {job.pk}"
    assert entries() == [("job.cancelled", admin.pk, target), ("job.retried", None, target)]


def test_what_a_job_s_state_forbids_is_not_in_the_audit(admin: Person) -> None:
    job = actions.enqueue(kind="operations.backup", payload={}, by=None, now=NOW)
    with pytest.raises(actions.JobStateError):
        actions.retry(job_id=job.pk, by=admin, now=NOW)
    assert Job.objects.get(pk=job.pk).status == Job.Status.QUEUED
    assert entries() == []
