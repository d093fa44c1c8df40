"""Importing: the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from collector.models import Campaign, ImportBatch, Submission
from tests.factories import contributor_in


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    return path


def run(*arguments: Any) -> dict[str, Any]:
    out = StringIO()
    call_command("import_dataset", *map(str, arguments), "--json", stdout=out)
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


DOLLY = {"instruction": "Why?", "context": "", "response": "So.", "category": "open_qa"}


def test_the_command_imports_into_the_oldest_open_campaign(db: None, tmp_path: Path) -> None:
    result = run(write(tmp_path / "d.jsonl", DOLLY), "--as", "approved")
    assert (result["rows"], result["added"], result["rejects_path"]) == (1, 1, "")
    assert Submission.objects.get().campaign.slug == "first-campaign"


def test_the_command_keeps_bad_rows_beside_the_file(db: None, tmp_path: Path) -> None:
    path = write(tmp_path / "d.jsonl", DOLLY, DOLLY | {"category": "poetry"})
    path.write_bytes(path.read_bytes() + b'{"instruction": "cut o')
    result = run(path)
    assert (result["added"], result["rejected"]) == (1, 2)
    report = Path(result["rejects_path"])
    assert report == tmp_path / "d.jsonl.rejects.jsonl"
    kept = [json.loads(line) for line in report.read_text().splitlines()]
    assert [line["line"] for line in kept] == [2, 3]
    assert json.loads(kept[0]["raw"]) == DOLLY | {"category": "poetry"}


def test_the_command_says_how_to_import_as_approved(db: None, tmp_path: Path) -> None:
    out = StringIO()
    call_command("import_dataset", str(write(tmp_path / "d.jsonl", DOLLY)), stdout=out)
    assert "Added 1 as submitted" in out.getvalue()
    assert "--as approved" in out.getvalue()


def test_the_command_refuses_a_closed_and_an_unknown_campaign(campaign: Campaign, tmp_path: Path) -> None:
    Campaign.objects.filter(pk=campaign.pk).update(status="closed")
    path = write(tmp_path / "d.jsonl", DOLLY)
    with pytest.raises(CommandError, match="is closed"):
        run(path, "--campaign", campaign.slug)
    with pytest.raises(CommandError, match=rf"There are: {campaign.slug}"):
        run(path, "--campaign", "nowhere")


def test_the_command_records_who_imported(db: None, tmp_path: Path) -> None:
    person = contributor_in(Campaign.objects.get())
    run(write(tmp_path / "d.jsonl", DOLLY), "--by", person.email.upper())
    assert ImportBatch.objects.get().by == person


def test_the_command_refuses_an_unknown_importer(db: None, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nobody@example"):
        run(write(tmp_path / "d.jsonl", DOLLY), "--by", "nobody@example.com")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"[]", b"instruction,response\n", b"hello"])
def test_a_file_without_rows_is_a_failure_in_one_line(db: None, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "d.json").write_bytes(content)
    with pytest.raises(CommandError) as failed:
        run(tmp_path / "d.json")
    assert failed.value.returncode == 1
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize("arguments", [["--category", "poetry"], ["--category-map", "poetry"]])
def test_a_wrong_argument_is_exit_code_2(db: None, tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(CommandError) as failed:
        run(write(tmp_path / "d.jsonl", DOLLY), *arguments)
    assert failed.value.returncode == 2


@pytest.mark.parametrize(("arguments", "code"), [(["missing.jsonl"], 1), (["missing.jsonl", "--format", "xml"], 2)])
def test_the_shell_sees_the_exit_code_and_no_traceback(arguments: list[str], code: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "import_dataset", *arguments],
        cwd=Path(__file__).resolve().parent.parent.parent,
        env=os.environ | {"WOOLGATHER_VAR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
