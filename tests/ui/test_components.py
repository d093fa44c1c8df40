from __future__ import annotations

import re
from typing import Any

import pytest
from django.template import Context, Engine, Template, TemplateSyntaxError

HOSTILE = '"><script>alert(1)</script>'


def draw(source: str, **context: Any) -> str:
    html: str = Template(source).render(Context(context))
    return re.sub(r"\s+", " ", html).strip()


# -- button


def test_a_button_submits_unless_told_otherwise() -> None:
    assert draw("{% button 'Save' %}") == '<button class="button" type="submit"><span>Save</span></button>'
    assert 'type="button"' in draw("{% button 'Open' type='button' %}")


def test_a_button_with_an_address_is_a_link() -> None:
    html = draw("{% button 'Write' 'primary' href='/write/' small=True %}")
    assert html == '<a class="button button-primary button-small" href="/write/"><span>Write</span></a>'


def test_a_button_shows_its_key_to_eyes_and_says_it_to_screen_readers() -> None:
    html = draw("{% button 'Approve' kbd='a' %}")
    assert '<kbd aria-hidden="true">a</kbd>' in html
    assert 'aria-keyshortcuts="a"' in html


def test_a_buttons_other_arguments_are_attributes() -> None:
    html = draw(
        "{% button 'Go' name='decision' value='approve' data_dialog_open='keys' disabled=off hidden=on %}", on=True
    )
    assert 'data-dialog-open="keys"' in html
    assert 'name="decision" value="approve"' in html
    assert " hidden" in html
    assert "disabled" not in html


@pytest.mark.parametrize("attribute", ["onclick", "style"])
def test_a_component_refuses_inline_code(attribute: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="Content-Security-Policy"):
        draw(f"{{% button 'Go' {attribute}='x' %}}")


def test_a_button_of_an_unknown_kind_is_a_mistake() -> None:
    with pytest.raises(TemplateSyntaxError, match="primary, quiet, danger"):
        draw("{% button 'Go' 'loud' %}")


# -- card, notice


def test_a_card_with_a_title_and_an_id_is_a_section_that_its_title_names() -> None:
    html = draw("{% card 'Guide' id='guide' level=3 %}<p>x</p>{% endcard %}")
    assert html == (
        '<section class="card" aria-labelledby="guide-title" id="guide">'
        '<h3 class="card-title" id="guide-title">Guide</h3><p>x</p></section>'
    )


def test_a_card_without_a_title_is_only_a_surface() -> None:
    assert draw("{% card extra='wide' %}x{% endcard %}") == '<div class="card wide">x</div>'


def test_a_card_is_never_another_element() -> None:
    with pytest.raises(TemplateSyntaxError, match="article"):
        draw("{% card element='script' %}x{% endcard %}")


def test_a_notice_that_answers_the_person_is_said_at_once() -> None:
    html = draw("{% notice 'error' alert=True %}<p>No.</p>{% endnotice %}")
    assert html == '<div class="notice notice-error" role="alert"><div class="notice-body"><p>No.</p></div></div>'


# -- dialog, toast


def test_a_dialog_is_native_named_by_its_title_and_can_be_closed() -> None:
    html = draw("{% dialog 'keys' 'Keys' %}<p>x</p>{% enddialog %}")
    assert '<dialog id="keys" class="dialog" aria-labelledby="keys-title">' in html
    assert '<h2 id="keys-title">Keys</h2>' in html
    assert '<form method="dialog"> <button class="icon-button" type="submit" aria-label="Close">' in html
    assert "<p>x</p>" in html


def test_a_toast_offers_at_most_one_thing_to_do() -> None:
    html = draw("{% toast 'Skipped.' 'success' action='Undo' href='/undo/' %}")
    assert 'class="toast toast-success"' in html
    assert '<a class="toast-action" href="/undo/">Undo</a>' in html


def test_a_toast_of_a_level_without_a_colour_is_plain() -> None:
    assert '<div class="toast">' in draw("{% toast 'x' 'debug' %}")


# -- progress


def test_progress_says_its_name_and_its_figure() -> None:
    html = draw("{% progress 1200 4000 'Approved' %}")
    assert '<span>Approved</span><span class="progress-figure">1,200 of 4,000</span>' in html
    assert '<progress value="1200" max="4000" aria-label="Approved" aria-valuetext="1,200 of 4,000">' in html


def test_progress_never_exceeds_its_whole_but_says_the_truth() -> None:
    html = draw("{% progress 12 10 'Approved' %}")
    assert 'value="10" max="10"' in html
    assert "12 of 10" in html


def test_progress_of_nothing_is_empty() -> None:
    assert 'value="0" max="1"' in draw("{% progress 3 0 'Approved' %}")


def test_progress_may_say_its_figure_in_other_words_to_screen_readers_alone() -> None:
    html = draw("{% progress 1 2 'Copied' figure='half' hide_label=True %}")
    assert "progress-head" not in html
    assert 'aria-valuetext="half"' in html


# -- tabs, table


def test_the_current_tab_is_marked_and_counts_are_shown() -> None:
    html = draw(
        "{% tabs 'State' %}{% tab 'All' '?' 'all' here count=0 %}{% tab 'Mine' '?s=mine' 'mine' here %}{% endtabs %}",
        here="mine",
    )
    assert html == (
        '<nav class="tabs" aria-label="State"><a href="?">All <span class="tab-count">0</span></a>'
        '<a href="?s=mine" aria-current="page">Mine</a></nav>'
    )


def test_a_table_scrolls_in_a_named_box_that_takes_the_focus() -> None:
    html = draw("{% table 'Standings' id='t' %}<tbody><tr><td>1</td></tr></tbody>{% endtable %}")
    assert html == (
        '<div class="table-wrap" role="group" aria-label="Standings" tabindex="0"><table id="t">'
        '<caption class="visually-hidden">Standings</caption><tbody><tr><td>1</td></tr></tbody></table></div>'
    )


def test_a_table_may_show_its_caption() -> None:
    assert "<caption>Standings</caption>" in draw("{% table 'Standings' show_caption=True %}{% endtable %}")


# -- text that people write


@pytest.mark.parametrize(
    "source",
    [
        "{% button x %}",
        "{% button 'a' href=x icon=x kbd=x extra=x value=x %}",
        "{% card x id=x extra=x data_x=x %}{{ x }}{% endcard %}",
        "{% notice extra=x data_x=x %}{{ x }}{% endnotice %}",
        "{% dialog x x extra=x data_x=x %}{{ x }}{% enddialog %}",
        "{% toast x x action=x href=x %}",
        "{% progress 1 2 x %}",
        "{% progress 1 2 x figure=x %}",
        "{% tabs x extra=x %}{% tab x x x x %}{% endtabs %}",
        "{% table x extra=x data_x=x %}{{ x }}{% endtable %}",
        "{% pill x x %}",
        "{% avatar x x %}",
        "{% meter 1 2 x %}",
        "{% icon x %}",
        "{% empty_state x %}{{ x }}{% endempty_state %}",
    ],
)
def test_components_escape_every_text(source: str) -> None:
    html = draw(source, x=HOSTILE)
    assert "<script" not in html


def test_every_component_has_an_example_in_its_docstring() -> None:
    engine = Engine.get_default()
    library = (
        engine.template_libraries.get("components") or engine.get_template_builtins(["ui.templatetags.components"])[0]
    )
    assert {"button", "card", "notice", "dialog", "toast", "progress", "tabs", "tab", "table"} <= set(library.tags)
    from ui.templatetags import components

    for name in library.tags:
        assert f"{{% {name} " in (getattr(components, name).__doc__ or ""), name
