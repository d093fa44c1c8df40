"""A backup on a host whose versions lie in the store alone."""

from __future__ import annotations

import json
import shutil
import tarfile
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command

from operations import backup
from tests.exports.conftest import bucket, s3_server
from tests.exports.helpers import approve, release, tree
from tests.operations.test_backup import NOW, made, var

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from collector.models import Campaign, Category

__all__ = ["bucket", "s3_server", "var"]  # fixtures

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def files(var: Path, bucket: str, settings: Settings, campaign: Campaign, category: Category) -> dict[str, bytes]:
    """What a version consists of that another host built; this one's disk has nothing of it."""
    settings.WOOLGATHER_DATASETS_STORE = f"s3://{bucket}/kept"
    approve(campaign, category, 3)
    release(var / "datasets")
    found = tree(var / "datasets" / "set" / "v1")
    shutil.rmtree(var / "datasets")
    return found


def versions_in(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as tar:
        held = {name: tar.extractfile(name) for name in tar.getnames() if name.startswith("datasets/set/v1/")}
        return {name.removeprefix("datasets/set/v1/"): opened.read() for name, opened in held.items() if opened}


def test_the_manifest_comes_from_the_store(var: Path, files: dict[str, bytes]) -> None:
    assert versions_in(made(var)) == {"manifest.json": files["manifest.json"]}


def test_the_files_come_from_the_store_where_asked(var: Path, files: dict[str, bytes]) -> None:
    assert versions_in(made(var, with_datasets=True)) == files


def test_what_the_store_lost_is_named(var: Path, files: dict[str, bytes], settings: Settings) -> None:
    settings.WOOLGATHER_DATASETS_STORE = settings.WOOLGATHER_DATASETS_STORE.replace("kept", "elsewhere")
    done = backup.back_up(target=var / "b.tar", by=None, now=NOW)
    assert (done.manifest["left_out"], versions_in(done.path)) == (["set v1"], {})


def test_a_store_that_is_away_keeps_no_backup_from_being_made(
    var: Path, files: dict[str, bytes], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.WOOLGATHER_DATASETS_STORE = "s3://no-such-bucket"
    call_command("backup", "--output", str(var / "b.tar"), "--json")
    assert json.loads(capsys.readouterr().out)["left_out"] == ["set v1"]
    call_command("backup", "--output", str(var / "c.tar"))
    assert "Without set v1" in capsys.readouterr().err
