"""E-mail addresses, phone numbers and card numbers: what belongs to a person and not into a dataset.

Every pattern is anchored and possessive, or bounded: none can be made to search back and forth.
"""

from __future__ import annotations

import re
from itertools import islice

from django.utils.translation import gettext as _

from collector.checks.findings import CARD, EMAIL, PHONE, Finding, first_few

_EMAIL = re.compile(
    r"(?<![\w.%+/-])[\w.%+-]{1,64}+@((?:[a-z0-9](?:[a-z0-9-]{0,62}+)\.){1,8}[a-z]{2,24})(?![\w-]|\.\w)", re.IGNORECASE
)
# RFC 2606 and 6761 set these aside for examples.
_EXAMPLE_DOMAIN = re.compile(
    r"(?:\A|\.)example\.(?:com|net|org)\Z|\.(?:example|test|invalid|localhost)\Z", re.IGNORECASE
)
# As in https://name:password@host, which is another finding.
_PASSWORD_BEFORE = re.compile(r"://[^\s/@:]{0,64}:\Z")

# Between 13 and 19 digits, as they are printed or in one run; no part of a longer number or of a decimal.
_CARD = re.compile(r"(?<![\d.,])(?<![\d.,][ -])\d(?:[ -]?\d){12,18}(?![ -]?\d|[.,]\d)")
_NETWORKS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12}"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}"  # JCB
    r"|3(?:0[0-5]|[68]\d)\d{11}"  # Diners Club
)

_PHONE = re.compile(r"(?<![\w.+-])(?:\+|\(|00)?\d(?:[ ().\-/\u00a0]{0,3}\d){6,14}(?!\w)")
# Anything longer is a table of figures; the first few say it.
_MOST_TRIED = 200
_FEWEST_DIGITS = 7
# Where a tag names no region, numbers without a country's code are read as those of the language's largest country.
_HOME = {
    "en": "US", "de": "DE", "fr": "FR", "es": "ES", "it": "IT", "nl": "NL", "pt": "BR", "pl": "PL", "sv": "SE",
    "da": "DK", "nb": "NO", "no": "NO", "fi": "FI", "cs": "CZ", "ja": "JP", "ko": "KR", "tr": "TR", "hi": "IN",
}  # fmt: skip


def emails(text: str) -> list[str]:
    """Return the e-mail addresses in a text, without those set aside for examples."""
    if "@" not in text:
        return []
    return [
        match.group()
        for match in _EMAIL.finditer(text)
        if not _EXAMPLE_DOMAIN.search(match.group(1))
        and not _PASSWORD_BEFORE.search(text, max(0, match.start() - 80), match.start())
    ]


def cards(text: str) -> list[str]:
    """Return the digits of what may be payment cards: a network's prefix and length, and a right check digit."""
    found = []
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if _NETWORKS.fullmatch(digits) and len(set(digits)) > 2 and luhn(digits):  # noqa: PLR2004 - 4444…, 4000…0
            found.append(digits)
    return found


def luhn(digits: str) -> bool:
    """Say whether the last of these digits is right (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)  # noqa: PLR2004 - the sum of two digits
    return total % 10 == 0


def phones(text: str, language: str = "") -> list[str]:
    """Return phone numbers: with a country's code, or grouped as the language's country writes them."""
    # Its tables are read where a text has digits to look at.
    candidates = [match.group().strip() for match in islice(_PHONE.finditer(text), _MOST_TRIED)]
    candidates = [one for one in candidates if sum(map(str.isdigit, one)) >= _FEWEST_DIGITS]
    if not candidates:
        return []
    from phonenumbers import Leniency, PhoneNumberMatcher

    tags = language.split("-")
    region = next((tag.upper() for tag in tags[1:] if len(tag) == 2), _HOME.get(tags[0].lower()))  # noqa: PLR2004 - ISO 3166
    found: list[str] = []
    for candidate in candidates:
        # A bare run of digits is an amount or an identifier more often than a number to call.
        if candidate.isdigit():
            continue
        matches = PhoneNumberMatcher(candidate, region, leniency=Leniency.STRICT_GROUPING)
        found += [match.raw_string for match in matches]
    return found


def check(field: str, text: str, language: str = "", *, known: str = "") -> list[Finding]:
    """Look for all three; what also stands in ``known`` (the campaign's own passage) is nobody's fault here."""
    findings = []
    addresses = [address for address in emails(text) if address not in known]
    if addresses:
        message = _("There is an e-mail address. Replace it by an invented one, such as name@example.com.")
        findings.append(Finding(code=EMAIL, field=field, message=message, excerpts=first_few(addresses)))
    numbers = [number for number in cards(text) if number not in known]
    if numbers:
        message = _("There is what looks like a card number. Take it out: it must never be in a dataset.")
        masked = first_few([f"•••• {number[-4:]}" for number in numbers])
        findings.append(Finding(code=CARD, field=field, message=message, excerpts=masked))
    calls = [number for number in phones(text, language) if number not in known]
    if calls:
        message = _("There is a phone number. Take it out, or replace it by one that nobody has.")
        findings.append(Finding(code=PHONE, field=field, message=message, excerpts=first_few(calls)))
    return findings
