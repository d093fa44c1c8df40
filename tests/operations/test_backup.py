"""A backup is one moment's, whole or not there; what is restored from it equals what was backed up."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tarfile
import threading
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F

from collector.models import AuditEntry, Award, Person, Standing, Submission
from jobs.models import Job, WorkerHeartbeat
from operations import archive, backup, engines, restore
from tests.exports.helpers import approve, release, tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_django.fixtures import Settings

    from collector.models import Campaign, Category
    from exports.models import DatasetVersion

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)


@pytest.fixture
def var(settings: Settings, tmp_path: Path) -> Path:
    """The directory of this test's installation, with a run and a key in it."""
    settings.WOOLGATHER_VAR = tmp_path / "var"
    settings.WOOLGATHER_DATASETS = tmp_path / "var" / "datasets"
    settings.WOOLGATHER_RUNS = tmp_path / "var" / "runs"
    settings.EMBEDDED = True
    run = tmp_path / "var" / "runs" / "first"
    (run / "model").mkdir(parents=True)
    (run / "run.json").write_text("{}")
    (run / "model" / "weights.safetensors").write_bytes(b"x" * 1000)
    (tmp_path / "var" / "secret_key").write_text("k" * 60)
    return tmp_path / "var"


@pytest.fixture
def version(var: Path, campaign: Campaign, category: Category) -> DatasetVersion:
    """A released version among points, sessions and a running job."""
    approve(campaign, category, 3)
    return release(var / "datasets")


