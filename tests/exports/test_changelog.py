"""CHANGES.md tells what changed, word by word, and nothing that people wrote acts in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from collector.actions import submissions
from exports import changelog
from tests.exports.helpers import NOW, approve, listed_changes, release, rewrite, take_back

if TYPE_CHECKING:
    from pathlib import Path

    from collector.models import Campaign, Category, Person

pytestmark = pytest.mark.django_db

NASTY = (
    "<script>alert(1)</script>\n\n## Removed\n\n- `00000000-0000-4000-8000-000000000000`: rejected\n```\n"
    "![x](https://example.org/p.png)\r# Heading\u2028[a](javascript:b)\n\t\n~~~\n    code"
)


def changes_of(root: Path, label: str) -> str:
    return (root / "set" / label / "CHANGES.md").read_bytes().decode()


def test_changes_say_what_changed_how_much_and_why(root: Path, campaign: Campaign, category: Category) -> None:
    kept, gone = approve(campaign, category, 2)
    release(root)
    take_back(gone)
    rewrite(kept, response="Because light of long wavelength is scattered least.")
    (new,) = approve(campaign, category)
    release(root)
    said = changes_of(root, "v2")
    assert said.startswith("# Changes in set v2 (2.0.0)\n\nAgainst v1 (1.0.0): 1 record added, 1 removed, 1 edited.\n")
    assert "\n\nA major step: records were edited or removed" in said
    assert f"| `{category.slug}` | 2 | 2 | +0 |" in said
    assert "| licences | v1 | v2 | change |" in said
    assert f"- `{gone.pk}`: withdrawn by its author" in said
    assert f"- `{kept.pk}`: revision 1 → 2" in said
    words = "Because light of [-short -]{+long +}wavelength is scattered [-most-]{+least+}."
    assert f"  - response:\n\n        {words}\n\n## Added" in said
    assert said.endswith(f"## Added\n\n- `{new.pk}`\n")


def test_what_was_taken_out_for_somebody_is_named_in_every_later_version(
    root: Path, campaign: Campaign, category: Category, admin: Person
) -> None:
    kept, gone = approve(campaign, category, 2)
    release(root)
    submissions.take_out(submission=gone, reason="She is named in it.", by=admin, now=NOW)
    release(root)
    assert f"- `{gone.pk}`: taken out at a person's request" in changes_of(root, "v2")
    rewrite(kept, response="Because of scattering.")
    release(root)
    said = changes_of(root, "v3")
    assert f"`{gone.pk}`" in said
    assert "She is named in it." not in said


def test_the_first_version_says_so(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    release(root)
    assert changes_of(root, "v1") == "# Changes in set v1 (1.0.0)\n\nThe first version: 1 record.\n"


def test_texts_are_inert_in_markdown(root: Path, campaign: Campaign, category: Category) -> None:
    (pair,) = approve(campaign, category)
    release(root)
    rewrite(pair, instruction=NASTY, response=NASTY)
    release(root)
    said = changes_of(root, "v2")
    assert listed_changes(root / "set" / "v2" / "CHANGES.md")["Removed"] == []
    html = MarkdownIt("commonmark").enable("table").render(said)
    outside = re.sub(r"<pre><code>.*?</code></pre>", "", html, flags=re.DOTALL)
    assert "script" not in outside
    assert "javascript" not in outside
    assert "example.org" not in outside
    assert not re.search(r"<(img|a|script|h[3-6])\b", html)
    assert html.count("<h2>Removed</h2>") == 1
    assert "\r" not in said
    assert "\u2028" not in said


def test_other_details_are_named_with_their_values(root: Path, campaign: Campaign, category: Category) -> None:
    (pair,) = approve(campaign, category)
    release(root)
    pair.source_title = "A *bold*\n- title"
    pair.save(update_fields=["source_title"])
    release(root)
    said = changes_of(root, "v2")
    assert f"- `{pair.pk}`: same text, other details\n  - source_title: nothing → A \\*bold\\* \\- title\n" in said


def test_long_changes_are_cut_and_many_are_only_named(
    root: Path, campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelog, "WITH_TEXTS", 2)
    pairs = approve(campaign, category, 3)
    release(root)
    for number, pair in enumerate(pairs):
        rewrite(pair, response=f"{number} " + "word " * 1_000)
    release(root)
    said = changes_of(root, "v2")
    assert said.count("  - response:\n") == 2
    assert said.count("Cut here, after 4,000 of ") == 2
    assert "The first 2 are shown word by word" in said
    assert len(listed_changes(root / "set" / "v2" / "CHANGES.md")["Edited"]) == 3


def test_a_text_too_long_to_compare_is_not_compared(
    root: Path, campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelog, "LONGEST", 100)
    (pair,) = approve(campaign, category)
    release(root)
    rewrite(pair, response="word " * 50)
    release(root)
    assert "  - response: too long to be shown here\n" in changes_of(root, "v2")
