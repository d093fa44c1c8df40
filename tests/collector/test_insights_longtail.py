"""Five thousand people and a long tail: the page's figures are those that pandas works out by itself.

Texts are generated and go through ``import_dataset``; then they are given to people. WOOLGATHER_DOLLY=PATH takes the
rows of databricks-dolly-15k (JSONL) in their place.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command

from collector.actions.setup import ensure_installation
from collector.models import Campaign, Person, Review, Revision, Submission
from tests.factories import PersonFactory, reviewer

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from django.test import Client
    from time_machine import TimeMachineFixture

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
PEOPLE, ROWS = 5_000, 15_015
NOW = datetime(2026, 4, 15, 12, 0, tzinfo=UTC)
DAYS = 26
STEEP = 1.05  # Zipf's exponent
CATEGORIES = ("brainstorming", "classification", "creative_writing", "general_qa", "open_qa")


def a_file(folder: Path, chance: random.Random) -> Path:
    given = os.environ.get("WOOLGATHER_DOLLY")
    if given:
        return Path(given)
    words = ["tide", "lamp", "river", "stone", "garden", "letter", "winter", "bridge", "copper", "window"]
    rows = [
        {
            "instruction": f"What about {number}, {' '.join(chance.choices(words, k=6))}?",
            "context": "",
            "response": " ".join(chance.choices(words, k=chance.choice([8, 20, 40, 90]))) + f" {number}.",
            "category": chance.choice(CATEGORIES),
        }
        for number in range(ROWS)
    ]
    path = folder / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def authors_of(number: int, chance: random.Random) -> list[int]:
    """Everybody once, and the rest after Zipf: the place in the list of people for each text."""
    weights = [1 / rank**STEEP for rank in range(1, PEOPLE + 1)]
    drawn = [*range(PEOPLE), *chance.choices(range(PEOPLE), weights, k=number - PEOPLE)]
    chance.shuffle(drawn)
    return drawn


@pytest.fixture
def simulated(db: None, tmp_path: Path, time_machine: TimeMachineFixture) -> pd.DataFrame:
    """Import the rows, give them to people, review most; returns what was done, for pandas alone."""
    import pandas as pd

    time_machine.move_to(NOW, tick=True)
    chance = random.Random(15_015)
    Campaign.objects.all().delete()
    ensure_installation(now=NOW - timedelta(days=DAYS + 2))
    Campaign.objects.update(starts_on=(NOW - timedelta(days=DAYS)).date(), ends_on=(NOW + timedelta(days=20)).date())
    Campaign.objects.get().targets.update(target=3_000)
    call_command("import_dataset", str(a_file(tmp_path, chance)), "--json", stdout=StringIO(), stderr=StringIO())
    texts = list(Submission.objects.order_by("pk"))
    people = Person.objects.bulk_create(
        [Person(email=f"p{n}@example.com", handle=f"p{n}", display_name=f"Writer {n}") for n in range(PEOPLE)]
    )
    judges = [reviewer(display_name=f"Judge {number}") for number in range(12)]
    done, judged = [], []
    for text, place in zip(texts, authors_of(len(texts), chance), strict=True):
        # At noon, so that a day is the same one in every zone that the figures might take by mistake.
        sent = NOW - timedelta(days=chance.randint(1, DAYS))
        text.author, text.created_at, text.submitted_at = people[place], sent, sent
        if chance.random() < 0.8:
            text.status, text.approved_at = "approved", min(sent + timedelta(days=chance.randint(0, 3), hours=1), NOW)
            judged.append((text, chance.choice(judges)))
        done.append((people[place].pk, sent, text.category_id, text.status))
    Submission.objects.bulk_update(
        texts, ["author", "created_at", "submitted_at", "status", "approved_at"], batch_size=500
    )
    revisions = list(Revision.objects.only("pk", "submission_id", "created_at"))
    sent_at = {text.pk: text.submitted_at for text in texts}
    for revision in revisions:
        revision.created_at = sent_at[revision.submission_id] or NOW
    Revision.objects.bulk_update(revisions, ["created_at"], batch_size=2_000)
    key_of = {revision.submission_id: revision.pk for revision in revisions}
    Review.objects.bulk_create(
        [
            Review(
                submission=text,
                revision_id=key_of[text.pk],
                reviewer=judge,
                author_id=text.author_id,
                decision="approve",
                created_at=text.approved_at or NOW,
            )
            for text, judge in judged
        ],
        batch_size=2_000,
    )
    return pd.DataFrame(done, columns=["person", "sent", "category", "status"])


def test_the_page_tells_what_pandas_tells(
    simulated: pd.DataFrame,
    sign_in: Callable[[Person], Client],
    capsys: pytest.CaptureFixture[str],
    django_assert_max_num_queries: Any,
) -> None:
    counts = simulated["person"].value_counts()
    share = counts.nlargest(12).sum() / counts.sum()
    ascending = counts.sort_values().reset_index(drop=True)
    gini = 1 - 2 * ((ascending.cumsum() - ascending / 2) / ascending.sum()).mean()
    weekly = simulated.groupby(simulated["sent"].dt.tz_localize(None).dt.to_period("W-SUN"))["person"].nunique()
    client = sign_in(PersonFactory.create(roles=["lead"], is_staff=True))
    client.get("/insights/")  # the session's own first queries
    began = time.perf_counter()
    with django_assert_max_num_queries(26) as queried:
        page = client.get("/insights/?show=people")
    took = time.perf_counter() - began
    report = page.context["report"]
    shown = re.search(r"<dt>Share of the top 12</dt><dd>([\d.]+)%</dd>\s*<dd[^>]*>of", page.content.decode())
    assert shown is not None
    assert shown.group(1) == f"{100 * share:.1f}"
    assert report.top == pytest.approx(share, abs=1e-12)
    assert report.gini == pytest.approx(gini, abs=1e-9)
    assert report.contributions == len(simulated)
    assert len(report.makers) == counts.size == PEOPLE
    assert [count for _week, count in report.weeks] == weekly.tolist()
    assert [count for _person, count in report.makers[:12]] == counts.nlargest(12).tolist()
    by_state = simulated["status"].value_counts()
    assert sum(report.facts.approved.values()) == by_state["approved"]
    assert report.facts.waiting.number == by_state["submitted"]
    assert report.texts == simulated["category"].value_counts().to_dict()
    back = report.conversion
    figures = [
        f"{len(simulated):,} contributions by {counts.size:,} people",
        f"top 12 {share:.4%} (page {shown.group(1)}%)",
        f"Gini {gini:.4f}",
        f"came back {back.returned:,} of {back.newcomers:,}",
        f"median response {report.middle_length} words",
        f"{len(queried)} queries, {took:.2f} s",
    ]
    with capsys.disabled():
        sys.stdout.write(f"\n{'; '.join(figures)}\n")
