"""What the agreement page reads: columns of whole numbers, in a number of queries that data does not change."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from django.db.models import Case, Count, F, IntegerField, Max, Q, Value, When
from django.db.models.functions import Cast, Coalesce

from collector.models import Campaign, Category, Event, GoldAnswer, Person, Review, Submission

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import numpy as np
    from django.db.models import QuerySet
    from numpy.typing import NDArray

    from collector.agreement.measures import Scale
    from collector.agreement.report import Answers, Decisions, Report

KEPT_SECONDS = 24 * 60 * 60
UNSETTLING = (Event.Kind.RESUBMITTED, Event.Kind.WITHDRAWN, Event.Kind.TAKEN_OUT, Event.Kind.EDITED)
FORM = 1  # grows when the shape of a kept report changes
DECISION_CODES = {Review.Decision.APPROVE: 0, Review.Decision.REJECT: 1, Review.Decision.REQUEST_CHANGES: 2}


@dataclass(frozen=True)
class Choice:
    """Which reviews are asked about.

    Attributes:
        campaign: or None for all.
        since: or None for all time.
        reviewer: only this person's figures, against their colleagues'.
    """

    campaign: Campaign | None = None
    since: datetime | None = None
    reviewer: Person | None = None


@dataclass(frozen=True)
class Size:
    """How much there is to count, and what changes when any of it does."""

    reviews: int
    fingerprint: tuple[Any, ...]


def size() -> Size:
    """Count the reviews of everybody and say in which state the data is; four queries.

    What the figures depend on leaves a trace in one of these: a review made or voided, a gold answer, a text that an
    author took back or replaced while it waited, a campaign's setting. New submissions change nothing here.
    """
    reviews = Review.objects.aggregate(
        number=Count("pk"), last=Max("pk"), voided=Count("voided_at"), voided_at=Max("voided_at")
    )
    answers = GoldAnswer.objects.aggregate(number=Count("pk"), last=Max("pk"))
    last_event = Event.objects.filter(kind__in=UNSETTLING).aggregate(last=Max("pk"))["last"]
    campaigns = Campaign.objects.order_by("pk").values_list("pk", "reviews_per_item")
    state = (reviews["number"], reviews["last"], reviews["voided"], reviews["voided_at"])
    return Size(
        reviews=reviews["number"],
        fingerprint=(*state, answers["number"], answers["last"], last_event, *campaigns),
    )


def _key(choice: Choice, scale: Scale, state: Size) -> str:
    import hashlib

    parts = (
        FORM,
        state.fingerprint,
        choice.campaign and choice.campaign.pk,
        choice.since and choice.since.isoformat(),
        choice.reviewer and choice.reviewer.pk,
        str(scale),
    )
    return "agreement:" + hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def kept_report(choice: Choice, scale: Scale, state: Size) -> Report | None:
    """Return the report on exactly this data, where it was made before."""
    found: Report | None = cache.get(_key(choice, scale, state))
    return found


def make_report(choice: Choice, scale: Scale, state: Size) -> Report:
    """Read the columns (two queries), measure, and keep the result for whoever asks the same of the same data."""
    from collector.agreement.report import report

    reviewer = choice.reviewer.pk if choice.reviewer else 0
    made = report(decisions(choice), answers(choice), scale=scale, reviewer=reviewer)
    cache.set(_key(choice, scale, state), made, KEPT_SECONDS)
    return made


def decisions(choice: Choice) -> Decisions:
    """Read the reviews as columns, in the order they were made; one query.

    A reviewer's own undo within its ten seconds voids the review in their own name: it was never a decision.
    For one reviewer, their colleagues' reviews of the same revisions come with theirs.
    """
    from collector.agreement.report import NONE, Decisions

    rows: QuerySet[Any] = Review.objects.filter(Q(voided_by=None) | ~Q(voided_by=F("reviewer")))
    if choice.reviewer is not None:
        rows = rows.filter(revision__in=choice.reviewer.reviews.values("revision"))
    rows = _chosen(rows, choice)
    decision = Case(*(When(decision=name, then=Value(code)) for name, code in DECISION_CODES.items()))
    columns = rows.order_by("pk").values_list(
        "revision_id",
        "reviewer_id",
        "submission__category_id",
        decision,
        Coalesce("rating_instruction", Value(NONE)),
        Coalesce("rating_response", Value(NONE)),
        Coalesce("seconds", Value(NONE)),
        Cast("is_last_word", IntegerField()),
        _flag(Q(voided_at__isnull=False)),
        _flag(Q(submission__status=Submission.Status.SUBMITTED, revision__number=F("submission__revision_number"))),
        _flag(Q(submission__campaign__reviews_per_item__gt=1)),
    )
    return Decisions(*_columns(columns.iterator(chunk_size=10_000), 11))


def answers(choice: Choice) -> Answers:
    """Read the answers on gold items as columns; one query."""
    from collector.agreement.report import Answers

    rows = _chosen(GoldAnswer.objects.all(), choice, prefix="gold__")
    if choice.reviewer is not None:
        rows = rows.filter(reviewer=choice.reviewer)
    columns = rows.order_by("pk").values_list(
        "reviewer_id", "gold__submission__category_id", _flag(Q(decision=F("gold__decision")))
    )
    return Answers(*_columns(columns.iterator(chunk_size=10_000), 3))


def _chosen(rows: QuerySet[Any], choice: Choice, prefix: str = "") -> QuerySet[Any]:
    if choice.campaign is not None:
        rows = rows.filter(**{f"{prefix}submission__campaign": choice.campaign})
    if choice.since is not None:
        rows = rows.filter(created_at__gte=choice.since)
    return rows


def _flag(condition: Q) -> Case:
    return Case(When(condition, then=Value(1)), default=Value(0), output_field=IntegerField())


def _columns(rows: Iterable[Sequence[int]], width: int) -> list[NDArray[np.int64]]:
    import numpy as np

    flat = np.fromiter(chain.from_iterable(rows), dtype=np.int64)
    return [np.ascontiguousarray(column) for column in flat.reshape(-1, width).T]


def categories(keys: Iterable[int]) -> dict[int, Category]:
    """Return the categories by id, in their order; one query."""
    found = Category.objects.filter(pk__in=list(keys)).only("pk", "slug", "name", "position")
    return {category.pk: category for category in found}


def disputed(campaign: Campaign | None) -> dict[int, int]:
    """Return how many items of each category wait for a lead's last word; one query."""
    rows = Submission.objects.filter(disputed_at__isnull=False).order_by()
    if campaign is not None:
        rows = rows.filter(campaign=campaign)
    return dict(rows.values_list("category").annotate(Count("pk")))


def people(keys: Iterable[int]) -> dict[int, Person]:
    """Return the people by id, by name; one query."""
    found = Person.objects.filter(pk__in=list(keys)).only("pk", "handle", "display_name")
    return {person.pk: person for person in found}
