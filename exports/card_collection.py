"""How a version's records were collected, as its card tells: campaigns, guidelines, reviewing, checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collector.checks.findings import CARD, COPIED, EMAIL, INVISIBLE, LANGUAGE, MARKER, PHONE, SECRET
from exports.papers import escaped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exports.composition import Counts
    from exports.release import Release

FOUND = {
    COPIED: "text copied from the source",
    LANGUAGE: "another language than its campaign's",
    EMAIL: "an e-mail address",
    PHONE: "a phone number",
    CARD: "a card number",
    SECRET: "a password or key",
    MARKER: "a prompt-format marker",
    INVISIBLE: "invisible characters",
}
"""What the checks look for, in the card's English whatever the installation speaks."""


def collection(release: Release, counts: Counts) -> str:
    """Return the section on how the records came to be."""
    lines = ["## How it was collected\n"]
    lines.append(
        "Contributors wrote each pair in their own words, under terms that exclude generated text and confidential or "
        "personal data. A reviewer other than the author approved the revision that stands here; imported records "
        "came from the source "
        "that they name, and `approvals` is 0 where the import itself vouched for them."
    )
    campaigns = [entry for entry in release.about.get("campaigns", []) if entry["slug"] in counts["campaigns"]]
    for campaign in campaigns:
        lines += [
            "",
            (
                f"**{escaped(campaign['name'])}** (`{campaign['slug']}`, "
                f"{counts['campaigns'][campaign['slug']]:,} records)."
            ),
        ]
        if campaign.get("description"):
            lines.append(escaped(campaign["description"]))
    categories = [entry for entry in release.about.get("categories", []) if entry["slug"] in counts["categories"]]
    if categories:
        lines += ["", "What was asked of each category:", ""]
        lines += [
            f"- **{escaped(entry['name'])}** (`{entry['slug']}`)"
            + (f": {escaped(entry['tagline'])}" if entry.get("tagline") else "")
            for entry in categories
        ]
    lines += _guidelines(categories)
    lines += _agreement(release.about.get("agreement"), counts)
    lines += _checks(release.about.get("checks"))
    return "\n".join(lines) + "\n"


def quoted(text: str) -> list[str]:
    """Return Markdown as a quotation: it keeps its shape, but no HTML, picture or link of it is followed."""
    inert = text.replace("&", "&amp;").replace("<", "&lt;").replace("![", "!\\[").replace("](", "]\\(")
    # A definition such as [x]: javascript:… would make a link of “[x]” without any bracket after it.
    return [f"> {line.replace(']:', ']&#58;')}".rstrip() for line in inert.splitlines()]


def _guidelines(categories: list[dict[str, Any]]) -> list[str]:
    given = [entry for entry in categories if entry.get("guidelines")]
    if not given:
        return []
    lines = ["", "### Guidelines", "", "What contributors and reviewers read, as it was when this version was frozen."]
    for entry in given:
        lines += ["", f"**{escaped(entry['name'])}**", "", *quoted(entry["guidelines"])]
    return lines


def _agreement(found: Mapping[str, Any] | None, counts: Counts) -> list[str]:
    if found is None:
        return []
    lines = ["", "### Reviewing", ""]
    if not found["reviews"]:
        return [*lines, "No review was made here: the records were approved where they were imported from."]
    lines.append(
        f"{found['reviews']:,} decisions of reviewers stand in the campaigns of these records. How far reviewers who "
        "judged the same text agreed is Krippendorff's alpha: 1 is full agreement, 0 is chance; the interval covers "
        "95 %."
    )
    for of in found["of"]:
        of_one = f" in `{of['campaign']}`" if of["campaign"] else ""
        lines += ["", f"- Decisions{of_one}: {_alpha(of['decision'])}"]
        lines += [
            f"  - `{slug}`: {_alpha(estimate)}"
            for slug, estimate in sorted(of["categories"].items())
            if estimate["value"] is not None and slug in counts["categories"]
        ]
        if of["gold"]["value"] is not None:
            gold = of["gold"]
            lines.append(
                f"- Items with a known answer{of_one}: {gold['value']:.0%} decided rightly "
                f"({gold['low']:.0%} to {gold['high']:.0%}), {gold['size']:,} answers"
            )
    return lines


def _alpha(estimate: Mapping[str, Any]) -> str:
    items = f"{estimate['size']:,} {'item' if estimate['size'] == 1 else 'items'} with several reviewers"
    if estimate["value"] is None:
        return f"not known ({items}; too few, or all decided alike)"
    ends = "" if estimate["low"] is None else f" ({estimate['low']:.2f} to {estimate['high']:.2f})"
    return f"{estimate['value']:.2f}{ends}, {items}"


def _checks(checks: Mapping[str, Any] | None) -> list[str]:
    if checks is None:
        return []
    lines = ["", "### Checks", ""]
    if rows := checks["unchecked"]:
        were = "record was" if rows == 1 else "records were"
        lines += [f"{rows:,} {were} not checked by machine (`check_submissions` does it).", ""]
    if not checks["checked"]:
        return lines[:-1]
    found = checks["found"]
    lines.append(
        f"{checks['checked']:,} records were looked through by machine; nothing was blocked, reviewers saw what was "
        "found. " + ("These approved records hold:" if found else "Nothing was found.")
    )
    if found:
        lines += ["", *(f"- {FOUND.get(code, f'`{code}`')}: {rows:,}" for code, rows in found.items())]
    return lines
