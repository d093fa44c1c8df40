"""Names of datasets and versions can't leave their directory."""

from __future__ import annotations

import pytest

from exports.naming import BadName, valid_name, version_number


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../up",
        "a/b",
        "a\\b",
        "%2e%2e",
        "nul\x00",
        "con",
        "nul.txt",
        "/etc",
        "C:",
        "Big",
        "a" * 65,
        "a\n",
        ".hidden",
        "ä",
    ],
)
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        valid_name(name)


@pytest.mark.parametrize("name", ["woolgather", "spring-2026", "a.b_c", "0"])
def test_a_good_name_is_kept(name: str) -> None:
    assert valid_name(name) == name


@pytest.mark.parametrize("text", ["", "v0", "v01", "1", "V1", "v1 ", "v-1", "v1/..", "latest", "v" + "9" * 10])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(BadName):
        version_number(text)