def made(var: Path, **options: Any) -> Path:
    """Return a fresh backup."""
    return backup.back_up(target=var / "backups" / backup.file_name(NOW), by=None, now=NOW, **options).path


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Run manage.py in an installation of its own, on the same kind of database."""
    database = f"sqlite:///{tmp_path / 'other' / 'db.sqlite3'}"
    name = f"restored_{uuid.uuid4().hex[:8]}"
    (tmp_path / "other").mkdir()
    if connection.vendor == "postgresql":
        on_the_server(f"CREATE DATABASE {name}")
        database = django_settings.DATABASE_URL.rpartition("/")[0] + f"/{name}"
    variables = {
        **os.environ,
        "DATABASE_URL": database,
        "WOOLGATHER_EMBEDDED": "1",
        "WOOLGATHER_VAR": str(tmp_path / "other"),
        "REDIS_URL": "",
    }

    def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    yield run
    if connection.vendor == "postgresql":
        on_the_server(f"DROP DATABASE {name} WITH (FORCE)")


def on_the_server(command: Any) -> None:
    """Run one command over a connection that may take its time."""
    import psycopg

    with psycopg.connect(django_settings.DATABASE_URL, dbname="postgres", autocommit=True) as opened:
        opened.execute(command)


def test_an_installation_comes_back_with_its_ledger_its_versions_and_its_waiting_work(
    var: Path, version: DatasetVersion, elsewhere: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    soon = NOW + timedelta(seconds=30)
    running = {"status": "running", "attempt": 3, "worker": "w", "lease_expires_at": soon, "heartbeat_at": NOW}
    Job.objects.create(kind="exports.build", created_at=NOW, started_at=NOW, next_ring_at=soon, **running)
    WorkerHeartbeat.objects.create(worker="w", started_at=NOW, seen_at=NOW)
    points, files = sum(Award.objects.values_list("points", flat=True)), tree(var / "datasets" / "set" / "v1")
    assert points
    file = made(var)
    assert file.stat().st_mode & 0o777 == 0o600
    assert elsewhere("restore", str(file), "--check").stdout.startswith(f"{file} is whole")

    said = json.loads(elsewhere("restore", str(file), "--rebuild", "--json").stdout)
    assert said["tables"]["collector_submission"] == Submission.objects.count()
    assert said["ledger"]["awards"] == points
    assert (said["requeued"], said["rebuilt"], said["to_build"], said["migrated"]) == (1, ["set/v1"], [], [])
    other = tmp_path / "other"
    assert tree(other / "datasets" / "set" / "v1") == files
    assert (other / "runs" / "first" / "run.json").is_file()
    assert not (other / "runs" / "first" / "model").exists()
    assert (other / "secret_key").read_text() == "k" * 60
    assert (other / "restored" / "set" / "v1" / "manifest.json").is_file()
    assert json.loads(elsewhere("rebuild_standings", "--check", "--json").stdout)["is_right"]
    again = elsewhere("restore", str(file), check=False)
    assert again.returncode == 1
    assert "--replace" in again.stderr
    assert len(elsewhere("restore", str(file), "--replace", "--json").stdout.splitlines()) == 1


def test_sessions_end_with_a_restore_and_stay_where_asked(
    var: Path, author: Person, elsewhere: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    from django.test import Client

    client = Client()
    client.force_login(author, backend="allauth.account.auth_backends.AuthenticationBackend")
    file = made(var)
    assert json.loads(elsewhere("restore", str(file), "--json").stdout)["sessions_ended"] == 1
    kept = json.loads(elsewhere("restore", str(file), "--replace", "--keep-sessions", "--json").stdout)
    assert kept["sessions_ended"] == 0


def test_the_files_of_the_versions_come_along_where_asked(var: Path, version: DatasetVersion) -> None:
    with tarfile.open(made(var, with_datasets=True)) as tar:
        names = set(tar.getnames())
    listed = {f"datasets/set/v1/{entry['path']}" for entry in version.files} | {"datasets/set/v1/manifest.json"}
    assert {name for name in names if name.startswith("datasets/")} == listed


def test_a_backup_under_writers_is_one_moment(var: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category, 1)
    award = Award.objects.filter(reason=Award.Reason.APPROVED).get()
    everything = Standing.objects.filter(period="all", campaign=0, category=0)
    stop, written = threading.Event(), threading.Event()

    def write() -> None:
        try:
            while not stop.is_set():
                with transaction.atomic():
                    Award.objects.filter(pk=award.pk).update(points=F("points") + 1)
                    everything.filter(person=award.person, board="people").update(points=F("points") + 1)
                written.set()
        finally:
            connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(10)
        ledgers = []
        for number in range(3):
            file = backup.back_up(target=var / f"{number}.tar", by=None, now=NOW).path
            ledgers.append(archive.verified(file)["ledger"])
    finally:
        stop.set()
        writer.join()
    # What the reviewer was given stands on both boards, so that the sums differ, by the same always.
    assert len({each["standings"] - each["awards"] for each in ledgers}) == 1, ledgers
    assert ledgers[0]["awards"] < ledgers[-1]["awards"], "nobody wrote meanwhile"


def test_a_cut_off_file_is_refused(var: Path, author: Person) -> None:
    file = made(var)
    whole = file.read_bytes()
    for length in (0, 100, len(whole) // 2, len(whole) - 12_000):
        file.write_bytes(whole[:length])
        with pytest.raises(restore.RestoreRefused):
            restore.examine(file)


def test_a_changed_file_is_refused(var: Path, author: Person) -> None:
    file = made(var)
    raw = bytearray(file.read_bytes())
    raw[2_000] ^= 1
    file.write_bytes(raw)
    with pytest.raises(restore.RestoreRefused, match="changed or is damaged: database"):
        restore.examine(file)


@pytest.mark.parametrize("name", ["../secret_key", "/etc/passwd", "a/../../b"])
def test_a_file_that_points_outside_is_refused(tmp_path: Path, name: str) -> None:
    with archive.written(tmp_path / "bad.tar") as (writer, _work):
        writer.add_bytes(name, b"x")
        writer.finish({})
    with pytest.raises(restore.RestoreRefused, match="is not a backup"):
        restore.examine(tmp_path / "bad.tar")


def changed(file: Path, **values: Any) -> Path:
    """Return a copy of a backup whose manifest says something else, with everything in it fitting."""
    copy = file.with_name("changed.tar")
    manifest = archive.verified(file)
    with tarfile.open(file) as tar, archive.written(copy) as (writer, _work):
        for entry in manifest.pop("members"):
            member = tar.extractfile(entry["path"])
            assert member is not None
            writer.add_bytes(entry["path"], member.read())
        writer.finish({**manifest, **values})
    return copy


def test_a_backup_of_a_newer_version_is_refused(var: Path, author: Person) -> None:
    file = made(var)
    newer = changed(file, migrations=[*archive.verified(file)["migrations"], "collector.9999_from_tomorrow"])
    with pytest.raises(restore.RestoreRefused, match="newer version"):
        restore.examine(newer)


def test_a_backup_of_the_other_kind_of_database_is_refused(var: Path, author: Person) -> None:
    with pytest.raises(restore.RestoreRefused, match="kind of database"):
        restore.examine(changed(made(var), engine="other"))


def test_where_the_counts_differ_the_old_database_comes_back(
    var: Path, author: Person, elsewhere: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    file = made(var)
    elsewhere("restore", str(file))
    tables = archive.verified(file)["tables"]
    wrong = changed(file, tables={**tables, "collector_person": 12_345})
    done = elsewhere("restore", str(wrong), "--replace", check=False)
    assert done.returncode == 1
    assert "still in place" in done.stderr
    assert elsewhere("restore", str(file), "--replace", "--json").returncode == 0
    shown = elsewhere(
        "shell", "-c", "from collector.models import Person; print('there', Person.objects.count())"
    ).stdout
    assert f"there {tables['collector_person']}" in shown


MARK = "from collector.models import Person; Person.objects.update(time_zone='Asia/Kolkata')"
MARKED = "from collector.models import Person; print('marked', set(Person.objects.values_list('time_zone', flat=True)))"
RESTORING = """
import errno, os
from datetime import UTC, datetime
from pathlib import Path
from operations import archive, restore
def killed(_manifest):
    os._exit(9)
