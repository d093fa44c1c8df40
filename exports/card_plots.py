"""The plots beside a card, as SVG of plain texts and rectangles.

Every byte of a version can be made again, so what is drawn here must not change for versions that were released: a test
holds it fast. Another look is another number of papers (exports.about.PAPERS).
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exports.composition import Counts

WIDTH, LEFT, RIGHT, ROW, BAR, TOP = 720, 200, 96, 30, 18, 56
INK, SOFT, GRID, PAPER = "#1d1b18", "#5b564e", "#e3e0d9", "#ffffff"
COLOURS = {"train": "#0b6b62", "validation": "#7fb8b1", "test": "#c98a3c"}
LONGEST_LABEL = 26
LENGTHS = (10, 25, 50, 100, 200, 400, 800)
"""Words of a response up to which a bar counts; the last bar has what is longer."""


class Plot(NamedTuple):
    """A picture: where it lies, what it shows in words, and its bytes as text."""

    path: str
    told: str
    svg: str


class Bar(NamedTuple):
    """One row: its label, and rows by part, in order."""

    label: str
    parts: dict[str, int]

    @property
    def total(self) -> int:
        """All its parts together."""
        return sum(self.parts.values())


def plots(counts: Counts, lengths: Sequence[tuple[str, int]]) -> list[Plot]:
    """Return the composition by category and split, and the lengths of the responses."""
    categories = [Bar(name, figures["splits"]) for name, figures in counts["categories"].items()]
    categories.sort(key=lambda bar: (-bar.total, bar.label))
    largest = categories[0]
    words = [Bar(label, {"train": rows}) for label, rows in lengths]
    usual = max(words, key=lambda bar: bar.total)
    return [
        Plot(
            "plots/categories.svg",
            f"Records of each category by split. The largest is {largest.label} with {largest.total:,} of "
            f"{counts['rows']:,}.",
            draw("Records by category and split", categories, sorted(counts["splits"], key=list(COLOURS).index)),
        ),
        Plot(
            "plots/response_words.svg",
            f"Records by the words of their response. Most have {usual.label} words: {usual.total:,} of "
            f"{counts['rows']:,}.",
            draw("Records by the words of their response", words),
        ),
    ]


def draw(title: str, bars: Sequence[Bar], legend: Sequence[str] = ()) -> str:
    """Return lying bars as an SVG document; widths are whole units, so that every machine draws the same."""
    height = TOP + ROW * len(bars) + 14
    most = max((bar.total for bar in bars), default=0) or 1
    room = WIDTH - LEFT - RIGHT
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
            f'height="{height}" role="img" font-family="system-ui, sans-serif" font-size="13">'
        ),
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="{PAPER}"/>',
        f'<text x="16" y="28" font-size="15" font-weight="600" fill="{INK}">{escape(title)}</text>',
    ]
    for place, name in enumerate(reversed(legend)):
        x = WIDTH - 16 - 100 * (place + 1)
        lines += [
            f'<rect x="{x}" y="17" width="12" height="12" rx="2" fill="{COLOURS[name]}"/>',
            f'<text x="{x + 18}" y="28" fill="{SOFT}">{name}</text>',
        ]
    lines.append(f'<path d="M{LEFT} {TOP - 8}V{height - 10}" stroke="{GRID}"/>')
    for number, bar in enumerate(bars):
        y = TOP + ROW * number
        label = bar.label if len(bar.label) <= LONGEST_LABEL else f"{bar.label[: LONGEST_LABEL - 1]}…"
        lines.append(f'<text x="{LEFT - 12}" y="{y + 14}" text-anchor="end" fill="{INK}">{escape(label)}</text>')
        start, before = LEFT, 0
        for name, rows in sorted(bar.parts.items(), key=lambda part: list(COLOURS).index(part[0])):
            before += rows
            end = LEFT + room * before // most
            if end > start:
                lines.append(f'<rect x="{start}" y="{y}" width="{end - start}" height="{BAR}" fill="{COLOURS[name]}"/>')
            start = end
        lines.append(f'<text x="{start + 8}" y="{y + 14}" fill="{SOFT}">{bar.total:,}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"
