"""Where imported rows come from, and what they may be used for."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError

from collector.languages import validate_language
from collector.models import Licence
from collector.text import validate_text, validate_web_address

TITLE_LENGTH = 300
URL_LENGTH = 1000


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the rows come from and what they may be used for.

    ``title`` and ``url`` are those of the dataset; a row that names its own keeps it. ``licence`` is an SPDX
    identifier of collector.models.Licence, "" for the campaign's; ``language`` is a BCP 47 tag, "" for the campaign's.
    """

    file_name: str
    format: str
    title: str
    url: str = ""
    licence: str = ""
    language: str = ""


def address_fault(url: str) -> str:
    """Say what is wrong with a source's address; "" where nothing is, or there is none."""
    try:
        if url:
            validate_web_address(url)
    except ValidationError:
        return f"The source's address is {url[:100]!r}; it has to begin with http:// or https:// and name a site."
    return ""


def check_origin(origin: Origin) -> None:
    """Raise ValidationError, by field, unless title, address, licence and language are right."""
    errors: dict[str, list[str]] = {}
    for name, value, limit in (("title", origin.title, TITLE_LENGTH), ("url", origin.url, URL_LENGTH)):
        try:
            validate_text(value)
        except ValidationError as error:
            errors[name] = error.messages
        if len(value) > limit:
            errors[name] = [f"The source's {name} is {len(value):,} characters long; the limit is {limit:,}."]
    if "url" not in errors and (fault := address_fault(origin.url)):
        errors["url"] = [fault]
    if origin.licence and origin.licence not in Licence.values:
        errors["licence"] = [f"“{origin.licence}” is not a known licence. Known: {', '.join(Licence.values)}."]
    if origin.language:
        try:
            validate_language(origin.language)
        except ValidationError as error:
            errors["language"] = error.messages
    if errors:
        raise ValidationError(errors)
