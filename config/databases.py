"""How the one database is talked to: SQLite in the embedded shape, else PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from environ import Env


def configured(env: Env, url: str, var: Path) -> dict[str, Any]:
    """Return Django's settings for the database of a URL; ``var`` is where SQLite's of the tests lies."""
    database: dict[str, Any] = env.db_url_config(url)
    is_sqlite = database["ENGINE"] == "django.db.backends.sqlite3"
    ours = _sqlite(var) if is_sqlite else _postgresql(env)
    # What the URL itself asks for, such as sslmode, has the last word.
    return database | ours | {"OPTIONS": ours["OPTIONS"] | database.get("OPTIONS", {})}


def _sqlite(var: Path) -> dict[str, Any]:
    return {
        # WAL and IMMEDIATE: with the defaults, concurrent read-then-write transactions fail with "database is locked".
        # FULL: with less, what was acknowledged last is gone when the power fails.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
        },
        # A file: the in-memory database that threads would share has locks that ignore the time-out.
        "TEST": {"NAME": str(var / "test.sqlite3")},
    }


def _postgresql(env: Env) -> dict[str, Any]:
    is_prepared = env.bool("WOOLGATHER_PREPARED_STATEMENTS", default=True)
    return {
        "CONN_MAX_AGE": env.int("CONN_MAX_AGE", default=60),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 3,
            # A server that went without a word: five seconds for its receipt, not a quarter of an hour.
            "tcp_user_timeout": 5000,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "options": "-c statement_timeout=30000 -c lock_timeout=4000 -c timezone=UTC",
            # Statements are planned once a connection: planning was half of what the database's processors did.
            "server_side_binding": is_prepared,
            "prepare_threshold": 5 if is_prepared else None,
        },
    }
