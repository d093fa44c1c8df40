"""``{% load diffs %}``: what changed in a text, for eyes and for screen readers. The page links css/diff.css."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector.diffs import diff as compare
from collector.diffs import fold
from ui.templatetags.ui import reveal

if TYPE_CHECKING:
    from collector.diffs import Shown
    from collector.pairs import Pair

register = template.Library()


@register.simple_tag
def diff(before: str, after: str) -> SafeString:
    """Show ``after`` with what was added to ``before`` as ``<ins>`` and what was removed from it as ``<del>``.

    White space is exact, so put it into an element of the class ``verbatim``; not into a ``<p>``, since long unchanged
    stretches are folded into a ``<details>``.
    """
    return mark_safe("".join(_html(part) for part in fold(compare(before, after))))  # noqa: S308 - made by format_html


@register.inclusion_tag("collector/_diff.html")
def pair_diff(before: Pair, after: Pair) -> dict[str, Any]:
    """Show what changed between two revisions (or a draft): each changed text as a diff, the others by name."""
    rows = [
        (_("Instruction"), before.instruction, after.instruction),
        (_("Context"), before.context, after.context),
        (_("Response"), before.response, after.response),
    ]
    return {
        "changed": [row for row in rows if row[1] != row[2]],
        "unchanged": [label for label, old, new in rows if old == new and new],
    }


def _html(part: Shown) -> str:
    if part.folded:
        words = ngettext("%(count)d unchanged word", "%(count)d unchanged words", part.folded) % {"count": part.folded}
        return format_html('<details class="diff-fold"><summary>{}</summary>{}</details>', words, reveal(part.text))
    if part.kind == "equal":
        return reveal(part.text)
    is_new = part.kind == "insert"
    # Screen readers don't announce ins and del by themselves.
    return format_html(
        "<{tag}>{begin}{text}{end}</{tag}>",
        tag="ins" if is_new else "del",
        begin=_unseen(_("[added:") if is_new else _("[removed:")),
        text=_line_ends(part.text),
        end=_unseen(_("end]")),
    )


def _unseen(words: str) -> SafeString:
    return format_html('<span class="visually-hidden"> {} </span>', words)


def _line_ends(text: str) -> SafeString:
    """Mark the line ends of a change, which would otherwise not be seen."""
    mark = mark_safe('<span class="diff-newline"></span>\n')
    return mark_safe(mark.join(reveal(line) for line in text.split("\n")))  # noqa: S308 - reveal escapes
