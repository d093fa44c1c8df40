"""What every plot of a page has beside its drawing: its words, its table, its addresses as files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ui.plots import NARROW, WIDE, Cell, Chart

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ui.plots import Drawing

Data = tuple[str | float | None, ...]


@dataclass(frozen=True)
class Files:
    """Addresses of a chart as files."""

    csv: str = ""
    svg: str = ""
    png: str = ""


@dataclass(frozen=True)
class Frame:
    """What every chart has: its place on the page and in the address, its words, its files."""

    ident: str
    title: str
    description: str
    files: Files

    def chart(
        self,
        draw: Callable[[int], Drawing],
        heads: Sequence[str],
        rows: Sequence[Sequence[str]],
        data: Sequence[Data],
        legend: tuple[tuple[str, str], ...] = (),
    ) -> Chart:
        """Draw for both widths; in the table every column but the first holds numbers."""
        return Chart(
            ident=self.ident,
            title=self.title,
            description=self.description,
            wide=draw(WIDE),
            narrow=draw(NARROW),
            columns=tuple(Cell(head, is_number=bool(place)) for place, head in enumerate(heads)),
            rows=tuple(tuple(Cell(text, is_number=bool(place)) for place, text in enumerate(row)) for row in rows),
            data=tuple(data),
            csv=self.files.csv,
            svg=self.files.svg,
            png=self.files.png,
            legend=legend,
        )
