"""Krippendorff's alpha with its bootstrap, and the agreement page on a database of many reviews.

Usage: python benchmarks/bench_agreement.py [--items 15000] [--reviews 100000] [--reviewers 20]
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
PER_ITEM = 3

if TYPE_CHECKING:
    from collections.abc import Callable


def timed(label: str, work: Callable[[], Any]) -> Any:
    """Run and print how long it took."""
    begin = time.perf_counter()
    result = work()
    print(f"{label:58} {1000 * (time.perf_counter() - begin):9,.0f} ms")
    return result


def _whole(unit: Any, value: Any, scale: Any) -> Any:
    from collector.agreement import figures
    from collector.agreement.alpha import pooled

    return figures.agreement(pooled(unit, value), scale)


def statistics(items: int) -> None:
    """Time alpha and its interval on items that three people rated."""
    import numpy as np

    from collector.agreement import figures
    from collector.agreement.alpha import against
    from collector.agreement.measures import Scale

    chance = np.random.default_rng(7)
    unit = np.repeat(np.arange(items), PER_ITEM)
    right = chance.integers(1, 6, items)[unit]
    value = np.clip(right + chance.integers(-1, 2, len(unit)), 1, 5)
    print(f"{items:,} items, {PER_ITEM} ratings each, 1,000 resamples")
    for scale in (Scale.NOMINAL, Scale.ORDINAL, Scale.INTERVAL):
        made = timed(f"  alpha with interval, {scale}", partial(_whole, unit, value, scale))
        print(f"    {made.value:.4f} [{made.low:.4f}, {made.high:.4f}]")
    mine = np.tile(np.arange(PER_ITEM), items) == 0
    timed("  one reviewer against the others", lambda: figures.agreement(against(unit, value, mine), Scale.ORDINAL))


def fill(reviews: int, reviewers: int) -> Any:
    """Write submissions and their reviews straight into the tables; returns a lead."""
    import uuid
    from datetime import timedelta

    from django.contrib.auth.models import Group
    from django.utils import timezone

    from collector.actions.setup import ensure_installation
    from collector.models import Campaign, Category, Person, Review, Revision, Submission, Terms

    now = timezone.now()
    ensure_installation(now=now - timedelta(days=60))
    campaign = Campaign.objects.get()
    Campaign.objects.update(reviews_per_item=PER_ITEM)
    categories, terms = list(Category.objects.all()), Terms.objects.get()
    people = [
        Person(email=f"p{n}@example.com", handle=f"p{n}", display_name=f"Person {n}") for n in range(reviewers + 2)
    ]
    author, lead, *judges = Person.objects.bulk_create(people)
    lead.groups.add(Group.objects.get(name="lead"))
    chance = random.Random(7)
    submissions, revisions, rows = [], [], []
    for number in range(reviews // PER_ITEM):
        at = now - timedelta(minutes=number)
        submission = Submission(
            id=uuid.UUID(int=chance.getrandbits(128)),
            author=author,
            campaign=campaign,
            category=chance.choice(categories),
            terms=terms,
            status="approved",
            revision_number=1,
            created_at=at,
            submitted_at=at,
            approved_at=at,
            updated_at=at,
        )
        text = f"Question {number}"
        revision = Revision(
            id=number + 1,
            submission=submission,
            number=1,
            instruction=text,
            response=text,
            language="en",
            fingerprint=f"{number:064d}",
            instruction_fingerprint=f"{number:064d}",
            created_by=author,
            created_at=at,
        )
        submissions.append(submission)
        revisions.append(revision)
        quality = chance.randint(1, 5)
        for judge in chance.sample(judges, PER_ITEM):
            rating = min(5, max(1, quality + chance.choice([-1, 0, 0, 1])))
            rows.append(
                Review(
                    submission=submission,
                    revision=revision,
                    reviewer=judge,
                    author=author,
                    decision="approve" if rating > 2 else "reject",
                    rating=rating,
                    rating_instruction=rating,
                    rating_response=min(5, max(1, quality + chance.choice([-1, 0, 1]))),
                    seconds=chance.randint(20, 400),
                    created_at=at,
                )
            )
    Submission.objects.bulk_create(submissions, batch_size=2000)
    Revision.objects.bulk_create(revisions, batch_size=2000)
    Review.objects.bulk_create(rows, batch_size=2000)
    return lead


def pages(reviews: int, reviewers: int) -> None:
    """Time the page: first sight of the data, then kept."""
    from django.core.cache import cache
    from django.test import Client

    from collector import agreement_queries as queries
    from collector.agreement.measures import Scale

    begin = time.perf_counter()
    lead = fill(reviews, reviewers)
    print(f"\n{reviews:,} reviews by {reviewers} reviewers (written in {time.perf_counter() - begin:.0f} s)")
    choice = queries.Choice()
    timed("  fingerprint of the data", queries.size)
    timed("  columns read", lambda: queries.decisions(choice))
    timed("  report (read and measured)", lambda: queries.make_report(choice, Scale.ORDINAL, queries.size()))
    cache.clear()
    client = Client()
    client.force_login(lead, backend="allauth.account.auth_backends.AuthenticationBackend")
    timed("  first answer of /review/agreement/", lambda: client.get("/review/agreement/"))
    timed("  the figures it asks for then", lambda: client.get("/review/agreement/?count=1"))
    timed("  /review/agreement/ once counted", lambda: client.get("/review/agreement/"))
    timed("  one reviewer's figures", lambda: client.get("/review/agreement/?reviewer=p7&count=1"))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=15_000)
    parser.add_argument("--reviews", type=int, default=100_000)
    parser.add_argument("--reviewers", type=int, default=20)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"WOOLGATHER_VAR": folder, "DJANGO_SETTINGS_MODULE": "config.settings", "ALLOWED_HOSTS": "*"}
        import django
        from django.core.management import call_command

        django.setup()
        statistics(arguments.items)
        call_command("migrate", verbosity=0)
        pages(arguments.reviews, arguments.reviewers)
        print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
