"""The design system's components; a builtin library, so no page loads it. ``/ui/`` shows them all.

Every text argument is escaped. Other keyword arguments of a tag become attributes of its element, with ``_`` written
as ``-``: ``data_dialog_open="help"`` is ``data-dialog-open="help"``; ``True`` is an attribute alone, ``False`` none.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from django import template
from django.forms.utils import flatatt
from django.template import TemplateSyntaxError
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ui.templatetags.ui import icon as draw_icon

register = template.Library()

Variant = Literal["", "primary", "quiet", "danger"]
Kind = Literal["", "info", "success", "warning", "error"]
# Present or absent: a template's unset variable is "", which would switch them on.
SWITCHES = {"disabled", "hidden", "checked", "required", "download", "autofocus"}
CARD_ELEMENTS = {"div", "section", "article", "aside", "li"}


def _one_of(value: str, allowed: Any, what: str) -> str:
    if value not in get_args(allowed):
        raise TemplateSyntaxError(f"{value!r} is no {what}; there are {', '.join(filter(None, get_args(allowed)))}.")
    return value


def _attributes(given: dict[str, Any]) -> SafeString:
    named = {name.rstrip("_").replace("_", "-"): value for name, value in given.items() if value is not None}
    named |= {name: bool(value) for name, value in named.items() if name in SWITCHES}
    for name in named:
        if name == "style" or name.startswith("on"):
            raise TemplateSyntaxError(f"{name!r} is inline code, which the Content-Security-Policy refuses.")
    return flatatt(named)


def _classes(*names: str) -> str:
    return " ".join(filter(None, names))


@register.simple_tag
def button(
    label: str,
    variant: Variant = "",
    *,
    href: str = "",
    icon: str = "",
    kbd: str = "",
    small: bool = False,
    type: str = "submit",
    extra: str = "",
    **attributes: Any,
) -> SafeString:
    """Draw a button, or a link that looks like one.

    ``{% button _("Approve") "primary" kbd="a" name="decision" value="approve" %}``
    ``{% button _("Write a pair") href=address icon="pen" small=True %}``

    Args:
        variant: primary (one on a screen), quiet, danger, or none.
        href: makes it a link.
        kbd: the key that does the same, shown after the label.
        type: submit, or button where only a script acts.
        extra: further classes.
    """
    classes = _classes(
        "button", f"button-{_one_of(variant, Variant, 'button')}" if variant else "", "button-small" * small, extra
    )
    inside = format_html(
        "{}<span>{}</span>{}",
        draw_icon(icon) if icon else "",
        label,
        # The key is announced through aria-keyshortcuts, so its picture is not read out a second time.
        format_html(' <kbd aria-hidden="true">{}</kbd>', kbd) if kbd else "",
    )
    if kbd:
        attributes.setdefault("aria_keyshortcuts", kbd)
    if href:
        return format_html('<a class="{}" href="{}"{}>{}</a>', classes, href, _attributes(attributes), inside)
    return format_html('<button class="{}" type="{}"{}>{}</button>', classes, type, _attributes(attributes), inside)


@register.simple_block_tag
def card(
    content: str,
    title: str = "",
    *,
    id: str = "",
    element: str = "",
    level: int = 2,
    extra: str = "",
    **attributes: Any,
) -> SafeString:
    """Put something on a surface of its own; with a title it is a section that the title names.

    ``{% card _("Guidelines") id="guidelines" %}…{% endcard %}``

    Args:
        id: needed where two cards of a page have the same title.
        element: div, section, article, aside or li.
        level: of the title's heading, 1 to 6.
    """
    element = element or ("section" if title else "div")
    if element not in CARD_ELEMENTS:
        raise TemplateSyntaxError(f"A card is one of {', '.join(sorted(CARD_ELEMENTS))}, not {element!r}.")
    head = format_html('<h{0} class="card-title">{1}</h{0}>', int(level), title) if title else ""
    if id:
        attributes["id"] = id
    if title and id:
        head = format_html('<h{0} class="card-title" id="{1}-title">{2}</h{0}>', int(level), id, title)
        attributes["aria_labelledby"] = f"{id}-title"
    return format_html(
        '<{0} class="{1}"{2}>{3}{4}</{0}>', element, _classes("card", extra), _attributes(attributes), head, content
    )


@register.simple_block_tag
def notice(content: str, kind: Kind = "", *, alert: bool = False, extra: str = "", **attributes: Any) -> SafeString:
    """Say something about the page, in its flow.

    ``{% notice "warning" %}<p>…</p>{% endnotice %}``

    Args:
        kind: success, warning, error, or none for plain information.
        alert: it appeared because of what the person did: screen readers say it at once.
    """
    modifier = f"notice-{_one_of(kind, Kind, 'notice')}" if kind else ""
    if alert:
        attributes["role"] = "alert"
    return format_html(
        '<div class="{}"{}><div class="notice-body">{}</div></div>',
        _classes("notice", modifier, extra),
        _attributes(attributes),
        content,
    )


@register.simple_block_tag
def dialog(content: str, id: str, title: str, *, extra: str = "", **attributes: Any) -> SafeString:
    """Make a native dialog; ``data-dialog-open="ID"`` on a button opens it, Esc and its cross close it.

    ``{% button _("Keys") type="button" data_dialog_open="keys" %}{% dialog "keys" _("Keys") %}…{% enddialog %}``

    A button inside with ``data-dialog-close``, or a form with ``method="dialog"``, closes it too. Focus goes back to
    the button that opened it.
    """
    return render_to_string(
        "ui/dialog.html",
        {"id": id, "title": title, "content": content, "extra": extra, "attributes": _attributes(attributes)},
    )


@register.inclusion_tag("ui/toast.html")
def toast(text: str, kind: Kind = "", *, action: str = "", href: str = "") -> dict[str, Any]:
    """Say what has just happened, with at most one thing to do about it; for Django's messages.

    ``{% toast message message.level_tag %}`` · ``{% toast _("Skipped.") action=_("Undo") href=address %}``

    A script makes the same with ``toast(text, {action, onAction, timeout, kind})`` of ``static/js/site.js``.
    """
    modifier = kind if kind in get_args(Kind) else ""
    return {"text": text, "kind": modifier, "action": action, "href": href}


@register.inclusion_tag("ui/progress.html")
def progress(value: float, total: float, label: str, *, figure: str = "", hide_label: bool = False) -> dict[str, Any]:
    """Show how much of a whole is done, with its name and its figure.

    ``{% progress 40 120 _("Approved") %}`` shows “Approved 40 of 120”.

    Args:
        figure: the words beside the label instead of “value of total”.
        hide_label: the words are for screen readers alone, where the text around already says them.
    """
    whole = max(total, 0)
    return {
        "value": min(max(value, 0), whole),
        "said": value,
        "total": whole,
        "whole": whole or 1,
        "label": label,
        "figure": figure,
        "hide_label": hide_label,
    }


@register.simple_block_tag
def tabs(content: str, label: str, *, extra: str = "") -> SafeString:
    """Group links to the views of one thing; each is a ``tab``.

    ``{% tabs _("Board") %}{% tab _("People") "?board=people" "people" board %}…{% endtabs %}``

    They are links of a navigation with ``aria-current``, so they work without a script and can be opened in a window
    of their own.
    """
    return format_html('<nav class="{}" aria-label="{}">{}</nav>', _classes("tabs", extra), label, content)


@register.simple_tag
def tab(label: str, href: str, key: object = "", current: object = None, *, count: int | None = None) -> SafeString:
    """Draw one tab; it is the current one where ``key`` equals ``current``.

    ``{% tab _("Approved") "?status=approved" "approved" status count=12 %}``
    """
    return format_html(
        '<a href="{}"{}>{}{}</a>',
        href,
        SafeString(' aria-current="page"' if key == current else ""),
        label,
        format_html(' <span class="tab-count">{}</span>', count) if count is not None else "",
    )


@register.simple_block_tag
def table(content: str, caption: str, *, show_caption: bool = False, extra: str = "", **attributes: Any) -> SafeString:
    """Draw a table that scrolls by itself where it is wider than the page, also with the keyboard.

    ``{% table _("Standings") %}<thead>…</thead><tbody>…</tbody>{% endtable %}``

    Cells of figures have the class ``num``. The caption names the box that scrolls.

    Args:
        show_caption: for eyes too; else the heading above says it.
        extra: further classes of the table, such as ``table-plain`` (no frame around it).
    """
    return format_html(
        # A group, not a region: each table as a landmark would bury the page's own.
        '<div class="{}" role="group" aria-label="{}" tabindex="0"><table{}><caption{}>{}</caption>{}</table></div>',
        _classes("table-wrap", extra),
        caption,
        _attributes(attributes),
        SafeString("" if show_caption else ' class="visually-hidden"'),
        caption,
        content,
    )
