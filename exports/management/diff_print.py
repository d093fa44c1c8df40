"""Prints what differs between two versions: in colours on a terminal, else in git's notation for words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from collector.diffs import diff, fold
from exports import semver
from exports.edits import TEXTS, folded_words, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exports.differences import Difference
    from exports.edits import Edit
    from exports.manifest import Manifest

STYLES = {"equal": "", "delete": "red strike", "insert": "green underline"}
MARKS = {"equal": ("", ""), "delete": ("[-", "-]"), "insert": ("{+", "+}")}
TITLES = {"categories": "Category", "languages": "Language", "licences": "Licence", "splits": "Split"}


class Printer:
    """Writes lines to a stream; what people wrote goes through ``visible``, so that it can't steer the terminal."""

    def __init__(self, stream: Any, *, colour: bool) -> None:
        self._colour = colour
        self._console = Console(
            file=stream, force_terminal=colour, no_color=not colour, highlight=False, soft_wrap=True, markup=False
        )

    def head(self, before: Manifest, after: Manifest, found: Difference) -> None:
        """Say what is compared, how much differs, and what that calls for."""
        names = [
            f"{one['name']} {one['version']} ({semver.of(one, int(one['version'][1:]))})" for one in (before, after)
        ]
        self._say(" → ".join(names), style="bold")
        self._say(f"{len(found.added):,} added, {len(found.removed):,} removed, {len(found.edited):,} edited")
        self._say(f"A {found.step} step: {semver.WHY[found.step]}.")

    def ids(self, title: str, keys: Sequence[str], limit: int | None, reasons: Mapping[str, str] | None = None) -> None:
        """List ids, each with its reason where there are some."""
        self._title(title, len(keys))
        for key in keys[:limit]:
            self._say(f"  {key}" + (f": {visible(reasons[key])}" if reasons else ""))
        self._more(len(keys), limit)

    def edits(self, edits: Iterable[Edit], total: int, limit: int | None, field: str) -> None:
        """Show what changed in each record, or in one column of it."""
        self._title(f"Edited in {field}" if field else "Edited", None if field else total)
        shown = 0
        for edit in edits:
            shown += 1
            before, after = edit.revisions
            what = f"revision {before} → {after}" if edit.is_rewritten else "same text, other details"
            self._say(f"  {edit.id}: {what}", style="bold")
            for name, (old, new) in (edit.facts if field else edit.details).items():
                if field in ("", name):
                    self._say(f"    {name}: {_value(old)} → {_value(new)}")
            for name in TEXTS:
                if edit.texts and name in edit.texts and field in ("", name):
                    self._words(name, *edit.texts[name])
        if not field:
            self._more(total, limit)
        elif not shown:
            self._say("  none")
        elif shown == limit:
            self._say("  there may be more: --limit 0 shows all")

    def composition(self, composition: Mapping[str, Mapping[str, tuple[int, int]]]) -> None:
        """Show the records by value, before and after."""
        for name, lines in composition.items():
            self._say("")
            self._say(TITLES[name], style="bold")
            for value, (old, new) in lines.items():
                self._say(f"  {visible(value)}: {old:,} → {new:,} ({new - old:+,})")

    def _words(self, name: str, before: str, after: str) -> None:
        self._say(f"    {name}:")
        line = Text("")
        for part in fold(diff(before, after)):
            if part.folded:
                line.append(folded_words(part.folded), style="dim")
            else:
                # A colour-blind reader, or a file, has the marks.
                begin, end = MARKS[part.kind]
                line.append(f"{begin}{visible(part.text)}{end}", style=STYLES[part.kind])
        for piece in line.split("\n", allow_blank=True):
            self._console.print(Text("      ") + piece)

    def _title(self, title: str, count: int | None) -> None:
        self._say("")
        self._say(title if count is None else f"{title}: {count:,}", style="bold")

    def _more(self, total: int, limit: int | None) -> None:
        if limit is not None and total > limit:
            self._say(f"  … and {total - limit:,} more (--limit 0 shows all, --json lists every id)", style="dim")

    def _say(self, line: str, *, style: str = "") -> None:
        self._console.print(Text(line, style=style))


def _value(value: Any) -> str:
    return visible(value.isoformat() if hasattr(value, "isoformat") else str(value)) or "nothing"
