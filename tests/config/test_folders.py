"""An installation whose folders can't be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.folders import Folders

ROOT = Path(__file__).resolve().parents[2]


def run(var: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "SECRET_KEY"}}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment | {"WOOLGATHER_VAR": str(var), "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def forbidden(tmp_path: Path) -> Path:
    """A place where not even root can make a folder."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "var"


def test_the_first_folder_that_can_t_be_made_is_remembered(tmp_path: Path, forbidden: Path) -> None:
    folders = Folders()
    assert folders.make(tmp_path / "a" / "b").is_dir()
    folders.make(forbidden)
    folders.make(forbidden / "other")
    assert len(folders.key(forbidden)) > 50
    assert isinstance(folders.failure, NotADirectoryError)
    assert folders.failure.filename == str(forbidden)


def test_a_command_that_needs_no_database_runs_there(tmp_path: Path, forbidden: Path) -> None:
    (tmp_path / "v1").mkdir()
    done = run(forbidden, "manage.py", "verify_dataset", str(tmp_path / "v1"))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "not as released" in done.stderr


def test_any_other_command_says_in_one_line_what_is_wrong(forbidden: Path) -> None:
    done = run(forbidden, "manage.py", "create_token", "ada@example.com")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert str(forbidden) in done.stderr


def test_nothing_is_served_with_a_key_of_the_moment(forbidden: Path) -> None:
    done = run(forbidden, "-c", "import config.wsgi")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("NotADirectoryError")
