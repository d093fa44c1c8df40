"""Holding fast what a filter chooses: everything that a freeze decides by comes from one query's moment."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import F

from collector.models import Revision
from exports import queries
from exports.columnar import Bytes
from exports.models import Chosen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet
    from django.db.models.expressions import Combinable

    from exports.filters import Filter


LONGEST = "15min"


def _sources() -> dict[str, Combinable]:
    """Return where each column of the temporary table comes from, seen from a revision."""
    return {
        "revision_id": F("pk"),
        "submission_id": F("submission_id"),
        "prompt": F("instruction_fingerprint"),
        "pair": F("fingerprint"),
        "language": F("language"),
        "words": F("instruction_words") + F("context_words") + F("response_words"),
        "response_words": F("response_words"),
        "size": Bytes(F("instruction")) + Bytes(F("context")) + Bytes(F("response")),
        "category": F("submission__category__slug"),
        "campaign": F("submission__campaign__slug"),
        "campaign_licence": F("submission__campaign__data_licence"),
        "licence": F("submission__licence"),
        "source_title": F("submission__source_title"),
        "source_url": F("submission__source_url"),
        "contributor": F("submission__author__pseudonym"),
        "approvals": F("approvals"),
        "approved_at": F("submission__approved_at"),
    }


@contextmanager
def captured(filter: Filter) -> Iterator[QuerySet[Chosen]]:
    """Choose now, in one query, and yield what was chosen for as long as the body runs; needs a transaction.

    PostgreSQL shows each query what others committed before it; even a transaction over one snapshot would not do,
    because it may not refer to a submission that somebody changed meanwhile.
    """
    quote = connection.ops.quote_name
    table = quote(Chosen._meta.db_table)  # noqa: SLF001 - Django's own name for it
    sources = _sources()
    sql, params = queries.chosen(filter).order_by().values_list(*sources.values()).query.sql_with_params()
    with connection.cursor() as cursor:
        # Only names of our own columns are put together here; every value travels as a parameter.
        columns = ", ".join(quote(name) for name in sources)
        if connection.vendor == "postgresql":
            # A million rows take longer than any query that a page may make.
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [LONGEST])
        cursor.execute(f"CREATE TEMPORARY TABLE {table} ({_definitions()})")
        cursor.execute(f"INSERT INTO {table} ({columns}) {sql}", params)
        if connection.vendor == "postgresql":
            cursor.execute(f"ANALYZE {table}")
        yield Chosen.objects.all()
        # Where the body raises, the transaction is rolled back, and the table with it.
        cursor.execute(f"DROP TABLE {table}")


def _definitions() -> str:
    """Return the table's columns with the types that the database has for the model's."""
    quote = connection.ops.quote_name
    fields = Chosen._meta.concrete_fields  # noqa: SLF001 - Django's own list of them
    return ", ".join(
        f"{quote(str(field.column))} {field.db_type(connection)}{' PRIMARY KEY' if field.primary_key else ''}"
        for field in fields
    )


def revisions(chosen: QuerySet[Chosen]) -> QuerySet[Revision]:
    """Return the revisions that were chosen."""
    return Revision.objects.filter(pk__in=chosen.values("revision_id"))
