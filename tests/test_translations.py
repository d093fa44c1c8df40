"""The German catalogue is whole, says the same, and is what the site shows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import polib
import pytest
from django.conf import settings

from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Category, Person

    SignIn = Callable[[Person], Client]

ROOT = Path(settings.BASE_DIR)
CATALOGUE = ROOT / "locale" / "de" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")
GERMAN = polib.pofile(str(CATALOGUE))


def texts(entry: polib.POEntry | polib.MOEntry) -> list[tuple[str, str]]:
    """Return (English, German) of each form of an entry."""
    if not entry.msgid_plural:
        return [(entry.msgid, entry.msgstr)]
    return list(zip((entry.msgid, entry.msgid_plural), entry.msgstr_plural.values(), strict=True))


def test_every_string_has_its_german() -> None:
    assert [entry.msgid for entry in GERMAN if not entry.translated() and not entry.obsolete] == []


def test_no_string_is_a_guess() -> None:
    assert [entry.msgid for entry in GERMAN if "fuzzy" in entry.flags] == []


def test_the_placeholders_are_the_same() -> None:
    """A singular may leave its number out: “one pair waits”."""
    wrong = [
        (english, german)
        for entry in GERMAN
        for english, german in texts(entry)
        if set(PLACEHOLDER.findall(german)) - set(PLACEHOLDER.findall(entry.msgid + (entry.msgid_plural or "")))
        or (not entry.msgid_plural and set(PLACEHOLDER.findall(english)) - set(PLACEHOLDER.findall(german)))
    ]
    assert wrong == []


def test_the_compiled_catalogue_is_that_of_the_source() -> None:
    compiled = polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    source = {(entry.msgctxt, entry.msgid): texts(entry) for entry in GERMAN if not entry.obsolete}
    assert {(entry.msgctxt, entry.msgid): texts(entry) for entry in compiled} == source


@pytest.mark.skipif(
    shutil.which("xgettext") is None and os.environ.get("WOOLGATHER_REQUIRE_GETTEXT") != "1",
    reason="needs GNU gettext, which finds the strings",
)
def test_the_catalogue_has_every_string_of_the_source(tmp_path: Path) -> None:
    copied = [folder for folder in ROOT.iterdir() if (folder / "__init__.py").is_file() or folder.name == "templates"]
    for folder in copied:
        if folder.name not in {"tests", "benchmarks"}:
            shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "locale").mkdir()
    subprocess.run(
        [sys.executable, "-m", "django", "makemessages", "--locale=de", "--no-location", "--verbosity=0"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": ""},
        check=True,
        capture_output=True,
    )
    found = polib.pofile(str(tmp_path / "locale" / "de" / "LC_MESSAGES" / "django.po"))
    known = {(entry.msgctxt, entry.msgid) for entry in GERMAN if not entry.obsolete}
    assert {(entry.msgctxt, entry.msgid) for entry in found} - known == set()


@pytest.mark.django_db
def test_a_person_who_chose_german_reads_german(author: Person, category: Category, sign_in: SignIn) -> None:
    client = sign_in(author)
    client.post("/i18n/", {"language": "de", "next": "/"})
    page = client.get(f"/write/{category.slug}/").content.decode()
    assert '<html lang="de">' in page
    assert "Absenden" in page or "Einreichen" in page
    assert ">Submit<" not in page


@pytest.mark.django_db
def test_the_review_page_is_german_too(author: Person, category: Category, sign_in: SignIn) -> None:
    pair = factories.make_submission(campaign=author.acceptances.get().terms.campaign, category=category, author=author)
    client = sign_in(factories.reviewer())
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"
    client.get("/review/")
    page = client.get(f"/review/{pair.pk}/").content.decode()
    assert "Freigeben" in page
    assert "Approve" not in page
