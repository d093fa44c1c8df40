from __future__ import annotations

from datetime import timedelta

import pytest
from django import forms
from django.template import Context, Template
from django.test.html import parse_html
from django.utils import timezone

from ui.templatetags import ui


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,x)",
        "[x](vbscript:x)",
        "![x](https://example.org/beacon.png)",
        '<img src="https://example.org/x.png">',
        "<a href='x' onclick='y'>z</a>",
    ],
)
def test_markdown_lets_nothing_dangerous_through(hostile: str) -> None:
    html = ui.markdown(hostile)
    assert not any(part in html for part in ("<script", "<img", 'href="javascript', 'href="data', 'href="vbscript'))
    assert "<a href='x'" not in html


def test_markdown_keeps_what_helps_reading() -> None:
    html = ui.markdown("**Bold** and [a link](https://example.org)\n\n| a |\n| - |\n| b |")
    assert "<strong>Bold</strong>" in html
    assert 'rel="noopener noreferrer nofollow"' in html
    assert "<td>b</td>" in html


def test_reveal_marks_what_nobody_sees_and_escapes_the_rest() -> None:
    html = ui.reveal("a\u202eb<b>\n")
    assert hasattr(html, "__html__")
    assert html.startswith("a<mark")
    assert "RIGHT-TO-LEFT OVERRIDE" in html
    assert html.endswith("b&lt;b&gt;\n")


@pytest.mark.parametrize(
    ("name", "initials"), [("Mara Lindqvist", "ML"), ("Joel", "J"), ("", "?"), ("<b> x", "X"), ("Ana de la Cruz", "AC")]
)
def test_the_avatar_shows_initials(name: str, initials: str) -> None:
    assert f">{initials}</span>" in ui.avatar(name)


def test_ago_carries_the_exact_moment() -> None:
    moment = timezone.now() - timedelta(hours=3, minutes=1)
    html = ui.ago(moment)
    assert "3\xa0hours ago" in html
    assert f'datetime="{timezone.localtime(moment).isoformat()}"' in html


def test_the_meter_never_exceeds_its_whole() -> None:
    assert '<progress value="10" max="10"' in ui.meter(12, 10, "x")
    assert '<progress value="0" max="1"' in ui.meter(0, 0, "x")


def test_a_field_has_no_placeholder_that_repeats_its_label() -> None:
    class Sample(forms.Form):
        email = forms.EmailField(label="Email", widget=forms.EmailInput(attrs={"placeholder": "Email address"}))

    assert "placeholder" not in ui.field(Sample()["email"])["control"]


def test_several_boxes_are_a_group_that_its_legend_names() -> None:
    class Sample(forms.Form):
        reasons = forms.MultipleChoiceField(
            label="Reasons", help_text="Any.", choices=[("a", "A")], widget=forms.CheckboxSelectMultiple
        )

    html = Template("{% field form.reasons %}").render(Context({"form": Sample({})}))
    assert '<fieldset class="field field-group" aria-describedby="id_reasons-help id_reasons-error">' in html
    assert "<legend>Reasons</legend>" in html
    assert 'for="id_reasons"' not in html


def test_a_field_names_its_error_and_help_for_screen_readers() -> None:
    class Sample(forms.Form):
        name = forms.CharField(help_text="As on your badge.")

    context = ui.field(Sample({})["name"])
    assert 'aria-describedby="id_name-help id_name-error"' in context["control"]
    assert 'aria-invalid="true"' in context["control"]


# -- choice


class Dish(forms.Form):
    names = forms.MultipleChoiceField(
        choices=[("a&b", "Fish"), (2, "Leek")], widget=forms.CheckboxSelectMultiple(attrs={"data-note": '"><script>'})
    )
    heat = forms.ChoiceField(choices=[("", "None"), ("hot", "Hot")], widget=forms.RadioSelect)


@pytest.mark.parametrize("name", ["names", "heat"])
def test_a_choice_is_drawn_as_django_draws_it(name: str) -> None:
    boxes = list(Dish({"main-names": ["2"], "main-heat": "hot"}, prefix="main")[name])
    drawn = [parse_html(ui.choice(box)) for box in boxes]
    assert drawn == [parse_html(str(box.tag())) for box in boxes]
    assert "checked" in ui.choice(boxes[1])
