"""Plots: shapes at the right places, readable without colours, safe whatever the labels say."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from django.template.loader import render_to_string

from ui.curves import Curve, curves
from ui.plots import (
    NARROW,
    PAINT,
    WIDE,
    Axis,
    Cell,
    Chart,
    Drawing,
    Point,
    bars,
    columns,
    dot_interval,
    line,
    nice_axis,
    shortened,
    stacked,
)

AXIS = Axis(0.0, 1.0, ((0.0, "0"), (0.5, "0.5"), (1.0, "1")))
POINTS = [
    Point("Summarization", 0.8, 0.7, 0.9, "0.80", "120 shared items"),
    Point("Creative writing", 0.2, -0.3, 0.5, "0.20", "40 shared items"),
    Point("Open questions", None, shown="–", note="Needs at least 10 shared items"),
]
SVG = "{http://www.w3.org/2000/svg}"


def of(drawing: Drawing, css: str) -> list[dict[str, str]]:
    return [mark.attributes for mark in drawing.marks if mark.css == css]


def drawn(drawing: Drawing, **more: str) -> str:
    context = {"drawing": drawing, "shape": "wide", "ident": "plot", "title": "T", "description": "D"} | more
    return render_to_string("ui/plot.svg", context)


def everything(width: int) -> list[Drawing]:
    parts = [[3, 2, 1], [0, 0, 0]]
    return [
        dot_interval(POINTS, axis=AXIS, references=[(0.8, "enough")], width=width),
        bars(POINTS, axis=AXIS, width=width),
        columns(POINTS, axis=AXIS, width=width),
        line(POINTS, axis=AXIS, width=width),
        stacked(["a", "b"], parts, ["6", "0"], width, paint=("plot-good", "plot-warn", "plot-bad")),
    ]


def test_a_dot_lies_where_its_value_does() -> None:
    left, right = (float(dot["cx"]) for dot in of(dot_interval(POINTS, axis=AXIS), "plot-dot"))
    ticks = [float(tick["x1"]) for tick in of(dot_interval(POINTS, axis=AXIS), "plot-grid")]
    assert left == pytest.approx(ticks[0] + 0.8 * (ticks[2] - ticks[0]), abs=0.2)
    assert right == pytest.approx(ticks[0] + 0.2 * (ticks[2] - ticks[0]), abs=0.2)


def test_an_interval_that_leaves_the_axis_ends_at_its_end() -> None:
    second = of(dot_interval(POINTS, axis=AXIS), "plot-interval")[1]
    assert second["x1"] == of(dot_interval(POINTS, axis=AXIS), "plot-grid")[0]["x1"]


def test_a_missing_figure_shows_its_reason_and_no_dot() -> None:
    drawing = dot_interval(POINTS, axis=AXIS)
    assert len(of(drawing, "plot-dot")) == 2
    assert [mark.text for mark in drawing.marks if mark.css == "plot-note"] == ["Needs at least 10 shared items"]


def test_parts_fill_the_whole_in_proportion() -> None:
    drawing = stacked(["a"], [[3, 1]], ["4"], paint=("plot-good", "plot-bad"))
    (good,), (bad,) = of(drawing, "plot-good"), of(drawing, "plot-bad")
    assert float(good["width"]) + 1 == pytest.approx(3 * (float(bad["width"]) + 1), abs=0.4)


def test_a_missing_value_breaks_the_line() -> None:
    points = [Point(str(place), value) for place, value in enumerate([0.1, 0.2, None, 0.3, 0.4])]
    assert len(of(line(points, axis=AXIS), "plot-line")) == 2


def test_places_that_nothing_joins_are_dots() -> None:
    axis = Axis(0.0, 1.0, ((0.0, "0"), (1.0, "1")))
    line = Curve("plot-dot", [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)], has_line=False)
    marks = [mark for mark in curves([line], along=axis, axis=axis).marks if mark.css == "plot-dot"]
    assert [mark.kind for mark in marks] == ["circle"] * 3
    assert len({mark.attributes["cy"] for mark in marks}) == 3


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_leaves_the_sheet(width: int) -> None:
    for drawing in everything(width):
        for mark in drawing.marks:
            for name, most in (
                ("x", width),
                ("cx", width),
                ("x2", width),
                ("y", drawing.height),
                ("y2", drawing.height),
            ):
                assert -0.1 <= float(mark.attributes.get(name, 0)) <= most + 0.1, (mark, drawing.height)


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_nothing_to_draw_is_still_a_drawing(width: int) -> None:
    for drawing in (dot_interval([], axis=AXIS, width=width), columns([], axis=AXIS, width=width)):
        ET.fromstring(drawn(drawing))


def test_labels_thin_out_before_they_touch() -> None:
    drawing = columns([Point(f"category {place}", 0.5) for place in range(40)], axis=AXIS)
    places = [float(mark.attributes["x"]) for mark in drawing.marks if mark.text.startswith("category")]
    assert 1 < len(places) < 10
    assert min(after - before for before, after in pairwise(places)) > 70


def test_no_shape_has_a_style_and_every_class_has_its_colour_without_the_style_sheet() -> None:
    for drawing in everything(WIDE):
        text = drawn(drawing)
        assert "style=" not in text
        assert {mark.css for mark in drawing.marks} <= set(PAINT)


def test_the_style_sheet_paints_every_class() -> None:
    from django.contrib.staticfiles.finders import find

    path = find("css/plots.css")
    assert isinstance(path, str)
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 - as long as Path would be
        sheet = file.read()
    assert {css for css in PAINT if not re.search(rf"\.{css}\b", sheet)} == set()


def test_labels_are_text_whatever_they_say() -> None:
    evil = '"><script>alert(1)</script>&'
    root = ET.fromstring(drawn(bars([Point(evil, 0.5, shown=evil)], axis=AXIS), title=evil))
    assert root.findall(f".//{SVG}script") == []
    assert root.findtext(f"{SVG}title") == evil


def test_a_plot_has_a_name_and_a_description() -> None:
    root = ET.fromstring(drawn(bars(POINTS, axis=AXIS), title="Agreement", description="One bar a row."))
    names = {element.get("id"): element.text for element in root}
    assert root.get("role") == "img"
    assert [names[ident] for ident in (root.get("aria-labelledby") or "").split()] == ["Agreement", "One bar a row."]


def test_a_chart_shows_both_shapes_its_table_and_its_files() -> None:
    chart = Chart(
        ident="agreement",
        title="Agreement",
        description="One bar a row.",
        wide=bars(POINTS, axis=AXIS),
        narrow=bars(POINTS, axis=AXIS, width=NARROW),
        columns=(Cell("Name"), Cell("Figure", is_number=True)),
        rows=((Cell("Summarization", "/review/"), Cell("0.80", is_number=True)),),
        csv="?format=csv",
        svg="?format=svg",
    )
    html = render_to_string("ui/plot.html", {"chart": chart, "level": 3, "drawings": (("wide", chart.wide),)})
    assert '<a href="/review/">Summarization</a>' in html
    assert '<td class="num">0.80</td>' in html
    assert "?format=csv" in html
    assert 'id="agreement-wide-title"' in html


@pytest.mark.parametrize(
    ("values", "high", "number"),
    [([0.7, 3.2], 4, 5), ([97], 100, 3), ([None, 12], 15, 4), ([1200], 1500, 4), ([], 1, 2), ([0.0], 1, 2)],
)
def test_an_axis_ends_at_a_round_number(values: list[float | None], high: float, number: int) -> None:
    axis = nice_axis(values, str)
    assert axis.high == pytest.approx(high)
    assert len(axis.ticks) == number


def test_an_axis_of_time_has_the_ticks_of_a_clock() -> None:
    axis = nice_axis([200], str, steps=(15, 30, 60, 120))
    assert [place for place, _words in axis.ticks] == [0, 60, 120, 180, 240]


def test_a_long_label_ends_in_an_ellipsis() -> None:
    assert shortened("Information extraction", 80) == "Informatio…"
    assert shortened("Short", 80) == "Short"
