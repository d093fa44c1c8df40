"""The leaderboard as history grows: milliseconds and queries of a board with one's own row, at more and more awards.

Awards are generated with a long tail over a year, summed as rebuild_standings sums them (checked on a sample of people)
and stored; then the queries of the page are timed for people of all ranks, beside a GROUP BY over the ledger.

Usage: python benchmarks/bench_boards.py [--awards 10000 100000] [--database postgres://…/name] (made and dropped)
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.bench_export import made  # noqa: E402 - the path above leads there

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

PEOPLE, DAYS, ROUNDS, BATCH = 5_000, 365, 200, 5_000
END = date(2026, 6, 28)  # a Sunday: its week and its month are long


def fill(awards: int) -> None:
    """Put people, awards and their standings straight into the tables."""
    import numpy as np
    import pandas as pd
    from django.db import connection

    from collector.actions.standings import fill_contest
    from collector.models import Award, Campaign, Category, Contest, Person, Review, Revision, Submission

    dice = np.random.default_rng(7)
    people = Person.objects.bulk_create(
        Person(
            email=f"p{number}@example.com",
            display_name=f"Person {number}",
            handle=f"p{number}",
            pseudonym=f"c-{number}",
        )
        for number in range(PEOPLE)
    )
    campaign, categories = Campaign.objects.get(slug="first-campaign"), list(Category.objects.all())
    at = datetime(2026, 1, 1, tzinfo=UTC)
    ground = Submission.objects.create(
        author=people[0],
        campaign=campaign,
        category=categories[0],
        terms=campaign.terms.first(),
        status="approved",
        revision_number=1,
        created_at=at,
        submitted_at=at,
        approved_at=at,
        updated_at=at,
    )
    revision = Revision.objects.create(submission=ground, number=1, response="x", language="en", created_at=at)
    review = Review.objects.create(
        submission=ground, revision=revision, reviewer=people[1], author=people[0], decision="approve", created_at=at
    )
    # One review stands for all: what a real ledger forbids makes no difference to a sum.
    once = next(one for one in Award._meta.constraints if one.name == "award_once_per_review_and_reason")  # noqa: SLF001
    with connection.schema_editor() as editor:
        editor.remove_constraint(Award, once)
    weight = 1 / np.arange(1, PEOPLE + 1) ** 0.7
    frame = pd.DataFrame(
        {
            "person": np.array([one.pk for one in people])[dice.choice(PEOPLE, awards, p=weight / weight.sum())],
            "category": np.array([one.pk for one in categories])[dice.integers(len(categories), size=awards)],
            "day": dice.integers(DAYS, size=awards),
            "points": dice.integers(5, 20, size=awards),
        }
    )
    columns = [frame[name].tolist() for name in ("person", "category", "day", "points")]
    rows = zip(*columns, strict=True)
    while part := list(islice(rows, BATCH)):
        Award.objects.bulk_create(
            Award(
                person_id=person,
                points=points,
                reason=Award.Reason.APPROVED,
                campaign=campaign,
                category_id=category,
                submission=ground,
                review=review,
                created_at=datetime.combine(END - timedelta(days=day), datetime.min.time(), UTC),
            )
            for person, category, day, points in part
        )
    store(frame, campaign.pk)
    contest = Contest.objects.create(
        campaign=campaign, name="A fortnight", starts_on=END - timedelta(days=13), ends_on=END, created_at=at
    )
    fill_contest(contest)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    check(frame)


def store(frame: pd.DataFrame, campaign: int) -> None:
    """Sum the awards into the rows of the boards and write these as fast as the database takes them."""
    import pandas as pd
    from django.db import connection

    from collector.models import Standing
    from collector.periods import first_day

    table = Standing._meta.db_table  # noqa: SLF001 - Django's own name for it
    columns = ("board", "period", "starts", "campaign", "category", "person_id", "points", "count")
    days = {number: END - timedelta(days=number) for number in range(DAYS)}
    for period, (in_campaign, in_category) in product(Standing.Period.values, product((False, True), repeat=2)):
        starts = frame["day"].map({number: first_day(str(period), day).isoformat() for number, day in days.items()})
        category = frame["category"] if in_category else pd.Series(0, index=frame.index)
        summed = frame["points"].groupby([starts, category, frame["person"]]).agg(["sum", "size"]).reset_index()
        values = [summed[name].tolist() for name in summed.columns]
        rows = (
            ("people", period, start, campaign if in_campaign else 0, of, person, points, count)
            for start, of, person, points, count in zip(*values, strict=True)
        )
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
            else:
                marks = ", ".join(["%s"] * len(columns))
                cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", list(rows))


def check(frame: pd.DataFrame) -> None:
    """Compare some people's stored rows with the ledger's own sums."""
    from django.db.models import Sum

    from collector.models import Award, Standing

    for person in random.Random(3).sample(sorted(frame["person"].unique()), 20):
        ledger = Award.objects.filter(person=person).aggregate(points=Sum("points"))["points"]
        kept = Standing.objects.get(person=person, period="all", campaign=0, category=0, board="people")
        assert kept.points == ledger


def measure() -> None:
    """Print p50, p95 and queries of each board, and of a GROUP BY over the ledger."""
    from django.db import connection
    from django.db.models import Sum
    from django.test.utils import CaptureQueriesContext

    from collector.models import Award, Category, Contest, Person, Standing
    from leaderboard.queries import Board, Choice, Period, standings

    people = list(Person.objects.filter(is_source=False, display_name__startswith="Person "))
    dice = random.Random(11)
    start = datetime.combine(END - timedelta(days=END.weekday()), datetime.min.time(), UTC)
    category = Category.objects.first()
    choices = {
        "all time": (Choice(period=Period.ALL), None),
        "week": (Choice(period=Period.WEEK), start),
        "category": (Choice(period=Period.ALL, category=category.pk if category else 0), None),
        "teams": (Choice(board=Board.TEAMS, period=Period.ALL), None),
        "contest": (Choice(contest=Contest.objects.select_related("campaign").get()), None),
    }

    def board(choice: Choice, since: datetime | None) -> Callable[[], object]:
        return lambda: standings(choice=choice, start=since, person=dice.choice(people))

    def grouped() -> object:
        sums = Award.objects.order_by().values_list("person").annotate(points=Sum("points"))
        return list(sums.order_by("-points")[:20])

    acts: dict[str, tuple[Callable[[], object], int]] = {
        name: (board(choice, since), ROUNDS) for name, (choice, since) in choices.items()
    }
    acts["GROUP BY"] = (grouped, 10)
    print(f"rows of the boards: {Standing.objects.count():,}")
    for name, (act, rounds) in acts.items():
        act()
        with CaptureQueriesContext(connection) as queries:
            act()
        times = sorted(timed(act) for _round in range(rounds))
        print(
            f"RESULT {name}|{statistics.median(times):.2f}|{times[int(0.95 * len(times))]:.2f}|{len(queries)}",
            flush=True,
        )


def timed(act: Callable[[], object]) -> float:
    """Return milliseconds."""
    begin = time.perf_counter()
    act()
    return 1_000 * (time.perf_counter() - begin)


def steps(awards: int) -> None:
    """In a process of its own: set Django up, fill, measure."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    fill(awards)
    measure()


