"""What the tests of the insights count: facts in which everything is quiet unless a test says otherwise."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from collector.insights.facts import Facts, Target
from collector.insights.report import Report

TODAY = date(2026, 4, 15)  # a Wednesday
NOW = datetime.combine(TODAY, time(12), tzinfo=UTC)
CAMPAIGN, SUMS, TALES = 1, 10, 20
NAMES = {SUMS: "Summarization", TALES: "Creative writing"}
SLUGS = {SUMS: "summarization", TALES: "creative_writing"}


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def a_day(per_day: int, category: int = SUMS, days: int = 28) -> dict[tuple[date, int, int], int]:
    """Approvals on each of the complete days before today."""
    return {(ago(number), CAMPAIGN, category): per_day for number in range(1, days + 1)}


def report(**fields: Any) -> Report:
    """Measure a campaign that began four weeks ago, with one contribution and a target for each of two categories."""
    usual: dict[str, Any] = {
        "now": NOW,
        "today": TODAY,
        "begin": ago(28),
        "categories": NAMES,
        "targets": [Target(CAMPAIGN, SUMS, 100), Target(CAMPAIGN, TALES, 50)],
        "states": {(CAMPAIGN, SUMS, "approved"): 1},
        "writers": [(1, ago(20), 1)],
    }
    return Report(Facts(**usual | fields))
