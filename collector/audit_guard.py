"""The database itself refuses to change or remove entries of the audit: triggers, put in place after each migration.

Not in a migration, since SQLite makes a table anew for most changes and drops its triggers with the old one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "collector_auditentry"
REFUSAL = "audit entries are append-only"
# What may happen to an entry: its address is forgotten, its person's row goes, or it is redacted and says when.
ALLOWED = """
    NEW.id = OLD.id AND NEW.verb = OLD.verb AND NEW.at = OLD.at
    AND (NEW.by_id IS NULL OR NEW.by_id = OLD.by_id)
    AND (NEW.ip IS NULL OR {same_ip})
    AND (
        (NEW.target = OLD.target AND {same_detail} AND {same_redacted})
        OR (NEW.redacted_at IS NOT NULL AND {other_redacted})
    )
"""
SQLITE = {
    "same_ip": "NEW.ip IS OLD.ip",
    "same_detail": "NEW.detail = OLD.detail",
    "same_redacted": "NEW.redacted_at IS OLD.redacted_at",
    "other_redacted": "NEW.redacted_at IS NOT OLD.redacted_at",
}
POSTGRESQL = {
    "same_ip": "NEW.ip IS NOT DISTINCT FROM OLD.ip",
    "same_detail": "NEW.detail = OLD.detail",
    "same_redacted": "NEW.redacted_at IS NOT DISTINCT FROM OLD.redacted_at",
    "other_redacted": "NEW.redacted_at IS DISTINCT FROM OLD.redacted_at",
}


def install(connection: BaseDatabaseWrapper) -> None:
    """Make the triggers where they are missing; safe to repeat."""
    with connection.cursor() as cursor:
        for statement in statements(connection.vendor):
            cursor.execute(statement)


def lift(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers away where they would stand in a migration's way; ``install`` puts them back after it.

    SQLite drops and renames no column that a trigger names, whatever table the migration is about.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for statement in drop_statements(connection.vendor):
                cursor.execute(statement)


def statements(vendor: str) -> list[str]:
    """Return the SQL that makes the triggers."""
    if vendor == "sqlite":
        return [
            f"""CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON {TABLE}
            WHEN NOT ({ALLOWED.format(**SQLITE)}) BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
            f"""CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON {TABLE}
            BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END""",
        ]
    return [
        f"""CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF {ALLOWED.format(**POSTGRESQL)} THEN RETURN NEW; END IF;
            END IF;
            RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';
        END $$""",
        f"""CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON {TABLE}
        FOR EACH ROW EXECUTE FUNCTION audit_append_only()""",
        f"""CREATE OR REPLACE TRIGGER audit_no_truncate BEFORE TRUNCATE ON {TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()""",
    ]


def drop_statements(vendor: str) -> list[str]:
    """Return the SQL that takes the triggers away: tests empty whole tables."""
    if vendor == "sqlite":
        return ["DROP TRIGGER IF EXISTS audit_no_update", "DROP TRIGGER IF EXISTS audit_no_delete"]
    return [f"DROP TRIGGER IF EXISTS {name} ON {TABLE}" for name in ("audit_append_only", "audit_no_truncate")]
