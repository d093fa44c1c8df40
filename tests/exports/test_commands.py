"""The commands: what they print, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from exports import failpoints
from exports.models import DatasetVersion
from tests.exports.helpers import approve, tree

if TYPE_CHECKING:
    from collector.models import Campaign, Category

pytestmark = pytest.mark.django_db
NAME = ["--name", "set"]


def run(*arguments: str) -> str:
    """Run a command and return what it printed."""
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def answer(*arguments: str) -> dict[str, Any]:
    """Run a command with --json and return the one line it printed."""
    line = run(*arguments, "--json")
    assert line.count("\n") == 1
    return json.loads(line)  # type: ignore[no-any-return]  # an object, by the contract


def test_a_release_says_what_the_contract_says(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category, 3)
    said = answer("export_dataset", *NAME)
    assert list(said) == ["version", "path", "rows", "splits", "sha256"]
    assert (said["version"], said["rows"], said["path"]) == ("v1", 3, str(root / "set" / "v1"))
    assert sum(said["splits"].values()) == 3
    assert said["sha256"] == DatasetVersion.objects.get().manifest_sha256


def test_nothing_changed_answers_with_the_version_there_is(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    first = answer("export_dataset", *NAME)
    assert answer("export_dataset", *NAME) == first
    assert "Nothing changed since v1" in run("export_dataset", *NAME)


def test_a_version_is_built_again_elsewhere_to_the_same_bytes(
    root: Path, tmp_path: Path, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category, 2)
    first = answer("export_dataset", *NAME)
    again = answer("export_dataset", *NAME, "--version", "v1", "--root", str(tmp_path / "copy"))
    assert again == first | {"path": str(tmp_path / "copy" / "set" / "v1")}
    assert tree(Path(again["path"])) == tree(Path(first["path"]))


def test_a_new_version_under_another_root_is_served_too(
    root: Path, tmp_path: Path, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category, 2)
    said = answer("export_dataset", *NAME, "--root", str(tmp_path / "copy"))
    assert tree(Path(said["path"])) == tree(root / "set" / "v1")


def test_a_tiny_version_says_which_splits_are_empty(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    assert run("export_dataset", *NAME).count("There is no ") == 2


def test_what_is_left_out_is_said(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category, instruction="What is a heron?", response="A bird.")
    approve(campaign, category, instruction="What is a heron?", response="A grey bird.")
    flags = ["--without-duplicates", "near", "--most-from-one", "5", "--words", f"{category.slug}=500"]
    said = run("export_dataset", *NAME, *flags, "--splits", "100/0/0")
    assert "set v1: 1 records (train 1)" in said
    assert "Left out: near_duplicate 1" in said
    assert "There is no" not in said


def test_no_approved_record_ends_with_one(root: Path, db: None) -> None:
    with pytest.raises(CommandError, match="nothing to release") as error:
        run("export_dataset", *NAME)
    assert error.value.returncode == 1


@pytest.mark.parametrize(
    "flags",
    [
        ["--category", "nonsense"],
        ["--name", "../up"],
        ["--version", "latest"],
        ["--min-rating", "9"],
        ["--version", "v1", "--category", "x"],
        ["--by", "nobody@example.com"],
        ["--splits", "90/10"],
        ["--words", "open_qa"],
        ["--words", "nonsense=5"],
        ["--most-from-one", "-1"],
        ["--version", "v1", "--without-duplicates", "near"],
    ],
)
def test_bad_arguments_end_with_two(root: Path, db: None, flags: list[str]) -> None:
    with pytest.raises(CommandError) as error:
        run("export_dataset", *flags)
    assert error.value.returncode == 2


def test_a_missing_version_names_those_there_are(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    run("export_dataset", *NAME)
    with pytest.raises(CommandError, match=r"There are: v1\."):
        run("export_dataset", *NAME, "--version", "v9")
    with pytest.raises(CommandError, match=r"There are: v1\."):
        run("verify_dataset", "v9", *NAME)


def test_verify_names_each_fault_and_ends_with_one(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    run("export_dataset", *NAME)
    assert answer("verify_dataset", "v1", *NAME)["ok"] is True
    assert "as released" in run("verify_dataset", str(root / "set" / "v1"))
    (root / "set" / "v1" / "LICENSE").write_text("other")
    (root / "set" / "v1" / "extra").write_text("")
    out = StringIO()
    with pytest.raises(CommandError, match="2 faults"):
        call_command("verify_dataset", "set/v1", stdout=out)
    assert ["extra" in out.getvalue(), "LICENSE" in out.getvalue()] == [True, True]


def test_diff_counts_what_changed(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    run("export_dataset", *NAME)
    (new,) = approve(campaign, category)
    run("export_dataset", *NAME)
    said = answer("diff_datasets", "v1", "v2", *NAME)
    assert (said["added"], said["removed"], said["edited"]) == ([str(new.pk)], [], [])
    assert said["composition"] == {category.slug: {"before": 1, "after": 2}}


@pytest.mark.parametrize("place", failpoints.FAILPOINTS)
@pytest.mark.django_db(transaction=True)
def test_a_build_killed_at_any_step_leaves_nothing_half_and_the_next_one_succeeds(
    root: Path, campaign: Campaign, category: Category, place: str
) -> None:
    approve(campaign, category, 3)
    database = django_settings.DATABASES["default"]
    program = (
        "import django; from django.conf import settings; from pathlib import Path; django.setup();"
        f"settings.DATABASES['default']['NAME'] = {str(database['NAME'])!r};"
        f"settings.WOOLGATHER_DATASETS = Path({str(root)!r});"
        "from django.core.management import call_command; call_command('export_dataset', '--name', 'set')"
    )
    environment = os.environ | {"WOOLGATHER_FAILPOINT": place, "DJANGO_SETTINGS_MODULE": "config.settings"}
    killed = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    visible = [path.name for path in (root / "set").glob("v*")] if (root / "set").is_dir() else []
    assert visible in ([], ["v1"])
    if visible:
        assert answer("verify_dataset", "v1", *NAME)["ok"] is True
    assert answer("export_dataset", *NAME)["version"] == "v1"
    assert sorted(path.name for path in (root / "set").iterdir()) == ["v1"]
    assert answer("verify_dataset", "v1", *NAME)["ok"] is True
    assert DatasetVersion.objects.get().is_ready
