"""What a version chooses from the approved submissions, as a value that can be kept, compared and said in words."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TOKENIZER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?")
MOST_APPROVALS, BEST_RATING, WHOLE = 100, 5, 100
MOST = 2**31 - 1  # records or words; no dataset has more, and no column holds more
LISTS = ("campaigns", "categories", "languages", "licences", "without_flags")
NUMBERS = ("min_approvals", "min_rating", "most_from_one", "most_percent_from_one")
DAYS = ("approved_from", "approved_until")
TEXTS = dict.fromkeys(DAYS, "a day such as 2026-03-31") | {
    "duplicates": "exact, near, or left out",
    "tokenizer": "a tokenizer's name",
}
DUPLICATES = {"": "", "exact": "exact duplicates", "near": "near-duplicates"}
"""What may be left out of a version, in words."""
KEYS = (*LISTS, *NUMBERS, *DAYS, "duplicates", "words", "tokenizer")
# They came later: where they ask for nothing they are not written, so that the papers of older versions stay the same.
WRITTEN_WHERE_ASKED = {"most_from_one", "most_percent_from_one", "duplicates", "words", "tokenizer"}


class BadFilter(ValueError):
    """The filter asks for something that can't be; ``str()`` says what, ``field`` where."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, kw_only=True)
class Filter:
    """The empty filter chooses everything that is approved; each part narrows it.

    ``min_rating`` is compared with the mean rating of the revision's reviews; an unrated revision is left out.
    ``without_flags`` leaves out revisions in which the checks found one of these. The days are ISO dates in UTC, both
    included, "" for no bound. ``duplicates`` leaves out equal pairs ("exact") or all that ask nearly the same ("near").
    ``most_from_one`` and ``most_percent_from_one`` bound the records of one contributor, 0 for no bound. ``words`` is
    the most words (of all three texts) that a category may have, by its slug; tokens where a ``tokenizer`` is named.
    """

    campaigns: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    min_approvals: int = 0
    min_rating: int = 0
    licences: tuple[str, ...] = ()
    without_flags: tuple[str, ...] = ()
    approved_from: str = ""
    approved_until: str = ""
    duplicates: str = ""
    most_from_one: int = 0
    most_percent_from_one: int = 0
    words: tuple[tuple[str, int], ...] = ()
    tokenizer: str = ""

    def __post_init__(self) -> None:
        """Bring the lists into one order, so that equal filters are equal; refuse numbers out of range."""
        for name in LISTS:
            object.__setattr__(self, name, tuple(sorted(set(getattr(self, name)))))
        if not 0 <= self.min_approvals <= MOST_APPROVALS:
            raise BadFilter("min_approvals", "The least number of approvals goes from 0 to 100.")
        if not 0 <= self.min_rating <= BEST_RATING:
            raise BadFilter("min_rating", "The least mean rating goes from 1 to 5; 0 takes unrated records too.")
        for name in DAYS:
            if value := getattr(self, name):
                try:
                    object.__setattr__(self, name, date.fromisoformat(value).isoformat())
                except ValueError as error:
                    raise BadFilter(name, f"{name} is a day such as 2026-03-31.") from error
        self._check_winnowing()
        object.__setattr__(self, "words", tuple(sorted(dict(self.words).items())))
        if self.approved_from and self.approved_until and self.approved_until < self.approved_from:
            raise BadFilter("approved_until", "The last day comes before the first.")
        # The day itself is included, so the bound is the midnight after it, and the calendar has none.
        if self.approved_until == date.max.isoformat():
            raise BadFilter("approved_until", f"approved_until is a day before {date.max.isoformat()}.")

    def _check_winnowing(self) -> None:
        if self.duplicates not in DUPLICATES:
            raise BadFilter("duplicates", "duplicates is exact, near, or left out.")
        if not 0 <= self.most_from_one <= MOST:
            raise BadFilter(
                "most_from_one", "The most records of one contributor go from 1 to 2,147,483,647; 0 for no bound."
            )
        if not 0 <= self.most_percent_from_one <= WHOLE:
            raise BadFilter("most_percent_from_one", "The greatest share goes from 1 to 100 percent; 0 for no bound.")
        if any(not 1 <= budget <= MOST for _category, budget in self.words):
            raise BadFilter("words", "A budget goes from 1 word to 2,147,483,647.")
        if self.tokenizer and not TOKENIZER.fullmatch(self.tokenizer):
            raise BadFilter("tokenizer", "A tokenizer's name has letters, digits, dots, hyphens and at most one slash.")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Filter:
        """Make a filter of what JSON holds.

        Raises:
            BadFilter: an unknown key, or a value of another kind.
        """
        unknown = sorted(set(values) - set(KEYS))
        if unknown:
            raise BadFilter(unknown[0], f"A filter has no {unknown[0]!r}; it has {', '.join(KEYS)}.")
        for name in LISTS:
            given = values.get(name, [])
            if not isinstance(given, list | tuple) or not all(isinstance(item, str) for item in given):
                raise BadFilter(name, f"{name} is a list of texts.")
        for name in NUMBERS:
            if type(values.get(name, 0)) is not int:
                raise BadFilter(name, f"{name} is a whole number.")
        budgets = values.get("words", {})
        if not isinstance(budgets, dict) or not all(type(budget) is int for budget in budgets.values()):
            raise BadFilter("words", 'words has a whole number for each category, such as {"open_qa": 50000}.')
        for name, what in TEXTS.items():
            if not isinstance(values.get(name, ""), str):
                raise BadFilter(name, f"{name} is {what}.")
        lists: dict[str, Any] = {name: tuple(values.get(name, ())) for name in LISTS}
        others = {name: values[name] for name in (*NUMBERS, *DAYS, "duplicates", "tokenizer") if name in values}
        return cls(**lists, **others, words=tuple(budgets.items()))

    def as_dict(self) -> dict[str, Any]:
        """Return the filter as JSON holds it."""
        values = {name: list(getattr(self, name)) if name in LISTS else getattr(self, name) for name in KEYS}
        values["words"] = dict(self.words)
        return {name: value for name, value in values.items() if value or name not in WRITTEN_WHERE_ASKED}

    @property
    def winnows(self) -> bool:
        """Whether it leaves records out by what other records there are."""
        return bool(self.duplicates or self.most_from_one or self.most_percent_from_one or self.words)

    def sha256(self) -> str:
        """Return a hash (hex) that equal filters share."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()

    def in_words(self) -> str:
        """Return the filter as half a sentence, in English: it goes into the files of a release."""
        parts = []
        for noun, values in (
            ("campaign", self.campaigns),
            ("category", self.categories),
            ("language", self.languages),
            ("licence", self.licences),
        ):
            if values:
                parts.append(f"{noun} {' or '.join(values)}")
        if self.min_approvals:
            parts.append(f"at least {self.min_approvals} approval{'s' if self.min_approvals > 1 else ''}")
        if self.min_rating:
            parts.append(f"a mean rating of at least {self.min_rating}")
        if self.without_flags:
            parts.append(f"no finding of {' or '.join(self.without_flags)}")
        if self.approved_from or self.approved_until:
            bounds = [("from", self.approved_from), ("until", self.approved_until)]
            parts.append("an approval " + " ".join(f"{word} {day}" for word, day in bounds if day))
        if self.duplicates:
            parts.append(f"no {DUPLICATES[self.duplicates]}")
        if self.most_from_one:
            parts.append(f"at most {self.most_from_one} of one contributor")
        if self.most_percent_from_one:
            parts.append(f"at most {self.most_percent_from_one} % of one contributor")
        unit = f"tokens ({self.tokenizer})" if self.tokenizer else "words"
        parts += [f"at most {budget:,} {unit} of {category}" for category, budget in self.words]
        return "all approved records" if not parts else "approved records with " + ", ".join(parts)


def budgets(lines: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Read ``open_qa=50000``, one category each.

    Raises:
        BadFilter: a line of another kind.
    """
    found = []
    for line in lines:
        category, equals, number = line.partition("=")
        digits = number.strip().replace(",", "").replace("_", "")
        if not equals or not category.strip() or not (digits.isascii() and digits.isdigit()):
            raise BadFilter("words", f"A budget is a category and its words, such as open_qa=50000, not {line!r}.")
        # Python reads no number of thousands of digits; what is too large in any case is told so by the filter.
        found.append((category.strip(), int(digits.lstrip("0")[: len(str(MOST)) + 1] or "0")))
    return tuple(found)
