"""``CHANGES.md``: what became of the parent's records, by id, with the words that changed and why others left.

Texts of people stand in indented code, where Markdown interprets nothing, a sign for every other end of line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exports import semver
from exports.edits import TEXTS, plain, visible
from exports.papers import REASONS, escaped
from exports.writers.sink import FileEntry, Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from exports.edits import Edit
    from exports.release import Release

    Say = Callable[..., None]

WITH_TEXTS = 200
"""So many edited records are shown word by word; the others by what changed alone."""
MOST_CHARACTERS = 4_000
"""So long may the word diff of one text be."""
LONGEST = 200_000
"""A text of more characters is not compared word by word."""
INDENT = " " * 8


def write(directory: Path, *, release: Release) -> FileEntry:
    """Write the file; memory holds a few hundred edited records, however many there are."""
    with Sink(directory, "CHANGES.md") as sink:

        def say(line: str = "") -> None:
            sink.write(f"{line}\n".encode())

        say(f"# Changes in {release.name} {release.version} ({release.semantic_version})")
        say()
        if release.parent is None:
            say(f"The first version: {_records(release.rows)}.")
        else:
            _against_parent(say, release)
    return sink.entry()


def _against_parent(say: Say, release: Release) -> None:
    changes = release.changes
    counts = changes.counts
    say(
        f"Against {release.parent} ({changes.parent_semantic}): {_records(counts['added'])} added, "
        f"{counts['removed']:,} removed, {counts['edited']:,} edited."
    )
    say()
    step = semver.step(**counts)
    say(f"A {step} step: {semver.WHY[step]}.")
    if beside := release.about.get("semantic_beside"):
        say(f"The number is also above that of {', '.join(beside)}, frozen in between, and says what changed since.")
    _composition(say, release.parent or "", release.version, changes.composition)
    _section(say, "Removed", (f"- `{key}`: {REASONS[reason]}" for key, reason in changes.removed))
    _section(say, "Edited", _edits(changes.edits, counts["edited"], release))
    _section(say, "Added", (f"- `{key}`" for key in changes.added))
    withdrawn = iter(changes.withdrawn)
    first = next(withdrawn, None)
    if first is not None:
        _section(
            say,
            "Withdrawn since earlier versions",
            ["Left before the parent, withdrawn by their authors: drop them if you hold an older version.", ""],
            [f"- `{first}`"],
            (f"- `{key}`" for key in withdrawn),
        )


def _records(rows: int) -> str:
    return f"{rows:,} {'record' if rows == 1 else 'records'}"


def _section(say: Say, title: str, *parts: Iterable[str]) -> None:
    say()
    say(f"## {title}")
    say()
    empty = True
    for part in parts:
        for line in part:
            empty = False
            say(line)
    if empty:
        say("None.")


def _composition(say: Say, before: str, after: str, composition: Mapping[str, Mapping[str, tuple[int, int]]]) -> None:
    say()
    say("## Composition")
    for title, lines in composition.items():
        say()
        say(f"| {title} | {before} | {after} | change |")
        say("| --- | ---: | ---: | ---: |")
        for name, (old, new) in lines.items():
            say(f"| `{name}` | {old:,} | {new:,} | {new - old:+,} |")


def _edits(edits: Iterable[Edit], count: int, release: Release) -> Iterable[str]:
    for edit in edits:
        before, after = edit.revisions
        what = f"revision {before} → {after}" if edit.is_rewritten else "same text, other details"
        yield f"- `{edit.id}`: {what}"
        for name, (old, new) in edit.details.items():
            yield f"  - {name}: {_value(old)} → {_value(new)}"
        for name in TEXTS:
            if edit.texts and name in edit.texts:
                yield from _words(name, *edit.texts[name])
    if count > WITH_TEXTS:
        yield ""
        yield (
            f"The first {WITH_TEXTS} are shown word by word. For all of them: `diff_datasets "
            f"{release.name}/{release.parent} {release.name}/{release.version} --only edited`, or this version's page."
        )


def _words(name: str, before: str, after: str) -> Iterable[str]:
    if max(len(before), len(after)) > LONGEST:
        yield f"  - {name}: too long to be shown here"
        return
    shown = plain(before, after)
    yield f"  - {name}:"
    yield ""
    yield from (f"{INDENT}{line}" for line in shown[:MOST_CHARACTERS].split("\n"))
    if len(shown) > MOST_CHARACTERS:
        yield ""
        yield f"    Cut here, after {MOST_CHARACTERS:,} of {len(shown):,} characters."


def _value(value: Any) -> str:
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return escaped(visible(text)) or "nothing"
