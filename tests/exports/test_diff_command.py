"""``diff_datasets`` on a terminal, in a file and as JSON; with no database at all."""

from __future__ import annotations

import json
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from exports.management.diff_print import Printer
from tests.exports.helpers import approve, release, rewrite, take_back

if TYPE_CHECKING:
    from pathlib import Path

    from collector.models import Campaign, Category, Submission

NAME = ("--name", "set")


def run(*flags: str) -> str:
    out = StringIO()
    call_command("diff_datasets", *flags, *NAME, stdout=out)
    return out.getvalue()


def answer(*flags: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(run(*flags, "--json"))
    return loaded


@pytest.fixture
def pairs(db: None, root: Path, campaign: Campaign, category: Category) -> list[Submission]:
    """Two versions: one record was rewritten, one withdrawn, one stayed, one came."""
    kept, rewritten, gone = approve(campaign, category, 3)
    release(root)
    rewrite(rewritten, response="Because light of long wavelength is scattered\x1b[31m least.")
    take_back(gone)
    (new,) = approve(campaign, category)
    release(root)
    return [kept, rewritten, gone, new]


def test_the_diff_shows_words_reasons_and_the_step(pairs: list[Submission]) -> None:
    _kept, rewritten, gone, new = pairs
    said = run("v1", "v2")
    assert said.startswith("set v1 (1.0.0) → set v2 (2.0.0)\n1 added, 1 removed, 1 edited\nA major step: ")
    assert f"Added: 1\n  {new.pk}\n" in said
    assert f"Removed: 1\n  {gone.pk}: withdrawn by its author\n" in said
    assert f"  {rewritten.pk}: revision 1 → 2\n" in said
    assert "    response:\n      Because light of [-short -]{+long +}wavelength" in said
    assert "\\u001b[31m least" in said
    assert "\x1b" not in said
    assert "Split\n  " in said


def test_one_kind_or_one_column_can_be_asked_for(pairs: list[Submission]) -> None:
    assert "Removed" not in run("v1", "v2", "--only", "added")
    only = run("v1", "v2", "--field", "response")
    assert "Edited in response\n" in only
    assert "Added" not in only
    assert "Edited in category\n  none" in run("v1", "v2", "--field", "category")


def test_the_limit_says_how_many_more_there_are(root: Path, db: None, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    release(root)
    approve(campaign, category, 3)
    release(root)
    assert "… and 2 more" in run("v1", "v2", "--limit", "1")
    assert "more" not in run("v1", "v2", "--limit", "0")


def test_json_has_every_id_both_revisions_and_the_columns(pairs: list[Submission], category: Category) -> None:
    _kept, rewritten, gone, new = pairs
    said = answer("v1", "v2")
    assert (said["added"], said["removed"], said["edited"]) == ([str(new.pk)], [str(gone.pk)], [str(rewritten.pk)])
    assert said["reasons"] == {str(gone.pk): "withdrawn by its author"}
    assert said["edits"] == [
        {
            "id": str(rewritten.pk),
            "revision": {"before": 1, "after": 2},
            "fields": ["response", "revision"],
        }
    ]
    assert (said["semantic_version"]["after"], said["semantic_version"]["step"]) == ("2.0.0", "major")
    assert said["composition"] == {category.slug: {"before": 3, "after": 3}}
    assert set(answer("v1", "v2", "--only", "removed")) & {"added", "removed", "edits"} == {"removed"}
    assert answer("v1", "v2", "--field", "context")["edited"] == []


def test_reasons_are_followed_back_and_unknown_where_the_line_is_broken(
    root: Path, pairs: list[Submission], campaign: Campaign, category: Category
) -> None:
    approve(campaign, category)
    release(root)
    gone = str(pairs[2].pk)
    assert answer("v1", "v3")["reasons"] == {gone: "withdrawn by its author"}
    (root / "set" / "v2" / "CHANGES.md").unlink()
    assert answer("v1", "v3")["reasons"] == {gone: ""}
    assert f"  {gone}: not in v3" in run("v1", "v3")


def test_no_database_is_needed(root: Path, db: None, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    release(root)
    approve(campaign, category)
    release(root)
    from django.db import connection

    def refuse(*_args: object) -> None:
        raise AssertionError("a query")

    with connection.execute_wrapper(refuse):
        assert "1 added" in run("v1", "v2")


def test_a_negative_limit_is_a_bad_argument(pairs: list[Submission]) -> None:
    with pytest.raises(CommandError):
        run("v1", "v2", "--limit", "-1")


def test_a_terminal_gets_colours_and_people_cannot_steer_it() -> None:
    out = StringIO()
    printer = Printer(out, colour=True)
    printer._words("response", "old [bold]words[/bold]\nhere", "new \x1b]0;title\x07[bold]words[/bold]\nhere")
    said = out.getvalue()
    assert "\x1b[4;32m{+new" in said
    assert "\x1b]0" not in said
    assert "[bold]words[/bold]" in said