def run(database: str, awards: int) -> Iterator[tuple[str, float]]:
    """Print one table; yield the p95 of each line."""
    with tempfile.TemporaryDirectory() as folder:
        environment: dict[str, Any] = os.environ | {
            "WOOLGATHER_VAR": folder,
            "DATABASE_URL": database,
            "WOOLGATHER_EMBEDDED": "1",
        }
        if not database:
            environment.pop("DATABASE_URL")
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], cwd=ROOT, env=environment, check=True)
        command = [sys.executable, __file__, "--step", str(awards)]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    print(f"\n{'PostgreSQL' if database else 'SQLite'}, {awards:,} awards by {PEOPLE:,} people")
    for line in done.stdout.splitlines():
        if not line.startswith("RESULT "):
            print(line)
            continue
        name, median, late, queries = line.removeprefix("RESULT ").split("|")
        print(f"{name:10} p50 {median:>8} ms   p95 {late:>8} ms   {queries} queries", flush=True)
        yield name, float(late)


def main() -> None:
    """Print the tables, and how the slowest twentieth grows from the fewest awards to the most."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--awards", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--database", default="", help="a PostgreSQL URL whose database is made here and dropped")
    parser.add_argument("--step", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        steps(options.step)
        return
    for database in dict.fromkeys(["", options.database]):
        late: list[dict[str, float]] = []
        for awards in sorted(options.awards):
            if database:
                with made(database):
                    late.append(dict(run(database, awards)))
            else:
                late.append(dict(run("", awards)))
        for name in late[0]:
            print(f"{name:10} p95 grows {late[-1][name] / late[0][name]:.2f} times")


if __name__ == "__main__":
    main()
