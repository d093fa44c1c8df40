"""Languages by name."""

from __future__ import annotations

from django import template

from collector import languages

register = template.Library()


@register.filter
def language_name(tag: str) -> str:
    """Return the name of a BCP 47 tag's language."""
    return languages.language_name(tag)
