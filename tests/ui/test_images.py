"""Plots as files: they stand by themselves, and their words are there on a machine without fonts."""

from __future__ import annotations

import struct
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from ui.curves import Curve, Span, curves, layered
from ui.images import FAMILY, FONTS, SCALE, png, svg
from ui.plots import Axis, Chart, Drawing, Point, bars

SVG = "{http://www.w3.org/2000/svg}"
AXIS = Axis(0.0, 10.0, ((0.0, "0"), (10.0, "10")))
POINTS = [Point("Ελένη <b>", 4.0, shown="4"), Point("Жанна", 9.0, shown="9")]


@pytest.fixture
def chart() -> Chart:
    drawn = bars(POINTS, axis=AXIS)
    legend = (("plot-bar", "Approved"), ("plot-faint", "Sent"))
    return Chart("one", "Contributions & approvals", "What one sees", drawn, drawn, legend=legend)


def size(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", picture[16:24])


def test_the_file_says_by_itself_what_it_shows(chart: Chart) -> None:
    root = ET.fromstring(svg(chart))
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert texts[:3] == ["Contributions & approvals", "Approved", "Sent"]
    assert "Ελένη <b>" in "".join(texts)
    assert all("class" not in element.attrib for element in root.iter())


def test_a_long_title_takes_several_lines(chart: Chart) -> None:
    root = ET.fromstring(svg(replace(chart, title="How long texts waited " * 8)))
    lines = [text for text in root.iter(f"{SVG}text") if text.attrib["font-size"] == "16"]
    assert len(lines) >= 3
    assert float(root.attrib["height"]) > float(ET.fromstring(svg(chart)).attrib["height"])


def test_the_picture_is_as_large_as_the_drawing_asks(chart: Chart) -> None:
    root = ET.fromstring(svg(chart))
    wanted = tuple(int(float(root.attrib[name]) * SCALE) for name in ("width", "height"))
    assert size(png(chart)) == wanted


def test_words_are_drawn_without_any_font_of_the_machine(chart: Chart) -> None:
    alone = png(chart, uses_system_fonts=False)
    mute = png(
        replace(
            chart,
            title="",
            legend=(),
            wide=replace(chart.wide, marks=tuple(m for m in chart.wide.marks if m.kind != "text")),
        ),
        uses_system_fonts=False,
    )
    # Each of the three scripts and both weights leave ink.
    assert len(alone) > len(mute) + 4000
    assert alone == png(chart)  # and the machine's fonts change nothing where ours has the letters


@pytest.mark.parametrize("letter", ["ä", "Ω", "Ж", "ế", "…", "α", "–"])
def test_letters_of_ours_are_no_boxes(letter: str, chart: Chart) -> None:
    def drawn(text: str) -> bytes:
        empty = Drawing(100, 40, ())
        return png(replace(chart, title=text, legend=(), wide=empty), uses_system_fonts=False)

    assert drawn(letter) not in {drawn("\ue000"), drawn("")}


def test_the_fonts_come_with_their_licence() -> None:
    assert {path.suffix for path in FONTS.iterdir()} == {".ttf", ".txt"}
    assert "SIL OPEN FONT LICENSE" in next(FONTS.glob("*.txt")).read_text().upper()
    assert all(FAMILY.replace(" ", "") in path.name for path in FONTS.iterdir())


def of(drawing: Drawing, css: str) -> list[dict[str, str]]:
    return [mark.attributes for mark in drawing.marks if mark.css == css]


def test_layers_stand_on_one_ground_the_narrow_before_the_broad() -> None:
    front = [Point("", 2.0, shown="2"), Point("", 0.0, shown="0")]
    drawing = layered(POINTS, front, axis=AXIS, references=[(5.0, "needed")])
    broad, narrow = of(drawing, "plot-faint"), of(drawing, "plot-bar")
    assert (len(broad), len(narrow)) == (2, 1)
    assert float(broad[0]["width"]) > float(narrow[0]["width"])
    feet = [float(bar["y"]) + float(bar["height"]) for bar in (*broad, *narrow)]
    assert feet == pytest.approx([feet[0]] * 3, abs=0.11)
    (line,) = of(drawing, "plot-reference")
    assert line["y1"] == line["y2"]


def test_a_curve_goes_from_the_first_place_to_the_last() -> None:
    curve = Curve("plot-line", [(0, 0), (5, 10), (10, 10)])
    drawing = curves([curve], along=AXIS, axis=AXIS, spans=[Span(2, 4)], references=[(10, "target")])
    places = [tuple(map(float, place.split(","))) for place in of(drawing, "plot-line")[0]["points"].split()]
    assert places[0][0] < places[1][0] < places[2][0]
    assert places[0][1] > places[1][1] == places[2][1]
    assert of(drawing, "plot-span")


def test_a_curve_of_one_place_is_none() -> None:
    assert of(curves([Curve("plot-line", [(0, 0)])], along=AXIS, axis=AXIS), "plot-line") == []
