"""What an installation stands on: services, disk, backups, releases of its software, migrations."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector.models import AuditEntry
from jobs import bell
from operations.backup import BACKED_UP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from operations.state import State

LITTLE_DISK = 0.1
LONG_WAIT = timedelta(minutes=10)
OLD_BACKUP = timedelta(days=2)


@dataclass(frozen=True)
class Part:
    """Something that must run: its name, whether it does ("ok", "warning", "bad"), and a few words."""

    name: str
    state: str
    label: str
    words: str = ""


@dataclass(frozen=True)
class Disk:
    """The room under var/, in bytes."""

    path: str
    free: int
    total: int

    @property
    def used(self) -> int:
        """What is taken."""
        return self.total - self.free

    @property
    def is_little(self) -> bool:
        """Whether less than a tenth is left."""
        return self.free < LITTLE_DISK * self.total


@dataclass(frozen=True)
class Backup:
    """The last backup that was made: its file's name, its bytes (None: nobody noted them), and how much it lacks."""

    name: str
    size: int | None
    at: datetime
    left_out: int


def parts(seen: State) -> list[Part]:
    """Say of database, broker, workers and sweeper whether they are there."""
    engine = {"postgresql": "PostgreSQL", "sqlite": "SQLite"}.get(connection.vendor, connection.vendor)
    broker = "Redis" if settings.REDIS_URL else _("files")
    answers = bell.broker_answers(budget=1.0)
    workers, sweepers = seen.workers_alive, seen.sweepers_alive
    running = _("running")
    return [
        Part(_("Database"), "ok", running, engine),
        Part(_("Broker"), "ok", running, broker)
        if answers
        else Part(
            _("Broker"), "warning", _("no answer"), _("%(broker)s; work waits in the database") % {"broker": broker}
        ),
        Part(_("Workers"), "ok", running, ", ".join(one.worker for one in workers))
        if workers
        else Part(_("Workers"), "bad", _("none"), _last_seen(seen, sweepers=False)),
        Part(_("Sweeper"), "ok", running, ", ".join(one.worker.partition("@")[2] for one in sweepers))
        if sweepers
        else Part(
            _("Sweeper"), "bad", _("none"), _("Nothing that is due by the clock is begun: manage.py sweep_jobs --watch")
        ),
    ]


def _last_seen(seen: State, *, sweepers: bool) -> str:
    from jobs.queries import is_sweeper

    known = [one.seen_at for one in seen.workers if is_sweeper(one) == sweepers]
    if not known:
        return _("None was ever seen. Jobs wait until one is started.")
    return _("The last one was seen at %(time)s UTC.") % {"time": max(known).astimezone(UTC).strftime("%Y-%m-%d %H:%M")}


def troubles(seen: State, running: Sequence[Part], backup: Backup | None) -> list[str]:
    """Say in sentences what somebody should look at; empty when all is well."""
    found = [f"{part.name}: {part.label}. {part.words}" for part in running if part.state != "ok"]
    for line in seen.queues:
        if line.oldest and seen.now - line.oldest > LONG_WAIT:
            minutes = int(seen.age(line.oldest) // 60)
            found.append(
                ngettext(
                    "In the queue %(queue)s, work has waited for %(count)d minute. Does a worker serve it?",
                    "In the queue %(queue)s, work has waited for %(count)d minutes. Does a worker serve it?",
                    minutes,
                )
                % {"queue": line.label, "count": minutes}
            )
    if failed := sum(line.counts["failed"] for line in seen.queues):
        text = ngettext("%(count)d job has failed.", "%(count)d jobs have failed.", failed)
        found.append(text % {"count": failed})
    if off := seen.endpoints["off"]:
        found.append(ngettext("%(count)d webhook is off.", "%(count)d webhooks are off.", off) % {"count": off})
    if failing := seen.endpoints["failing"]:
        text = ngettext("%(count)d webhook fails.", "%(count)d webhooks fail.", failing)
        found.append(text % {"count": failing})
    if refused := seen.mails_refused:
        text = ngettext(
            "The mail server refused %(count)d mail this week.",
            "The mail server refused %(count)d mails this week.",
            refused,
        )
        found.append(text % {"count": refused})
    if disk().is_little:
        found.append(_("Less than a tenth of the disk is free."))
    if backup is not None:
        found += _about(backup, seen.now)
    if pending := pending_migrations():
        text = ngettext(
            "%(count)d migration is pending: manage.py migrate",
            "%(count)d migrations are pending: manage.py migrate",
            len(pending),
        )
        found.append(text % {"count": len(pending)})
    return found


def _about(backup: Backup, now: datetime) -> list[str]:
    found = []
    if now - backup.at > OLD_BACKUP:
        found.append(_("The last backup is older than two days."))
    if backup.left_out:
        text = ngettext(
            "The last backup lacks the manifest of %(count)d dataset version, which the store did not give.",
            "The last backup lacks the manifests of %(count)d dataset versions, which the store did not give.",
            backup.left_out,
        )
        found.append(text % {"count": backup.left_out})
    return found


def disk() -> Disk:
    """Measure the disk that var/ is on."""
    found = shutil.disk_usage(settings.WOOLGATHER_VAR)
    return Disk(str(settings.WOOLGATHER_VAR), found.free, found.total)


def last_backup() -> Backup | None:
    """Return what the audit says of the last backup, on whichever host it was made and wherever it was put."""
    entry = AuditEntry.objects.filter(verb=BACKED_UP).order_by("-at").first()
    if entry is None:
        return None
    return Backup(entry.target, entry.detail.get("bytes"), entry.at, len(entry.detail.get("left_out", [])))


def pending_migrations() -> list[str]:
    """Return what the code has and the database has not."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]


def software() -> list[tuple[str, str]]:
    """Return the releases that matter when something is asked about."""
    names = ("Django", "Celery", "Granian", "PyArrow")
    return [
        ("Woolgather", _own_release()),
        ("Python", platform.python_version()),
        (*_database_release(),),
        *((name, metadata.version(name)) for name in names),
    ]


@cache
def _own_release() -> str:
    with (settings.BASE_DIR / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def _database_release() -> tuple[str, str]:
    if connection.vendor == "sqlite":
        return "SQLite", sqlite3.sqlite_version
    number = int(getattr(connection, "pg_version", 0))  # what this backend calls it
    return "PostgreSQL", f"{number // 10_000}.{number % 10_000}"
