"""What the files of a release say about a data licence, by its SPDX identifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class LicenceFacts(NamedTuple):
    """Its name, the Hugging Face hub's word for it, where its text stands, and whether it asks for attribution."""

    name: str
    hub: str
    url: str
    attribution: bool


# From the most to the least demanding: a version with several takes the first that occurs.
LICENCES = {
    "LicenseRef-Proprietary": LicenceFacts("Company-internal, all rights reserved", "other", "", False),
    "CC-BY-SA-4.0": LicenceFacts(
        "Creative Commons Attribution-ShareAlike 4.0 International",
        "cc-by-sa-4.0",
        "https://creativecommons.org/licenses/by-sa/4.0/legalcode",
        True,
    ),
    "CC-BY-SA-3.0": LicenceFacts(
        "Creative Commons Attribution-ShareAlike 3.0 Unported",
        "cc-by-sa-3.0",
        "https://creativecommons.org/licenses/by-sa/3.0/legalcode",
        True,
    ),
    "CC-BY-4.0": LicenceFacts(
        "Creative Commons Attribution 4.0 International",
        "cc-by-4.0",
        "https://creativecommons.org/licenses/by/4.0/legalcode",
        True,
    ),
    "CC-BY-3.0": LicenceFacts(
        "Creative Commons Attribution 3.0 Unported",
        "cc-by-3.0",
        "https://creativecommons.org/licenses/by/3.0/legalcode",
        True,
    ),
    "ODC-By-1.0": LicenceFacts(
        "Open Data Commons Attribution License v1.0", "odc-by", "https://opendatacommons.org/licenses/by/1-0/", True
    ),
    "Apache-2.0": LicenceFacts("Apache License 2.0", "apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0", True),
    "MIT": LicenceFacts("MIT License", "mit", "https://opensource.org/license/mit", True),
    "CC0-1.0": LicenceFacts(
        "Creative Commons Zero 1.0 Universal",
        "cc0-1.0",
        "https://creativecommons.org/publicdomain/zero/1.0/legalcode",
        False,
    ),
}


def facts(spdx: str) -> LicenceFacts:
    """Return what is known of the licence; one that is not in the table is “other” by its identifier."""
    return LICENCES.get(spdx) or LicenceFacts(spdx, "other", "", True)


BY, BY_SA = ("CC-BY-4.0", "CC-BY-3.0"), ("CC-BY-SA-4.0", "CC-BY-SA-3.0")
_FREE = ("CC0-1.0",)
# What a version may hold beside records of its own licence. Share-alike stays share-alike, and only a later version
# of it may follow (CC BY-SA 4.0, section 3(b)(1)); attribution is kept by share-alike and by attribution licences;
# CC0 asks for nothing. A company may use for itself, unreleased, whatever it may use at all.
MAY_HOLD: dict[str, frozenset[str]] = {
    "LicenseRef-Proprietary": frozenset(LICENCES),
    "CC-BY-SA-4.0": frozenset({*BY_SA, *BY, "ODC-By-1.0", "MIT", *_FREE}),
    "CC-BY-SA-3.0": frozenset({"CC-BY-SA-3.0", "CC-BY-3.0", "ODC-By-1.0", "MIT", *_FREE}),
    "CC-BY-4.0": frozenset({*BY, "ODC-By-1.0", "MIT", *_FREE}),
    "CC-BY-3.0": frozenset({"CC-BY-3.0", "ODC-By-1.0", "MIT", *_FREE}),
    "ODC-By-1.0": frozenset({"ODC-By-1.0", *_FREE}),
    "Apache-2.0": frozenset({"Apache-2.0", "MIT", *_FREE}),
    "MIT": frozenset({"MIT", *_FREE}),
    "CC0-1.0": frozenset(_FREE),
}


def may_hold(version: str, record: str) -> bool:
    """Say whether a version under one licence may hold a record under another (both by SPDX identifier)."""
    return version == record or record in MAY_HOLD.get(version, frozenset())


def fitting(spdx: Iterable[str]) -> list[str]:
    """Return the licences under which records with all these licences may be released, the most open last."""
    records = set(spdx)
    return [licence for licence in LICENCES if all(may_hold(licence, record) for record in records)]


def most_demanding(spdx: Iterable[str]) -> str:
    """Return the licence under which a version with these licences is released: the most demanding of them.

    Raises:
        ValueError: there are none.
    """
    order = list(LICENCES)
    return min(set(spdx), key=lambda licence: (order.index(licence) if licence in LICENCES else -1, licence))
