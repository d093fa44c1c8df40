"""All figures of the agreement page, from columns of decisions: overall, for each category and for each reviewer."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from collector.agreement import figures
from collector.agreement.alpha import against, pooled
from collector.agreement.estimates import Counted
from collector.agreement.measures import Measure, Scale

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from collector.agreement.alpha import Booleans, Patterns
    from collector.agreement.estimates import Estimate
    from collector.agreement.resampling import Integers

NONE = -1  # in a column: not given
KINDS = 3  # of decisions: approve, reject, request changes
RATINGS = 5


@dataclass(frozen=True)
class Decisions:
    """Reviews in the order they were made, one value a review in each column.

    Reviews that their own reviewer took back are no decisions and don't belong here.

    Attributes:
        unit: the revision that was judged.
        reviewer: who judged.
        category: of the submission.
        decision: 0 approve, 1 reject, 2 request changes.
        instruction: rating 1-5, or NONE.
        response: rating 1-5, or NONE.
        seconds: from hand-out to decision, or NONE.
        is_last_word: 1 for a lead's last word, who saw the others' decisions.
        is_voided: 1 where somebody else took its effect away.
        is_waiting: 1 where the revision still waits for its verdict.
        is_independent: 1 where the campaign has several reviewers decide unseen, and a lead where they disagree.
    """

    unit: Integers
    reviewer: Integers
    category: Integers
    decision: Integers
    instruction: Integers
    response: Integers
    seconds: Integers
    is_last_word: Integers
    is_voided: Integers
    is_waiting: Integers
    is_independent: Integers

    def __len__(self) -> int:
        return len(self.unit)

    def where(self, mask: Booleans) -> Decisions:
        """Return the reviews of a mask."""
        return Decisions(*(column[mask] for column in self.columns()))

    def columns(self) -> Iterator[Integers]:
        """Yield the columns in their order."""
        return (getattr(self, field.name) for field in fields(self))


@dataclass(frozen=True)
class Answers:
    """Answers on gold items: who, in which category, and whether it was the right decision (1 or 0)."""

    reviewer: Integers
    category: Integers
    is_right: Integers


@dataclass(frozen=True)
class Row:
    """The figures of a category, a reviewer or everybody.

    Attributes:
        key: the category's or the person's id; 0 for all.
        decisions: how many.
        mix: how many approved, rejected, sent back.
        measures: one estimate each.
    """

    key: int
    decisions: int
    mix: tuple[int, ...]
    measures: dict[Measure, Estimate]


@dataclass(frozen=True)
class Report:
    """The page's figures.

    Attributes:
        overall: of everybody, or of the one reviewer asked about.
        categories: one row each, by the category's id.
        reviewers: one row each, by the person's id.
        ratings: how often each rating 1-5 was given, for the instruction and for the response.
        seconds: every decision's seconds.
        sees_others: whether reviews of campaigns are among them whose reviewers may see an earlier approval.
    """

    overall: Row
    categories: tuple[Row, ...]
    reviewers: tuple[Row, ...]
    ratings: dict[Measure, tuple[int, ...]]
    seconds: NDArray[np.int64]
    sees_others: bool


def report(decisions: Decisions, answers: Answers, *, scale: Scale = Scale.ORDINAL, reviewer: int = 0) -> Report:
    """Measure everything.

    Args:
        decisions: all reviews of the items in question, the colleagues' too.
        answers: on gold items.
        scale: how far apart two ratings are; decisions are always nominal.
        reviewer: only this person's figures, measured against their colleagues'; 0 for everybody's.
    """
    counter = _Counter(decisions, answers, scale)
    mine = counter.reviews if not reviewer else counter.reviews.where(counter.reviews.reviewer == reviewer)
    seen = sorted({*mine.category.tolist(), *counter.categories_of_answers(reviewer)})
    people = {*decisions.reviewer.tolist(), *answers.reviewer.tolist()} if not reviewer else {reviewer}
    return Report(
        overall=counter.row(reviewer=reviewer),
        categories=tuple(counter.row(category=key, reviewer=reviewer, key=key) for key in seen),
        reviewers=tuple(counter.row(reviewer=key, key=key) for key in sorted(people)),
        ratings={
            Measure.INSTRUCTION: _how_often(mine.instruction),
            Measure.RESPONSE: _how_often(mine.response),
        },
        seconds=mine.seconds[mine.seconds != NONE],
        sees_others=bool((mine.is_independent == 0).any()),
    )


def overturned(decisions: Decisions) -> tuple[Booleans, Booleans]:
    """Say which decisions are settled, and which of them were overturned.

    A decision is overturned where an approval was revoked by somebody else, or where the item's verdict is another
    decision: the lead's last word; without one, the last decision on the revision. In a campaign of independent
    reviews only the last word is a verdict. What still waits is not settled yet; a last word is nobody's to overrule.
    """
    _units, index = np.unique(decisions.unit, return_inverse=True)
    standing = decisions.is_voided == 0
    verdict = np.full(int(index.max(initial=-1)) + 1, NONE)
    # Later assignments win: the last standing decision, unless there is a last word.
    final = standing & (decisions.is_independent == 0)
    verdict[index[final]] = decisions.decision[final]
    words = standing & (decisions.is_last_word == 1)
    verdict[index[words]] = decisions.decision[words]
    has_word = np.zeros(len(verdict), dtype=bool)
    has_word[index[words]] = True
    revoked = ~standing & (decisions.decision == 0)
    overruled = standing & (verdict[index] != NONE) & (verdict[index] != decisions.decision)
    waiting = standing & (decisions.is_waiting == 1) & ~has_word[index]
    settled = ~waiting & (decisions.is_last_word == 0)
    return settled, settled & (revoked | overruled)


class _Counter:
    """Holds what all rows share."""

    def __init__(self, decisions: Decisions, answers: Answers, scale: Scale) -> None:
        _units, index = np.unique(decisions.unit, return_inverse=True)
        columns = list(decisions.columns())
        self.reviews = Decisions(index.astype(np.int64), *columns[1:])
        self.answers = answers
        self.scale = scale
        self.settled, self.is_overturned = overturned(self.reviews)
        self.comparable = (self.reviews.is_last_word == 0) & _last_of_each(self.reviews)

    def categories_of_answers(self, reviewer: int) -> set[int]:
        mask = np.ones(len(self.answers.reviewer), dtype=bool) if not reviewer else self.answers.reviewer == reviewer
        return set(self.answers.category[mask].tolist())

    def row(self, *, category: int = 0, reviewer: int = 0, key: int = 0) -> Row:
        """Measure what one category and one reviewer have in common; 0 is all of them."""
        reviews, answers = self.reviews, self.answers
        here = reviews.category == category if category else np.ones(len(reviews), dtype=bool)
        mine = here & (reviews.reviewer == reviewer) if reviewer else here
        asked = answers.category == category if category else np.ones(len(answers.category), dtype=bool)
        asked = asked & (answers.reviewer == reviewer) if reviewer else asked
        seconds = reviews.seconds[mine]
        settled = self.settled & mine
        return Row(
            key=key,
            decisions=int(mine.sum()),
            mix=tuple(np.bincount(reviews.decision[mine], minlength=KINDS).tolist()),
            measures={
                Measure.DECISION: self._agreement(reviews.decision, here, reviewer, Scale.NOMINAL),
                Measure.INSTRUCTION: self._agreement(reviews.instruction, here, reviewer, self.scale),
                Measure.RESPONSE: self._agreement(reviews.response, here, reviewer, self.scale),
                Measure.INSTRUCTION_MEAN: self._mean(reviews.instruction, mine),
                Measure.RESPONSE_MEAN: self._mean(reviews.response, mine),
                Measure.GOLD: figures.share(
                    int(answers.is_right[asked].sum()),
                    int(asked.sum()),
                    counted=Counted.ANSWERS,
                    least=figures.LEAST_GOLD,
                ),
                Measure.SECONDS: figures.quartiles(seconds[seconds != NONE]),
                Measure.OVERTURNED: figures.share(
                    int((self.is_overturned & mine).sum()),
                    int(settled.sum()),
                    counted=Counted.DECISIONS,
                    least=figures.LEAST_DECIDED,
                ),
            },
        )

    def _agreement(self, column: Integers, here: Booleans, reviewer: int, scale: Scale) -> Estimate:
        mask = here & self.comparable & (column != NONE)
        return figures.agreement(self._patterns(column, mask, reviewer), scale)

    def _patterns(self, column: Integers, mask: Booleans, reviewer: int) -> Patterns:
        if not reviewer:
            return pooled(self.reviews.unit[mask], column[mask])
        seen = np.zeros(int(self.reviews.unit.max(initial=-1)) + 1, dtype=bool)
        seen[self.reviews.unit[mask & (self.reviews.reviewer == reviewer)]] = True
        mask = mask & seen[self.reviews.unit]
        return against(self.reviews.unit[mask], column[mask], self.reviews.reviewer[mask] == reviewer)

    def _mean(self, column: Integers, mine: Booleans) -> Estimate:
        mask = mine & (column != NONE)
        return figures.mean(self.reviews.unit[mask], column[mask])


def _last_of_each(reviews: Decisions) -> Booleans:
    """Mark a reviewer's last decision on each revision: after a revocation there can be a second."""
    _people, who = np.unique(reviews.reviewer, return_inverse=True)
    keys = reviews.unit * (int(who.max(initial=0)) + 1) + who
    _keys, first_from_behind = np.unique(keys[::-1], return_index=True)
    mask = np.zeros(len(reviews), dtype=bool)
    mask[len(reviews) - 1 - first_from_behind] = True
    return mask


def _how_often(column: Integers) -> tuple[int, ...]:
    given = column[column != NONE]
    return tuple(np.bincount(given, minlength=RATINGS + 1)[1 : RATINGS + 1].tolist())