def full(path, targets, *rest, extract=archive.extract):
    extract(path, targets, *rest)
    if "secret_key" in targets:
        raise OSError(errno.ENOSPC, "full")
{fault}
restore.restore(path=Path({path!r}), now=datetime.now(UTC), replace=True)
"""


def test_what_a_killed_restore_put_aside_is_there_for_the_next(
    var: Path, author: Person, elsewhere: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    file = made(var)
    elsewhere("restore", str(file))
    elsewhere("shell", "-c", MARK)
    code = RESTORING.format(path=str(file), fault="restore._migrate = killed")
    assert elsewhere("shell", "-c", code, check=False).returncode == 9
    wrong = changed(file, tables={**archive.verified(file)["tables"], "collector_person": 12_345})
    assert "still in place" in elsewhere("restore", str(wrong), "--replace", check=False).stderr
    assert "marked {'Asia/Kolkata'}" in elsewhere("shell", "-c", MARKED).stdout


def test_a_disk_that_fills_up_at_the_files_leaves_the_old_files_and_the_old_database(
    var: Path, author: Person, elsewhere: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    file = made(var)
    elsewhere("restore", str(file))
    elsewhere("shell", "-c", MARK)
    other = tmp_path / "other"
    (other / "secret_key").write_text("n" * 60)
    (other / "runs" / "first" / "run.json").write_text('{"of": "here"}')
    done = elsewhere("shell", "-c", RESTORING.format(path=str(file), fault="archive.extract = full"), check=False)
    assert "The disk is full" in done.stderr
    assert (other / "secret_key").read_text() == "n" * 60
    assert (other / "runs" / "first" / "run.json").read_text() == '{"of": "here"}'
    assert not list(other.glob(".restore-*"))
    assert "marked {'Asia/Kolkata'}" in elsewhere("shell", "-c", MARKED).stdout


def test_a_full_disk_leaves_nothing_behind_and_is_said(var: Path, author: Person, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    target = tmp_path / "full" / "backup.tar"
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(backup.BackupFailed, match="is full"):
            backup.back_up(target=target, by=None, now=NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(target.parent.iterdir()) == []


def test_what_a_killed_backup_left_is_removed_by_the_next(var: Path, author: Person) -> None:
    left = var / "backups" / f"{archive.TEMP}dead"
    left.mkdir(parents=True)
    file = made(var)
    assert list(file.parent.iterdir()) == [file]


def test_only_the_newest_are_kept(var: Path, author: Person) -> None:
    home = var / "backups"
    home.mkdir(parents=True)
    (home / "notes.txt").write_text("mine")
    for hour in range(4):
        now = NOW + timedelta(hours=hour)
        backup.back_up(target=home / backup.file_name(now), by=None, now=now, keep=2)
    assert sorted(path.name for path in home.iterdir()) == [
        "notes.txt",
        "woolgather-20261129T040000Z.tar",
        "woolgather-20261129T050000Z.tar",
    ]


def test_the_command_says_what_it_did_and_never_overwrites(
    var: Path, author: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    target = var / "mine.tar"
    call_command("backup", "--output", str(target), "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["path"] == str(target)
    assert said["tables"]["collector_person"] == Person.objects.count()
    assert AuditEntry.objects.filter(verb="installation.backed_up", target="mine.tar").exists()
    with pytest.raises(CommandError, match="not overwritten"):
        call_command("backup", "--output", str(target))


def test_an_old_tool_is_told_from_a_fitting_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(engines.NotPossible, match=r"postgresql-client-99|of version 99"):
        engines.tool("pg_dump", 99)


def test_the_clock_has_a_worker_make_a_backup_once_a_period(var: Path, author: Person, settings: Settings) -> None:
    from jobs import actions, registry, runner
    from operations import backup_tasks

    periodic = next(each for each in registry.periodic() if each.kind == backup_tasks.KIND)
    assert actions.enqueue_periodic(periodic=periodic, now=NOW) is None
    settings.WOOLGATHER_BACKUP_EVERY_HOURS = 24
    job = actions.enqueue_periodic(periodic=periodic, now=NOW)
    assert job is not None
    assert runner.execute(job_id=job.pk, worker="test") == "succeeded"
    assert [backup.NAME.fullmatch(path.name) is not None for path in backup.home().iterdir()] == [True]
    assert actions.enqueue_periodic(periodic=periodic, now=NOW) is None


def test_a_database_in_use_is_not_taken_away(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as user:
        user.execute("PRAGMA journal_mode=WAL")
        user.execute("CREATE TABLE django_migrations (app, name)")
        with closing(sqlite3.connect(path)) as other:
            other.execute("VACUUM INTO ?", (str(tmp_path / "copy"),))
        with pytest.raises(engines.NotPossible, match="in use"), engines.replaced_sqlite(tmp_path / "copy", path):
            pass
    assert path.exists()
