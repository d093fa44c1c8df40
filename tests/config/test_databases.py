from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import environ

from config.databases import configured

if TYPE_CHECKING:
    import pytest

POSTGRESQL = "postgres://ada:secret@db.example:5432/woolgather"


def of(url: str) -> dict[str, Any]:
    return configured(environ.Env(), url, Path("/var/woolgather"))


def test_sqlite_writes_ahead_and_locks_at_once() -> None:
    options = of("sqlite:////var/woolgather/db.sqlite3")["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]


def test_what_sqlite_acknowledged_outlives_the_power() -> None:
    assert "synchronous=FULL" in of("sqlite:////var/woolgather/db.sqlite3")["OPTIONS"]["init_command"]


def test_what_the_address_asks_of_postgresql_stays() -> None:
    options = of(f"{POSTGRESQL}?sslmode=verify-full&connect_timeout=9")["OPTIONS"]
    assert (options["sslmode"], options["connect_timeout"]) == ("verify-full", 9)
    assert "statement_timeout" in options["options"]


def test_statements_are_prepared_unless_a_pooler_can_not_carry_that(monkeypatch: pytest.MonkeyPatch) -> None:
    assert of(POSTGRESQL)["OPTIONS"]["prepare_threshold"] == 5
    monkeypatch.setenv("WOOLGATHER_PREPARED_STATEMENTS", "off")
    options = of(POSTGRESQL)["OPTIONS"]
    assert (options["server_side_binding"], options["prepare_threshold"]) == (False, None)


def test_a_server_that_went_without_a_word_is_noticed_in_seconds() -> None:
    options = of(POSTGRESQL)["OPTIONS"]
    assert options["tcp_user_timeout"] <= 5000
    assert options["keepalives_idle"] + options["keepalives_count"] * options["keepalives_interval"] <= 15
