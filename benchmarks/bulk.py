"""Fills an empty installation with submissions, reviews, awards and standings, straight into the tables.

The rows are what the actions would have written for texts of dolly's length (about 917 bytes), approved by one reviewer
each; the standings are summed from the ledger by the command that does that anyway.
"""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.bench_export import texts

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 5_000
PEOPLE, REVIEWERS, DAYS = 5_000, 50, 60


def fill(rows: int, *, people: int = PEOPLE, reviewers: int = REVIEWERS) -> None:
    """Write ``rows`` approved submissions, each with a revision, two events, a review and two awards.

    From the second five thousand on they are the first ones again under other keys, copied by the database itself.
    """
    from django.contrib.auth.models import Group
    from django.db import connection, transaction

    from collector.actions.standings import rebuild_standings
    from collector.models import Award, Campaign, Category, Event, Person, Review, Revision, Submission

    begin = datetime(2026, 1, 5, 9, tzinfo=UTC)
    persons = Person.objects.bulk_create(
        [
            Person(
                email=f"bulk{number}@example.com",
                display_name=f"Bulk {number}",
                handle=f"bulk-{number}",
                pseudonym=f"c_{number:010x}",
                joined_at=begin,
                last_login=begin,
                password="!",
            )
            for number in range(people + reviewers)
        ],
        batch_size=BATCH,
    )
    authors, judges = persons[:people], persons[people:]
    group, _made = Group.objects.get_or_create(name="reviewer")
    group.user_set.add(*judges)
    campaign = Campaign.objects.get(slug="first-campaign")
    terms = campaign.terms.get()
    categories = list(Category.objects.order_by("pk"))
    chance = random.Random(11)
    for first in range(0, min(rows, BATCH), BATCH):
        count = min(BATCH, rows - first)
        times = [begin + timedelta(days=DAYS) * ((first + number) / rows) for number in range(count)]
        with transaction.atomic():
            made = Submission.objects.bulk_create(
                [
                    Submission(
                        id=uuid.UUID(int=chance.getrandbits(128), version=4),
                        author=authors[(first + number) % people],
                        campaign=campaign,
                        category=categories[number % len(categories)],
                        terms=terms,
                        status="approved",
                        revision_number=1,
                        rule_version=1,
                        created_at=at,
                        submitted_at=at,
                        approved_at=at + timedelta(hours=4),
                        updated_at=at + timedelta(hours=4),
                    )
                    for number, at in enumerate(times)
                ]
            )
            revisions = Revision.objects.bulk_create(
                [
                    Revision(
                        submission=submission,
                        number=1,
                        created_by=submission.author,
                        created_at=submission.created_at,
                        **texts(chance, first + number),
                    )
                    for number, submission in enumerate(made)
                ]
            )
            _judged(made, revisions, judges, (Event, Review, Award), chance)
    for number in range(1, rows // BATCH):
        with transaction.atomic():
            _repeat(number)
    rebuild_standings()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _repeat(number: int) -> None:
    """Copy the first batch once more, with keys moved on."""
    from django.db import connection

    from collector.models import Award, Event, Review, Revision, Submission

    is_postgresql = connection.vendor == "postgresql"
    # The first eight digits of a key are random; the copies have their number there.
    key = (
        f"('{number:08x}' || substr(replace({{}}::text, '-', ''), 9))::uuid"
        if is_postgresql
        else f"'{number:08x}' || substr({{}}, 9)"
    )
    moved = {Revision: 1, Event: 2, Review: 1, Award: 2}
    with connection.cursor() as cursor:
        for model in (Submission, Revision, Review, Event, Award):
            chosen = []
            for field in model._meta.concrete_fields:  # noqa: SLF001
                target = field.related_model if field.is_relation else model if field.primary_key else None
                expression = f'"{field.column}"'
                if target is Submission:
                    expression = key.format(expression)
                elif target in moved:
                    expression = f"{expression} + {number * BATCH * moved[target]}"
                chosen.append((f'"{field.column}"', expression))
            table = model._meta.db_table  # noqa: SLF001
            columns = ", ".join(column for column, _expression in chosen)
            expressions = ", ".join(expression for _column, expression in chosen)
            first = f"id <= {BATCH * moved[model]}" if model in moved else "substr({}, 1, 5) <> '00000'"
            name = "id::text" if is_postgresql else "id"
            cursor.execute(
                f'INSERT INTO "{table}" ({columns}) SELECT {expressions} FROM "{table}" WHERE {first.format(name)}'
            )
            if is_postgresql and model in moved:
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), MAX(id)) FROM \"{table}\"")


def _judged(made: Sequence[Any], revisions: Sequence[Any], judges: Sequence[Any], models: Any, chance: Any) -> None:
    event, review, award = models
    reviews = review.objects.bulk_create(
        [
            review(
                submission=submission,
                revision=revision,
                reviewer=chance.choice(judges),
                author=submission.author,
                decision="approve",
                rating=chance.randint(3, 5),
                created_at=submission.approved_at,
            )
            for submission, revision in zip(made, revisions, strict=True)
        ]
    )
    event.objects.bulk_create(
        [
            entry
            for submission, given in zip(made, reviews, strict=True)
            for entry in (
                event(
                    submission=submission,
                    kind="submitted",
                    by=submission.author,
                    at=submission.submitted_at,
                    revision_number=1,
                    status_before="draft",
                    status_after="submitted",
                ),
                event(
                    submission=submission,
                    kind="reviewed",
                    by=given.reviewer,
                    at=submission.approved_at,
                    revision_number=1,
                    status_before="submitted",
                    status_after="approved",
                    review=given,
                ),
            )
        ]
    )
    award.objects.bulk_create(
        [
            entry
            for given in reviews
            for entry in (
                _award(award, given, given.author, "approved", 10),
                _award(award, given, given.reviewer, "reviewed", 2),
            )
        ]
    )


def _award(award: Any, given: Any, person: Any, reason: str, points: int) -> Any:
    return award(
        person=person,
        points=points,
        reason=reason,
        rule_version=1,
        campaign_id=given.submission.campaign_id,
        category_id=given.submission.category_id,
        submission=given.submission,
        review=given,
        created_at=given.created_at,
    )
