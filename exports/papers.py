"""``LICENSE`` and ``CHANGES.md`` of a version."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from exports.licences import facts
from exports.manifest import NotAManifest, read
from exports.naming import VERSION
from exports.writers.sink import FileEntry, Sink

if TYPE_CHECKING:
    from pathlib import Path

    from exports.composition import Counts
    from exports.release import Release

Say = Callable[..., None]
REASONS = {
    "withdrawn": "withdrawn by its author",
    "rejected": "rejected",
    "taken_out": "taken out at a person's request",
    "in_review": "back in review, not approved at the time",
    "filtered": "approved, but no longer chosen by the filter",
}

REMOVED = re.compile(r"^- `([^`\n]+)`: (.+)$", re.MULTILINE)


def one_line(text: str) -> str:
    """Return the text with every run of white space made one space: a title can't begin a line of its own."""
    return " ".join(text.split())


def escaped(text: str) -> str:
    """Return the text, on one line, so that Markdown shows it and interprets nothing of it."""
    return "".join(
        f"\\{character}" if character in r"\`*_{}[]<>()#+!|~-" else character for character in one_line(text)
    )


def write_licence(directory: Path, *, release: Release, counts: Counts) -> FileEntry:
    """Write ``LICENSE``: the licence of the data, where its text stands, and whom to name."""
    licence = facts(release.licence)
    with Sink(directory, "LICENSE") as sink:

        def say(line: str = "") -> None:
            sink.write(f"{line}\n".encode())

        say(f"{release.name} {release.version}")
        say()
        say(f"The data is released under: {licence.name} ({release.licence})")
        if licence.url:
            say(f"The full text: {licence.url}")
        if release.licence == "LicenseRef-Proprietary":
            say("It is for use inside the company that collected it. Ask its campaign leads before you pass it on.")
        say()
        if len(counts["licences"]) > 1:
            say("Each record carries its own licence in the column “licence”:")
            for spdx, rows in counts["licences"].items():
                say(f"- {spdx}: {rows:,} records{f', {facts(spdx).url}' if facts(spdx).url else ''}")
            say()
        if any(facts(spdx).attribution for spdx in counts["licences"]):
            say("Attribution: name this dataset and its version, link to the licence, and say what you changed.")
            say(
                f"Suggested: “{release.name} {release.version}, {licence.name}”. "
                "Contributors appear under pseudonyms only."
            )
            say()
        for number, (title, url, spdx, rows) in enumerate(release.sources):
            if number == 0:
                say("Sources that records draw on:")
            parts = [one_line(title) or "untitled", *([one_line(url)] if url else []), spdx]
            say(f"- {', '.join(parts)}: {rows:,} {'record' if rows == 1 else 'records'}")
    return sink.entry()


def write_changes(directory: Path, *, release: Release) -> FileEntry:
    """Write ``CHANGES.md`` as it was before versions had a semantic one: a rebuild of those keeps its bytes."""
    with Sink(directory, "CHANGES.md") as sink:

        def say(line: str = "") -> None:
            sink.write(f"{line}\n".encode())

        say(f"# Changes in {release.name} {release.version}")
        say()
        if release.parent is None:
            say(f"The first version: {release.rows:,} {'record' if release.rows == 1 else 'records'}.")
            return _closed(sink)
        say(f"Against {release.parent}.")
        _section(say, "Removed", (f"`{key}`: {REASONS[reason]}" for key, reason in release.changes.removed))
        _section(say, "Edited", (f"`{key}`: {_what(before, after)}" for key, before, after in release.changes.edited))
        _section(say, "Added", (f"`{key}`" for key in release.changes.added))
    return sink.entry()


def _what(before: int, after: int) -> str:
    return "same text, other details" if before == after else f"revision {before} → {after}"


def _section(say: Say, title: str, lines: Iterable[str]) -> None:
    say()
    say(f"## {title}")
    say()
    empty = True
    for line in lines:
        empty = False
        say(f"- {line}")
    if empty:
        say("None.")


def _closed(sink: Sink) -> FileEntry:
    sink.close()
    return sink.entry()


def reasons_on_disk(before: Path, after: Path) -> dict[str, str]:
    """Return why records left between two version directories, in words, by id, as far as CHANGES.md files tell.

    They are followed from ``after`` through each parent beside it, back to ``before``. Where a version of that line is
    missing or withdrawn from the disk, nothing is known of what left there.
    """
    found: dict[str, str] = {}
    line, here = before.resolve(), after.resolve()
    while here != line:
        try:
            parent = read(here)[0]["parent"]
            text = (here / "CHANGES.md").read_text(encoding="utf-8")
        except (NotAManifest, OSError):
            break
        for key, reason in REMOVED.findall(text.partition("\n## Removed\n")[2].partition("\n## ")[0]):
            found.setdefault(key, reason)
        if parent is None or not VERSION.fullmatch(parent):
            break
        here = here.parent / parent
    return found
