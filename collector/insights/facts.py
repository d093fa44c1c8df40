"""What was read for the insights: counts by day, category and person, never texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime


@dataclass(frozen=True)
class Target:
    """How many approved submissions a campaign wants of a category."""

    campaign: int
    category: int
    wanted: int


@dataclass(frozen=True)
class Waiting:
    """What waits for a decision now.

    Attributes:
        number: of texts.
        oldest: since when the first of them waits.
        middle: since when half of them wait at least.
        disputed: how many wait for a lead's last word.
    """

    number: int = 0
    oldest: datetime | None = None
    middle: datetime | None = None
    disputed: int = 0


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Columns of the database, summed up. Days are of the campaign's calendar.

    Attributes:
        now: the moment of reading.
        today: its day.
        first: the first day asked about, or None for all.
        begin: when the campaign began, where that is known.
        end: the campaign's last day, where that is known.
        is_open: whether anything more will come.
        categories: names by id, in the house's order.
        targets: of the campaigns in question.
        states: texts by (campaign, category, state), whenever they came.
        sent: people's contributions by (day, category), on all days.
        approved: approvals by (day, campaign, category), on all days; what was imported as approved is left out.
        writers: (person, day, contributions), on all days.
        lengths: texts by (category, words of the response), in the period.
        languages: texts by language, in the period.
        decisions: reviews by (day, category, decision), in the period.
        reviewers: reviews by person, in the period.
        waits: seconds from sending to the verdict, of the last verdicts in the period.
        waiting: what waits now.
        skips: passages passed by, by reason, in the period.
        reasons: how often each reason was given for a decision, by (decision, reason), in the period.
    """

    now: datetime
    today: date
    first: date | None = None
    begin: date | None = None
    end: date | None = None
    is_open: bool = True
    categories: dict[int, str] = field(default_factory=dict)
    targets: list[Target] = field(default_factory=list)
    states: dict[tuple[int, int, str], int] = field(default_factory=dict)
    sent: dict[tuple[date, int], int] = field(default_factory=dict)
    approved: dict[tuple[date, int, int], int] = field(default_factory=dict)
    writers: list[tuple[int, date, int]] = field(default_factory=list)
    lengths: dict[tuple[int, int], int] = field(default_factory=dict)
    languages: dict[str, int] = field(default_factory=dict)
    decisions: dict[tuple[date, int, str], int] = field(default_factory=dict)
    reviewers: dict[int, int] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    waiting: Waiting = field(default_factory=Waiting)
    skips: dict[str, int] = field(default_factory=dict)
    reasons: dict[tuple[str, str], int] = field(default_factory=dict)
