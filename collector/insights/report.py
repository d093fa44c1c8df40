"""All figures of the insights page, from what was read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from statistics import median
from typing import TYPE_CHECKING

from collector.insights.forecasts import Forecast, Gap
from collector.insights.measures import (
    Conversion,
    active_by_week,
    conversion,
    fewest_for,
    gini,
    lorenz,
    median_of,
    monday,
    top_share,
)
from collector.insights.periods import days_between, needed_per_day, window

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from collector.insights.facts import Facts

MOST_DAYS = 62  # beyond, a plot shows weeks
ALL = 0  # the key of all categories
WEEK = timedelta(weeks=1)
APPROVE, REJECT, REQUEST_CHANGES = "approve", "reject", "request_changes"


@dataclass(frozen=True)
class Line:
    """How far a category (or all of them) is.

    Attributes:
        category: its id, or ALL.
        target: approved texts wanted.
        approved: how many there are; for all categories, at most each one's target counts.
        waiting: how many wait for a decision.
        missing: how many are wanted still.
        needed: approvals a day, from tomorrow to the campaign's end; None without an end, or after it.
        forecast: when nothing will be missing.
    """

    category: int
    target: int
    approved: int
    waiting: int
    missing: int
    needed: float | None
    forecast: Forecast

    @property
    def is_done(self) -> bool:
        """Whether everything wanted is there."""
        return self.target > 0 and not self.missing

    @property
    def share(self) -> float:
        """What part of the target is approved, from 0 to 1."""
        return min(1.0, self.approved / self.target) if self.target else 0.0


@dataclass(frozen=True)
class Stretch:
    """What happened on one day, or in the week that begins on it."""

    begin: date
    sent: int
    approved: int
    decisions: Mapping[str, int]


@dataclass(frozen=True)
class Mix:
    """Decisions on a category."""

    approve: int
    reject: int
    request_changes: int

    @property
    def all(self) -> int:
        """How many there are."""
        return self.approve + self.reject + self.request_changes


@dataclass(frozen=True)
class Report:
    """The page's figures; each is worked out once, when it is asked for."""

    facts: Facts

    # -- Pace ------------------------------------------------------------------------------------------------

    @cached_property
    def began(self) -> date | None:
        """The day on which the campaign began: the announced one, or that of the first contribution before it."""
        days = [place[0] for place in self.facts.sent] + [place[0] for place in self.facts.approved]
        if self.facts.begin is not None and self.facts.begin <= self.facts.today:
            days.append(self.facts.begin)
        return min(days, default=None)

    @cached_property
    def days(self) -> list[date]:
        """The days of the period, up to today, or where nothing more will come up to the last that brought anything."""
        if self.facts.is_open:
            last = self.facts.today
        else:
            seen = [place[0] for place in self.facts.sent]
            seen += [place[0] for place in self.facts.approved]
            seen += [place[0] for place in self.facts.decisions]
            last = max(seen, default=self.facts.today)
        first = max((day for day in (self.facts.first, self.began) if day is not None), default=last)
        return days_between(first, last)

    @property
    def is_weekly(self) -> bool:
        """Whether stretches are weeks, because there are too many days to tell apart."""
        return len(self.days) > MOST_DAYS

    @cached_property
    def stretches(self) -> list[Stretch]:
        """What happened in the period, by day or by week."""
        sent: Counter[date] = Counter()
        approved: Counter[date] = Counter()
        decisions: Counter[tuple[date, str]] = Counter()
        for (day, _category), number in self.facts.sent.items():
            sent[self._begin(day)] += number
        for (day, _campaign, _category), number in self.facts.approved.items():
            approved[self._begin(day)] += number
        for (day, _category, decision), number in self.facts.decisions.items():
            decisions[self._begin(day), decision] += number
        return [
            Stretch(
                begin,
                sent[begin],
                approved[begin],
                {kind: decisions[begin, kind] for kind in (APPROVE, REQUEST_CHANGES, REJECT)},
            )
            for begin in dict.fromkeys(self._begin(day) for day in self.days)
        ]

    def _begin(self, day: date) -> date:
        return monday(day) if self.is_weekly else day

    @cached_property
    def window(self) -> list[date]:
        """The complete days that make the present pace."""
        return window(self.facts.today, self.began)

    @cached_property
    def missing(self) -> dict[tuple[int, int], int]:
        """What is wanted still, by (campaign, category): what one has beyond its target fills no other's."""
        return {
            (target.campaign, target.category): max(
                0, target.wanted - self.facts.states.get((target.campaign, target.category, "approved"), 0)
            )
            for target in self.facts.targets
        }

    @cached_property
    def lines(self) -> list[Line]:
        """Each category that has a target, in the house's order."""
        wanted = Counter[int]()
        for target in self.facts.targets:
            wanted[target.category] += target.wanted
        states = Counter[tuple[int, str]]()
        for (campaign, category, state), number in self.facts.states.items():
            if (campaign, category) in self.missing:
                states[category, state] += number
        return [
            self._line(category, wanted[category], states[category, "approved"], states[category, "submitted"])
            for category in self.facts.categories
            if wanted[category]
        ]

    def _line(self, category: int, target: int, approved: int, waiting: int) -> Line:
        pairs = {pair: lack for pair, lack in self.missing.items() if pair[1] == category}
        lack = sum(pairs.values())
        return Line(
            category, target, approved, waiting, lack, self._needed(lack), self._forecast(set(pairs), target, lack)
        )

    @cached_property
    def overall(self) -> Line:
        """All categories together; its pace is that of what is still wanted."""
        target, lack = sum(line.target for line in self.lines), sum(self.missing.values())
        wanted = {pair for pair, missing in self.missing.items() if missing}
        return Line(
            category=ALL,
            target=target,
            approved=target - lack,
            waiting=sum(line.waiting for line in self.lines),
            missing=lack,
            needed=self._needed(lack),
            forecast=self._forecast(wanted, target, lack),
        )

    def _needed(self, missing: int) -> float | None:
        return needed_per_day(missing, self.facts.today, self.facts.end) if self.facts.is_open else None

    def _forecast(self, pairs: set[tuple[int, int]], target: int, missing: int) -> Forecast:
        from collector.insights.forecast import forecast

        if not target:
            return Forecast(Gap.NO_TARGET)
        if missing and not self.facts.is_open:
            return Forecast(Gap.NOT_OPEN)
        daily = [sum(self.facts.approved.get((day, *pair), 0) for pair in pairs) for day in self.window]
        return forecast(daily, missing, self.facts.today)

    # -- Composition -----------------------------------------------------------------------------------------

    @cached_property
    def texts(self) -> dict[int, int]:
        """Texts by category, in the house's order; only those that have any."""
        counts = Counter[int]()
        for (category, _words), number in self.facts.lengths.items():
            counts[category] += number
        return {category: counts[category] for category in self.facts.categories if counts[category]}

    @cached_property
    def lengths(self) -> Counter[int]:
        """Texts by the words of their response."""
        counts = Counter[int]()
        for (_category, words), number in self.facts.lengths.items():
            counts[words] += number
        return counts

    @cached_property
    def middle_length(self) -> float | None:
        """The median words of a response."""
        return median_of(self.lengths)

    @cached_property
    def middle_lengths(self) -> dict[int, float]:
        """The median words of a response, by category."""
        found = {}
        for key in self.texts:
            counts = {words: number for (category, words), number in self.facts.lengths.items() if category == key}
            found[key] = median_of(counts) or 0.0
        return found

    @cached_property
    def languages(self) -> list[tuple[str, int]]:
        """Texts by language, the most frequent first."""
        return sorted(self.facts.languages.items(), key=lambda pair: (-pair[1], pair[0]))

    # -- People ----------------------------------------------------------------------------------------------

    @cached_property
    def makers(self) -> list[tuple[int, int]]:
        """Who contributed how much in the period, who made most first."""
        counts = Counter[int]()
        for person, day, number in self.facts.writers:
            if self.facts.first is None or day >= self.facts.first:
                counts[person] += number
        return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))

    @property
    def _made(self) -> list[int]:
        return [number for _person, number in self.makers]

    @cached_property
    def contributions(self) -> int:
        """People's contributions in the period."""
        return sum(self._made)

    @cached_property
    def top(self) -> float:
        """The share of the twelve who made most, from 0 to 1."""
        return top_share(self._made)

    @cached_property
    def gini(self) -> float:
        """The Gini coefficient of contributions."""
        return gini(self._made)

    @cached_property
    def half(self) -> int:
        """How few people made half."""
        return fewest_for(self._made, 0.5)

    @cached_property
    def lorenz(self) -> list[tuple[float, float]]:
        """The Lorenz curve of contributions."""
        return lorenz(self._made)

    @cached_property
    def weeks(self) -> list[tuple[date, int]]:
        """Active people by week, as (its Monday, people); the last one has only begun."""
        if not self.days:
            return []
        # From a Monday on: half a week at the beginning would look like few people.
        return active_by_week(
            ((person, day) for person, day, _number in self.facts.writers), monday(self.days[0]), self.days[-1]
        )

    @cached_property
    def whole_weeks(self) -> list[int]:
        """Active people of the weeks that are over and in which the campaign ran from their first day on."""
        began = self.began or self.facts.today
        return [number for week, number in self.weeks if began <= week and week + WEEK <= self.facts.today]

    @cached_property
    def conversion(self) -> Conversion:
        """How many came back; over all days, because a first contribution may lie before the period."""
        return conversion(self.facts.writers, self.facts.today)

    # -- Review ----------------------------------------------------------------------------------------------

    @cached_property
    def mixes(self) -> dict[int, Mix]:
        """Decisions by category, in the house's order; ALL first."""
        counts = Counter[tuple[int, str]]()
        for (_day, category, decision), number in self.facts.decisions.items():
            counts[category, decision] += number
            counts[ALL, decision] += number
        found = {
            key: Mix(*(counts[key, kind] for kind in (APPROVE, REJECT, REQUEST_CHANGES)))
            for key in (ALL, *self.facts.categories)
        }
        return {key: mix for key, mix in found.items() if mix.all or key == ALL}

    @cached_property
    def reviewers(self) -> list[tuple[int, int]]:
        """Who decided how much, who decided most first."""
        return sorted(self.facts.reviewers.items(), key=lambda pair: (-pair[1], pair[0]))

    @property
    def busiest(self) -> float:
        """The share of whoever decided most, from 0 to 1."""
        total = sum(self.facts.reviewers.values())
        return self.reviewers[0][1] / total if total else 0.0

    @cached_property
    def decided_per_day(self) -> float | None:
        """Decisions a day over the last two weeks' complete days in the period; None where there is none."""
        days = [day for day in self.window if self.facts.first is None or day >= self.facts.first]
        total = sum(number for (day, _category, _kind), number in self.facts.decisions.items() if day in days)
        return total / len(days) if days else None

    @cached_property
    def middle_wait(self) -> timedelta | None:
        """The median time from sending to the verdict."""
        return timedelta(seconds=median(self.facts.waits)) if self.facts.waits else None

    @property
    def oldest_wait(self) -> timedelta | None:
        """How long the oldest text waits by now."""
        return self.facts.now - self.facts.waiting.oldest if self.facts.waiting.oldest else None

    @property
    def middle_waiting(self) -> timedelta | None:
        """How long half of the texts wait by now."""
        return self.facts.now - self.facts.waiting.middle if self.facts.waiting.middle else None

    # -- What there is to tell --------------------------------------------------------------------------------

    @property
    def is_new(self) -> bool:
        """Whether nothing was sent or imported yet."""
        return not self.facts.states and not self.facts.writers

    @property
    def is_quiet(self) -> bool:
        """Whether nothing at all happened in the period."""
        return not (self.makers or self.facts.lengths or self.facts.decisions or self.facts.skips)
