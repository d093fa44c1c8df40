"""Tags of languages, and their names."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

LONGEST_TAG = 35
validate_language = RegexValidator(
    r"\A[a-zA-Z]{2,3}(?:-[A-Za-z0-9]{2,8})*\Z", _("Use a BCP 47 tag such as “en” or “de-CH”.")
)


def language_name(tag: str) -> str:
    """Return a language's name in the reader's language, or the tag where Django knows none."""
    try:
        name: str = get_language_info(tag)["name_translated"]
    except KeyError:
        return tag
    # Django answers for "de-CH" with "de": what it leaves out is said.
    return name if get_language_info(tag)["code"].lower() == tag.lower() else f"{name} ({tag})"
