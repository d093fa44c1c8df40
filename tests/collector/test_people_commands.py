"""``add_person`` and ``create_token``."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command, load_command_class
from django.core.management.base import CommandError
from django.utils import timezone

from collector.actions.people import deactivate_person, use_sign_in_link
from collector.actions.tokens import find_token
from collector.models import ApiToken, Person, Team

pytestmark = pytest.mark.django_db
PASSWORD = "long enough and unusual"


def run(command: str, *arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command(command, *arguments, "--json", stdout=out)
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(text))


def test_a_person_gets_a_link_that_signs_in_once() -> None:
    result = run("add_person", "Ada.Lovelace@Example.com", "--role", "reviewer")
    token = result["sign_in_link"].rstrip("/").rsplit("/", 1)[1]
    person = use_sign_in_link(token=token, now=timezone.now())
    assert (person.email, person.has_role("reviewer")) == ("ada.lovelace@example.com", True)


def test_a_password_from_standard_input_makes_no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, PASSWORD + "\n")
    assert run("add_person", "ada@example.com", "--password-stdin")["sign_in_link"] == ""
    assert Person.objects.get(email="ada@example.com").check_password(PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "password123"])
def test_a_weak_password_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    type_in(monkeypatch, password + "\n")
    with pytest.raises(CommandError) as refused:
        run("add_person", "ada@example.com", "--password-stdin")
    assert "\n" not in str(refused.value)
    assert not Person.objects.filter(email="ada@example.com").exists()


def test_running_again_changes_role_and_password_of_the_same_person(monkeypatch: pytest.MonkeyPatch) -> None:
    run("add_person", "ada@example.com", "--name", "Ada")
    type_in(monkeypatch, PASSWORD + "\n")
    run("add_person", "ADA@example.com", "--role", "admin", "--password-stdin")
    person = Person.objects.get(email__iexact="ada@example.com")
    assert (person.display_name, person.is_staff, person.is_superuser) == ("Ada", True, True)
    assert person.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("role", "staff", "superuser"),
    [
        ("contributor", False, False),
        ("reviewer", False, False),
        ("lead", True, False),
        ("admin", True, True),
    ],
)
def test_each_role_opens_its_part_of_the_admin(role: str, staff: bool, superuser: bool) -> None:
    run("add_person", "ada@example.com", "--role", role)
    person = Person.objects.get(email="ada@example.com")
    assert (person.is_staff, person.is_superuser) == (staff, superuser)
    assert person.has_role("contributor")


def test_a_team_is_found_by_its_name_or_made() -> None:
    for address in ("ada@example.com", "grace@example.com"):
        run("add_person", address, "--team", "Engine Room")
    teams = {person.team for person in Person.objects.filter(email__endswith="@example.com")}
    assert [team.name for team in teams if team] == ["Engine Room"]


def test_a_team_is_found_whatever_the_case_of_its_name_or_by_its_slug() -> None:
    for number, team in enumerate(["Ärzte  im Dienst", "ÄRZTE IM DIENST", "arzte-im-dienst"]):
        run("add_person", f"ada{number}@example.com", "--team", team)
    assert [(team.name, team.slug) for team in Team.objects.all()] == [("Ärzte im Dienst", "arzte-im-dienst")]


def test_teams_whose_names_have_no_latin_letter_stay_apart() -> None:
    for number, team in enumerate(["研究", "開発", "研究"]):
        run("add_person", f"ada{number}@example.com", "--team", team)
    assert {team.name: team.slug for team in Team.objects.all()} == {"研究": "team", "開発": "team-2"}


def test_who_is_not_added_leaves_no_team_behind() -> None:
    with pytest.raises(CommandError):
        run("add_person", "no address", "--team", "Engine Room")
    with pytest.raises(CommandError):
        run("add_person", "ada@example.com", "--team", "Engine Room", "--time-zone", "Mars/Olympus")
    assert not Team.objects.exists()


@pytest.mark.parametrize("name", ["x" * 101, "\0"])
def test_a_team_needs_a_name_that_can_be_kept(name: str) -> None:
    with pytest.raises(CommandError):
        run("add_person", "ada@example.com", "--team", name)
    assert not Person.objects.filter(email="ada@example.com").exists()


def test_what_is_given_of_somebody_who_is_here_is_changed_and_the_rest_stays() -> None:
    run("add_person", "ada@example.com", "--name", "Ada", "--time-zone", "Europe/Berlin")
    run("add_person", "ada@example.com", "--name", "Ada Byron", "--team", "Engine Room")
    person = Person.objects.get(email="ada@example.com")
    assert (person.display_name, str(person.team), person.time_zone) == ("Ada Byron", "Engine Room", "Europe/Berlin")
    run("add_person", "ada@example.com", "--time-zone", "Europe/London")
    person.refresh_from_db()
    assert (person.display_name, str(person.team), person.time_zone) == ("Ada Byron", "Engine Room", "Europe/London")


@pytest.mark.parametrize(
    "arguments",
    [["no address"], ["ada@example.com", "--time-zone", "Mars/Olympus"], ["ada@example.com", "--name", "\0"]],
)
def test_what_is_not_right_is_refused_in_one_line(arguments: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        run("add_person", *arguments)
    assert refused.value.returncode == 1
    assert "\n" not in str(refused.value)


def test_a_token_opens_with_its_scope_until_it_ends() -> None:
    run("add_person", "ada@example.com")
    result = run("create_token", "ada@example.com", "--scope", "write", "--days", "2")
    now = timezone.now()
    token = find_token(raw=result["token"], now=now)
    assert token is not None
    assert token.scope == "write"
    assert find_token(raw=result["token"], now=now + timedelta(days=3)) is None


@pytest.mark.parametrize("days", ["-1", "3651", "9999999999", "9" * 5000, "1.5", "two"])
def test_a_token_never_lasts_longer_than_was_asked_for(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = load_command_class("collector", "create_token")
    with pytest.raises(SystemExit) as refused:
        command.run_from_argv(["manage.py", "create_token", "ada@example.com", f"--days={days}"])
    assert refused.value.code == 2
    assert "from 1 to 3650" in capsys.readouterr().err
    assert not ApiToken.objects.exists()


def test_a_token_of_no_days_never_expires() -> None:
    run("add_person", "ada@example.com")
    assert run("create_token", "ada@example.com", "--days", "0")["expires_at"] is None


def test_only_the_hash_of_a_token_is_kept() -> None:
    run("add_person", "ada@example.com")
    raw = run("create_token", "ada@example.com")["token"]
    assert raw.startswith("wg_")
    assert raw not in str(ApiToken.objects.values_list().get())


def test_nobody_gets_no_token() -> None:
    with pytest.raises(CommandError, match="add_person"):
        run("create_token", "nobody@example.com")


def test_the_inactive_get_no_token() -> None:
    run("add_person", "ada@example.com")
    deactivate_person(person=Person.objects.get(email="ada@example.com"), by=None, now=timezone.now())
    with pytest.raises(CommandError):
        run("create_token", "ada@example.com")
