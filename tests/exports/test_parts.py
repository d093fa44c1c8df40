"""A version written in parts has the bytes of one that was written in one go, whoever wrote which part."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from exports import actions, columnar, fan_out, parts, places, tasks
from exports.models import DatasetVersion
from exports.writers import parquet
from exports.writers.formats import FORMATS
from jobs.models import Job
from jobs.runner import execute
from tests import factories
from tests.exports.helpers import approve_in_every_split, build, freeze, tree

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from collector.models import Campaign, Category

SHARD = 4


@pytest.fixture(autouse=True)
def _small(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight records in train are two shards of two row groups each."""
    for module in (parquet, fan_out):
        monkeypatch.setattr(module, "SHARD_ROWS", SHARD)
    monkeypatch.setattr(columnar, "GROUP_ROWS", 2)
    settings.WOOLGATHER_FAN_OUT_ROWS = 5


@pytest.fixture
def version(campaign: Campaign, category: Category) -> DatasetVersion:
    """A frozen version with all splits, in every format."""
    approve_in_every_split(campaign, category)
    return freeze(formats=list(FORMATS))


def whole(version: DatasetVersion, folder: Path) -> dict[str, bytes]:
    """Return what the version's files are when one process writes all of them in one go."""
    build(version, folder)
    DatasetVersion.objects.filter(pk=version.pk).update(
        status="building", ready_at=None, manifest_sha256="", files=[], beat_at=None
    )
    return tree(folder / "set" / "v1")


def queue_build(version: DatasetVersion) -> Job:
    """Queue the build as the page does, without ringing."""
    DatasetVersion.objects.filter(pk=version.pk).update(status="failed", failure="not built yet")
    by = factories.PersonFactory.create(roles=["lead"])
    tasks.start_again(version=version, by=by, now=timezone.now())
    return Job.objects.get(kind=tasks.KIND)


def test_the_parts_cover_every_record_once() -> None:
    found = columnar.parts({"train": 10, "test": 3}, SHARD)
    assert [(part.split, part.shard, part.first, part.last) for part in found] == [
        ("train", 0, 1, 4),
        ("train", 1, 5, 8),
        ("train", 2, 9, 10),
        ("test", 0, 11, 13),
    ]


def test_a_shard_begins_where_a_row_group_does() -> None:
    assert 100_000 % 5_000 == 0, "columnar.GROUP_ROWS must divide parquet.SHARD_ROWS as they are released"


@pytest.mark.django_db(transaction=True)
def test_parts_put_together_are_the_bytes_of_one_go(root: Path, version: DatasetVersion, tmp_path: Path) -> None:
    right = whole(version, tmp_path / "whole")
    assert "data/train-00001-of-00002.parquet" in right
    job = queue_build(version)
    assert execute(job_id=job.pk, worker="one") == "succeeded"
    assert tree(root / "set" / "v1") == right
    assert Job.objects.filter(kind=fan_out.PART, status="succeeded").count() == 4


@pytest.mark.django_db(transaction=True)
def test_no_part_stays_behind(root: Path, version: DatasetVersion) -> None:
    execute(job_id=queue_build(version).pk, worker="one")
    assert [path.name for path in (root / "set").iterdir()] == ["v1"]


@pytest.mark.django_db(transaction=True)
def test_what_other_workers_wrote_is_used(
    root: Path, version: DatasetVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = whole(version, tmp_path / "whole")
    job = queue_build(version)
    pieces = columnar.parts(version.splits, SHARD)
    for part in reversed(pieces):
        actions.write_part(version=version, part=part, root=root)
    monkeypatch.setattr(parts, "write_part", refuse)
    assert execute(job_id=job.pk, worker="one") == "succeeded"
    assert tree(root / "set" / "v1") == right
    assert not Job.objects.filter(kind=fan_out.PART).exists()


@pytest.mark.django_db(transaction=True)
def test_a_part_that_another_worker_wrote_elsewhere_is_written_here(
    root: Path, version: DatasetVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue_build(version)
    first = columnar.parts(version.splits, SHARD)[0]
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setattr(fan_out, "execute", away(first, root, elsewhere))
    assert execute(job_id=job.pk, worker="one") == "succeeded"
    assert (root / "set" / "v1").is_dir()


def away(first: columnar.Part, root: Path, elsewhere: Path) -> Any:
    """Return an execute that moves the first part out of sight once it is written, as on a disk of its own."""

    def run(**what: Any) -> str:
        outcome = execute(**what)
        for folder in root.glob(f"set/{places.PARTS}*/{parts.name_of(first)}"):
            if not elsewhere.exists():
                folder.rename(elsewhere)
        return outcome

    return run


@pytest.mark.django_db(transaction=True)
def test_a_full_disk_in_a_part_fails_the_version_with_its_reason(
    root: Path, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue_build(version)

    def full(**_what: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(parts, "write_part", full)
    assert execute(job_id=job.pk, worker="one") == "failed"
    version.refresh_from_db()
    assert version.status == "failed"
    assert "is full" in version.failure
    assert not Job.objects.active().filter(kind=fan_out.PART).exists()
    assert list(root.glob("set/*")) == []


def refuse(**_what: Any) -> None:
    """Stand in for what must not be called."""
    raise AssertionError("this part was there")
