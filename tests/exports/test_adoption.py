"""A build whose command was killed is taken up by a worker."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from exports import actions, tasks
from exports.models import DatasetVersion
from jobs.models import Job
from jobs.runner import execute
from jobs.tasks import sweep_and_ring
from tests.exports.helpers import approve, freeze

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from collector.models import Campaign, Category

pytestmark = pytest.mark.django_db


def ago(seconds: int) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def begun(campaign: Campaign, category: Category, **fields: datetime) -> DatasetVersion:
    """Freeze a version as a command does, and leave it."""
    approve(campaign, category, 2)
    version = freeze(now=ago(3_600))
    DatasetVersion.objects.filter(pk=version.pk).update(**fields)
    version.refresh_from_db()
    return version


def run(kind: str) -> None:
    execute(job_id=Job.objects.get(kind=kind).pk, worker="test", beat=False)


@pytest.mark.parametrize("fields", [{}, {"beat_at": 61}])
def test_a_build_that_was_left_is_finished_by_a_worker(
    root: Path, campaign: Campaign, category: Category, fields: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.tasks._looked", {})  # no sweep of another test counts
    version = begun(campaign, category, **{name: ago(seconds) for name, seconds in fields.items()})
    sweep_and_ring()
    run(tasks.ADOPT)
    run(tasks.KIND)
    version.refresh_from_db()
    assert version.is_ready
    assert (root / "set" / "v1" / "manifest.json").is_file()
    assert not tasks.has_abandoned(timezone.now())


def test_a_build_that_beats_is_left_alone(campaign: Campaign, category: Category) -> None:
    begun(campaign, category, beat_at=ago(50))
    assert not tasks.has_abandoned(timezone.now())


def test_a_build_with_a_job_is_the_jobs_own(campaign: Campaign, category: Category) -> None:
    version = begun(campaign, category)
    DatasetVersion.objects.filter(pk=version.pk).update(job="00000000-0000-4000-8000-000000000000")
    assert not tasks.has_abandoned(timezone.now())


def test_a_build_says_that_it_goes_on(root: Path, campaign: Campaign, category: Category) -> None:
    version = begun(campaign, category)
    start = timezone.now()
    steps = iter(range(1_000))
    beats: list[datetime | None] = []

    def clock() -> datetime:
        return start + 6 * timedelta(seconds=next(steps))

    def progress(_done: int, _total: int, _message: str) -> None:
        beats.append(DatasetVersion.objects.get().beat_at)

    actions.build_version(version=version, root=root, clock=clock, progress=progress)
    assert beats[0] == start
    assert beats[-1] is not None
    assert beats[-1] > start
