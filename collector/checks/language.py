"""Which language a text is in, and whether that is the campaign's."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from collector.checks.findings import LANGUAGE, Finding, first_few
from collector.checks.words import WORD

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# A sample tells as much as the whole, and costs the same for every text.
SAMPLE = 2_000
# Names, lists and single phrases are guessed wrongly: on databricks-dolly-15k these leave 6 of 30,030 fields, three of
# them French indeed.
FEWEST_LETTERS = 40
FEWEST_WORDS = 7
SURE = 0.95
_LETTERS_SHARE = 0.6

# Languages that a guess takes for one another, or that are written in one another's place.
_ALIKE = (
    {"no", "nb", "nn", "da", "sv"},
    {"hr", "bs", "sr", "sl", "mk", "bg"},
    {"cs", "sk", "pl"},
    {"es", "pt", "gl", "ca", "an", "ast", "oc"},
    {"id", "ms", "jv", "su", "tl"},
    {"af", "nl", "fy", "li"},
    {"de", "lb", "nds", "gsw"},
    {"ru", "uk", "be"},
    {"hi", "mr", "ne", "sa"},
    {"fa", "ur", "ps", "ckb"},
    {"it", "co", "scn", "lmo"},
    {"zh", "yue", "wuu"},
)
# Seldom written on purpose, but often guessed for dates, Latin names of species and words that stand alone.
_NEVER_GUESSED = {"la", "pcm", "eo", "vo", "ia", "ie", "jbo", "io", "sco", "simple"}
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_ADDRESS = re.compile(r"https?://\S++|www\.\S++")


class Guess(NamedTuple):
    """A language (ISO 639 code) and how sure it is, from 0 to 1."""

    code: str
    sure: float


def guess(text: str) -> Guess | None:
    """Guess a text's language; None where there is too little of it, or it is code, figures or a list of names."""
    sample = _ADDRESS.sub(" ", _FENCE.sub(" ", text[:SAMPLE]))
    letters = sum(map(str.isalpha, sample))
    visible = sum(1 for character in sample if not character.isspace())
    if letters < FEWEST_LETTERS or letters < _LETTERS_SHARE * visible:
        return None
    if len(WORD.findall(sample)) < FEWEST_WORDS:
        return None
    return Guess(*_identifier().classify(sample))


def check(field: str, text: str, language: str) -> list[Finding]:
    """Say that a text is in another language than the one wanted (a BCP 47 tag; "" for any)."""
    wanted = language.partition("-")[0].lower()
    if not wanted or wanted not in _known():
        return []
    found = guess(text)
    if found is None or found.sure < SURE or _is_alike(found.code, wanted):
        return []
    message = _("This looks like %(found)s, and the campaign collects %(wanted)s. Check that this is meant.") % {
        "found": _name(found.code),
        "wanted": _name(wanted),
    }
    return [Finding(code=LANGUAGE, field=field, message=message, excerpts=first_few([text[:SAMPLE]]))]


def _is_alike(one: str, other: str) -> bool:
    return one == other or any(one in family and other in family for family in _ALIKE)


def _name(code: str) -> str:
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code


@cache
def _identifier() -> LanguageIdentifier:
    # py3langid reads 4 MB and brings NumPy: not before somebody writes.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([code for code in identifier.labels if code not in _NEVER_GUESSED])
    return identifier


@cache
def _known() -> frozenset[str]:
    return frozenset(_identifier().labels)
