"""Builds killed at random instants: nothing half is visible, nothing stays behind, the next build's bytes are right."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.utils import timezone

from exports import actions, manifest, places, tasks
from exports.models import DatasetVersion
from tests import factories
from tests.exports.helpers import NOW, approve, freeze, tree, unlike

if TYPE_CHECKING:
    from pathlib import Path

    from collector.models import Campaign, Category

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ROUNDS = int(os.environ.get("WOOLGATHER_KILLS", "300"))
ROWS = 300


def begin(version: DatasetVersion, root: Path) -> int:
    """Build in a process of its own; returns its id."""
    connections.close_all()
    child = os.fork()
    if child:
        return child
    with contextlib.suppress(BaseException):  # a fork of the test never goes on with the test
        actions.build_version(version=version, root=root, clock=timezone.now)
    os._exit(0)


def is_writing(root: Path) -> bool:
    """Say whether a hidden directory has a file with bytes in it."""
    return any(path.is_file() and path.stat().st_size for path in root.glob("set/.*/**/*"))


def test_killed_builds_leave_nothing_half(tmp_path: Path, campaign: Campaign, category: Category) -> None:
    author, judge = factories.contributor_in(campaign), factories.reviewer()
    for number in range(ROWS):
        text = f"{unlike(number)}?"
        approve(campaign, category, instruction=text, response=text * 200, author=author, by_reviewer=judge)
    version = freeze(formats=["dolly", "alpaca", "chat"])
    whole = tmp_path / "whole"
    began = time.monotonic()
    os.waitpid(begin(version, whole), 0)
    lasts = time.monotonic() - began
    version.refresh_from_db()
    assert version.is_ready
    # The papers and their syncing take about half of it.
    writing = lasts / 3
    right = tree(whole / "set" / "v1")
    dice = random.Random(20_260_401)
    while_writing = finished = 0
    for number in range(ROUNDS):
        root = tmp_path / "killed"
        DatasetVersion.objects.filter(pk=version.pk).update(
            status="building", ready_at=None, manifest_sha256="", files=[], beat_at=None
        )
        child = begin(version, root)
        if number % 2:  # from the first byte on
            while not is_writing(root) and not places.version_path(root, "set", 1).exists():
                time.sleep(0.001)
            lasts_from_here = writing
        else:
            lasts_from_here = 1.1 * lasts
        time.sleep(dice.uniform(0, lasts_from_here))  # the instant is the point of this drill
        was_writing = is_writing(root)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        visible = places.version_path(root, "set", 1)
        while_writing += was_writing and not visible.exists()
        version.refresh_from_db()
        if visible.exists():
            finished += 1
            assert tree(visible) == right, f"round {number}: what is visible is not whole"
        else:
            assert version.status == DatasetVersion.Status.BUILDING, f"round {number}: not building"
            silent = timezone.now() + tasks.SILENT_FOR + timedelta(seconds=1)
            assert DatasetVersion.objects.abandoned(silent - tasks.SILENT_FOR).exists()
        actions.build_version(version=version, root=root, clock=lambda: NOW + timedelta(minutes=1))
        version.refresh_from_db()
        assert version.status == DatasetVersion.Status.READY
        assert tree(visible) == right, f"round {number}: the next build's bytes differ"
        assert [path.name for path in (root / "set").iterdir()] == ["v1"], f"round {number}: debris"
        assert not manifest.verify(visible).faults
        remove(visible)
    print(f"{ROUNDS} kills, {while_writing} while files were written, {finished} after the rename: 0 half-visible")  # noqa: T201 - its figure
    assert while_writing >= ROUNDS / 3


def remove(visible: Path) -> None:
    """Remove a version's directory for the next round."""
    for path in sorted(visible.rglob("*"), reverse=True):
        path.chmod(0o755)
        path.rmdir() if path.is_dir() else path.unlink()
    visible.rmdir()
