"""The components that pages share, as template tags; a builtin library, so no page loads it."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

import nh3
from django import template
from django.forms.utils import flatatt
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.forms import BoundField
    from django.forms.boundfield import BoundWidget
    from markdown_it import MarkdownIt

register = template.Library()

MARKDOWN_TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h1", "h2", "h3", "h4", "table", "thead", "tbody", "tr", "th", "td"),
}
INVISIBLE = {"Cf", "Cc", "Zl", "Zp"}
SECTIONS = {
    "person": "leaderboard",
    "points": "leaderboard",
    "contests": "leaderboard",
    "terms": "home",
}
# Pages of the reviewer's desk, whichever of them come to be, stand under one entry.
FAMILIES = {
    "review": "review-next",
    "sheet": "review-next",
    "agreement": "review-next",
    "passages": "review-next",
    "dataset": "datasets",
    "run": "datasets",
    "point": "leaderboard",
    "campaign": "campaigns",
    "invitation": "campaigns",
    "mailing": "campaigns",
    "contest": "leaderboard",
    "submission": "mine",
    "write": "home",
    "operations": "admin:index",
    "webhook": "admin:index",
}
KEPT_CONTROLS = {"\n", "\t"}


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon of the sprite; it says nothing by itself, so it is hidden from screen readers."""
    return format_html(
        '<svg class="icon" width="20" height="20" aria-hidden="true"><use href="{}#{}"></use></svg>',
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def pill(value: str, label: str) -> SafeString:
    """Show a state as a coloured word; the word carries the meaning."""
    return format_html('<span class="pill pill-{}">{}</span>', value, label)


@register.simple_tag
def avatar(name: str, size: str = "") -> SafeString:
    """Show a person's initials, beside their name."""
    words = [word for word in name.split() if word[0].isalnum()]
    initials = "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words[:1])).upper() or "?"
    return format_html(
        '<span class="avatar{}" aria-hidden="true">{}</span>', f" avatar-{size}" if size else "", initials
    )


@register.simple_tag
def meter(done: int, total: int, label: str) -> SafeString:
    """Show how much of a whole is done, for eyes and for screen readers."""
    share = min(done, total) if total else 0
    return format_html('<progress value="{}" max="{}" aria-label="{}"></progress>', share, total or 1, label)


@register.simple_tag
def ago(moment: datetime | None) -> SafeString | str:
    """Say how long ago a moment was; the exact time, in the reader's zone, is in the title."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    distance = timesince(moment, depth=1)
    is_now = (timezone.now() - moment).total_seconds() < 60  # noqa: PLR2004 - a minute
    words = _("just now") if is_now else _("%(distance)s ago") % {"distance": distance}
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', local.isoformat(), local.strftime("%Y-%m-%d %H:%M %Z"), words
    )


@register.inclusion_tag("ui/field.html")
def field(bound: BoundField, foot: str = "", words_min: int = 0, words_max: int = 0) -> dict[str, Any]:
    """Draw a form field: label, help, control, error. Every form of the site uses this one.

    Args:
        words_min, words_max: the healthy number of words, where a live count is wanted (static/js/editor.js).
    """
    # A placeholder goes when one begins to type; the label and the help stay, and say the same.
    bound.field.widget.attrs.pop("placeholder", None)
    # Several boxes or dots are a group, which its legend names; the group's id is no label's.
    is_group = bound.use_fieldset
    name = bound.auto_id if is_group else bound.id_for_label
    described = [f"{name}-help"] if bound.help_text else []
    if bound.errors:
        described.append(f"{name}-error")
    attrs: dict[str, str | bool] = {"aria-describedby": " ".join(described)} if described else {}
    if bound.errors and not is_group:
        attrs["aria-invalid"] = "true"
    return {
        "field": bound,
        "control": bound.as_widget(attrs={} if is_group else attrs),
        "described": " ".join(described),
        "is_check": not is_group and getattr(bound.field.widget, "input_type", "") == "checkbox",
        "is_group": is_group,
        "foot": foot,
        "words_min": words_min,
        "words_max": words_max,
    }


@register.simple_tag
def choice(box: BoundWidget) -> SafeString:
    """Draw one box or dot of a group as Django's widget does, without its two templates: a form may have forty."""
    data = box.data
    value = {} if data["value"] is None else {"value": str(data["value"])}
    return format_html("<input{}>", flatatt({"type": data["type"], "name": data["name"], **value, **data["attrs"]}))


@register.simple_block_tag
def empty_state(content: str, title: str) -> SafeString:
    """Say what will be here and how to begin."""
    return format_html('<div class="empty"><h2>{}</h2>{}</div>', title, content)


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable(["image"])


@register.filter
@lru_cache(maxsize=256)  # a campaign's few texts stand on every page that one writes or reviews on
def markdown(text: str) -> SafeString:
    """Turn a lead's Markdown into HTML: no raw HTML, no images, links only to http, https and mailto."""
    html = nh3.clean(
        _parser().render(text),
        tags=MARKDOWN_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(html)  # noqa: S308 - nh3 has just made it safe


@register.filter
def reveal(text: str) -> SafeString:
    """Show a text as it is, with characters that nobody sees marked: they can hide instructions or turn text around."""
    if text.replace("\n", "").replace("\t", "").isprintable():
        return format_html("{}", text)
    parts = [_marked(run) if unseen else format_html("{}", "".join(run)) for unseen, run in groupby(text, _is_unseen)]
    return mark_safe("".join(parts))  # noqa: S308 - each part was made by format_html


def _marked(characters: Iterable[str]) -> str:
    return "".join(
        format_html(
            '<mark class="unseen" title="{}">U+{}</mark>',
            unicodedata.name(character, _("control character")),
            f"{ord(character):04X}",
        )
        for character in characters
    )


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in INVISIBLE and character not in KEPT_CONTROLS


@register.filter
def get(mapping: dict[Any, Any], key: Any) -> Any:
    """Look a key up, for tables whose columns are data."""
    return mapping.get(key)


@register.inclusion_tag("ui/navigation.html", takes_context=True)
def navigation(context: template.Context) -> dict[str, Any]:
    """The main navigation, with what this person's roles open."""
    request = context["request"]
    person = request.user
    entries = [("home", _("Home")), ("mine", _("My submissions"))]
    if person.has_role("reviewer") or person.has_role("lead"):
        entries.append(("review-next", _("Review")))
    if person.has_role("lead"):
        entries += [("campaigns", _("Campaigns")), ("insights", _("Insights"))]
    entries += [("leaderboard", _("Leaderboard")), ("datasets", _("Datasets"))]
    if person.is_staff:
        entries.append(("admin:index", _("Admin")))
    page = request.resolver_match.view_name if request.resolver_match else ""
    section = SECTIONS.get(page) or next((section for part, section in FAMILIES.items() if page.startswith(part)), page)
    return {"entries": entries, "page": page, "section": section}
