"""What the sheet reads: which records match, in which order, and what each of them says.

The grid asks in two steps. The *index* is the order of all matching records at one moment, 20 bytes each; windows of
records are then read by their ids. So the order stays still under the reader while others write, a jump to the end
costs what the beginning costs, and a range of a thousand rows can be chosen without having been loaded.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Avg, Case, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Lower

from collector.checks import LABELS
from collector.models import Campaign, Review, Revision, Role, Submission
from collector.models.submissions import CURRENT_REVISION
from collector.sheets.rows import Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from django.db.models import Expression
    from django.db.models.expressions import OrderBy

    from collector.models import Person
    from collector.models.submissions import SubmissionQuerySet

Status = Submission.Status
STRIDE = 20  # bytes of the index a record: its id and, little-endian, its revision
CHUNK = 500
NEAR = 1_000  # up to here an offset is quicker than the whole order
SORTS = ("updated", "submitted", "state", "category", "language", "instruction", "rating")
DEFAULT_SORT = "-updated"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which records, in which order; an empty value asks for nothing. Without a state, withdrawn ones are left out."""

    state: str = ""
    category: str = ""
    language: str = ""
    campaign: str = ""
    author: str = ""
    search: str = ""
    flagged: bool = False
    disputed: bool = False
    locked: bool = False
    sort: str = DEFAULT_SORT

    def as_detail(self) -> dict[str, str | bool]:
        """Return what was asked for, for the audit row."""
        return {name: value for name, value in vars(self).items() if value}


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A submission as the sheet shows it to one person.

    ``rating`` is the mean of the standing ratings of this revision; it and ``reviews`` are None while the person may
    not know them (independent reviews).
    """

    submission: Submission
    revision: Revision
    rating: float | None
    reviews: int | None
    author: str

    @property
    def flags(self) -> list[str]:
        """Codes of what the checks found."""
        return [str(code) for code in self.revision.flags or []]

    @property
    def flag_words(self) -> list[str]:
        """What the checks found, in words."""
        return [str(LABELS.get(code, code.replace("_", " "))) for code in self.flags]


def sees_authors(person: Person) -> bool:
    """Say whether the person sees who wrote what in every campaign: leads do, reviewers where it isn't blind."""
    return person.has_role(Role.LEAD)


# -- Which records ------------------------------------------------------------------------------------------


def matching(person: Person, wanted: Wanted) -> SubmissionQuerySet:
    """Return the records that match, in a stable order."""
    rows = Submission.objects.visible_to(person).filter(revision_number__gte=1)
    rows = rows.filter(status=wanted.state) if wanted.state else rows.exclude(status=Status.WITHDRAWN)
    plain = {
        "category__slug": wanted.category,
        "campaign__slug": wanted.campaign,
        "author__handle": wanted.author,
    }
    rows = rows.filter(**{name: value for name, value in plain.items() if value})
    if wanted.author and not sees_authors(person):
        # Finding a blind text by its author would name the author.
        rows = rows.filter(campaign__is_blind=False)
    if wanted.disputed:
        rows = rows.filter(disputed_at__isnull=False)
    if wanted.locked:
        rows = rows.filter(locked_at__isnull=False)
    if wanted.language or wanted.search or wanted.flagged:
        rows = rows.filter(Exists(_current(wanted)))
    return _ordered(rows, person, wanted.sort)


def _current(wanted: Wanted) -> Any:
    said = Revision.objects.filter(submission=OuterRef("pk"), number=OuterRef("revision_number"))
    if wanted.language:
        said = said.filter(language=wanted.language)
    if wanted.flagged:
        said = said.filter(flags__isnull=False).exclude(flags=[])
    for word in wanted.search.split():
        said = said.filter(Q(instruction__icontains=word) | Q(context__icontains=word) | Q(response__icontains=word))
    return said


def _ordered(rows: SubmissionQuerySet, person: Person, sort: str) -> SubmissionQuerySet:
    name = sort.removeprefix("-")
    said = Revision.objects.filter(submission=OuterRef("pk"), number=OuterRef("revision_number"))
    keys: dict[str, str | Expression | Subquery] = {
        "updated": "updated_at",
        "submitted": "submitted_at",
        "state": "status",
        "category": "category__name",
        "language": Subquery(said.values("language")[:1]),
        "instruction": Lower(Subquery(said.values("instruction")[:1])),
        "rating": _known_rating(person),
    }
    rows = rows.alias(sheet_key=keys[name] if not isinstance(keys[name], str) else F(str(keys[name])))
    key: OrderBy = F("sheet_key").desc(nulls_last=True) if sort.startswith("-") else F("sheet_key").asc(nulls_last=True)
    if name in {"updated", "submitted"}:  # never null here; without NULLS LAST an index can give the order
        key = F("sheet_key").desc() if sort.startswith("-") else F("sheet_key").asc()
    return rows.order_by(key, "pk")


def _known_rating(person: Person) -> Any:
    standing = Review.objects.standing().filter(
        submission=OuterRef("pk"), revision__number=OuterRef("revision_number"), rating__isnull=False
    )
    mean = Subquery(standing.order_by().values("submission").annotate(mean=Avg("rating")).values("mean"))
    if person.has_role(Role.LEAD):
        return mean
    # As in records(): the order must not tell what the cell keeps back.
    mine = Exists(
        Review.objects.standing().filter(
            submission=OuterRef("pk"), revision__number=OuterRef("revision_number"), reviewer=person
        )
    )
    hidden = Q(status=Status.SUBMITTED, campaign__reviews_per_item__gt=1) & ~Q(mine)
    return Case(When(hidden, then=Value(None)), default=mean)


def packed(rows: SubmissionQuerySet) -> bytes:
    """Return the index: ``STRIDE`` bytes a record, in order; one query."""
    from django.db import connection

    sql, parameters = rows.values_list("pk", "revision_number").query.sql_with_params()
    pieces = []
    with connection.cursor() as cursor:
        # Below the ORM: making a hundred thousand UUID objects would take longer than the query.
        cursor.execute(sql, parameters)
        while found := cursor.fetchmany(5000):
            pieces += [_bytes(row[0]) + row[1].to_bytes(4, "little") for row in found]
    return b"".join(pieces)


def _bytes(identity: uuid.UUID | str) -> bytes:
    return identity.bytes if isinstance(identity, uuid.UUID) else bytes.fromhex(identity)


def unpacked(index: bytes, start: int = 0, count: int | None = None) -> list[uuid.UUID]:
    """Return ids out of an index, in its order."""
    end = len(index) // STRIDE if count is None else min(start + count, len(index) // STRIDE)
    return [uuid.UUID(bytes=index[at * STRIDE : at * STRIDE + 16]) for at in range(start, end)]


def ids_at(rows: SubmissionQuerySet, start: int, count: int) -> list[uuid.UUID]:
    """Return ``count`` ids from the place ``start`` on; one query."""
    if start < NEAR:
        return list(rows.values_list("pk", flat=True)[max(0, start) : max(0, start) + count])
    return unpacked(packed(rows), start, count)


def unpacked_items(index: bytes) -> list[tuple[uuid.UUID, int]]:
    """Return each id of an index with its revision."""
    return [
        (identity, int.from_bytes(index[at * STRIDE + 16 : (at + 1) * STRIDE], "little"))
        for at, identity in enumerate(unpacked(index))
    ]


# -- What they say -----------------------------------------------------------------------------------------


def records(person: Person, ids: Sequence[uuid.UUID]) -> list[Record]:
    """Return the records of these ids, in their order, as far as the person may see them; two queries."""
    visible = Submission.objects.visible_to(person).filter(pk__in=ids, revision_number__gte=1)
    revisions = {
        revision.submission_id: revision
        for revision in Revision.objects.filter(CURRENT_REVISION, submission__in=visible).select_related(
            "submission__category", "submission__campaign", "submission__author", "submission__import_batch"
        )
    }
    given = _given([revision.pk for revision in revisions.values()])
    return [
        _record(person, revisions[identity], given.get(revisions[identity].pk, []))
        for identity in ids
        if identity in revisions
    ]


def _given(revisions: Sequence[int]) -> dict[int, list[tuple[int, int | None]]]:
    """Return who gave which rating to these revisions, by revision; one query."""
    given: dict[int, list[tuple[int, int | None]]] = {}
    reviews = Review.objects.standing().filter(revision__in=revisions)
    for revision, reviewer, rating in reviews.values_list("revision_id", "reviewer_id", "rating"):
        given.setdefault(revision, []).append((reviewer, rating))
    return given


def _known(
    person: Person, status: str, reviews_per_item: int, given: list[tuple[int, int | None]]
) -> tuple[float | None, int | None]:
    """Return the mean rating and the number of reviews as far as the person may know them."""
    waits = status == Status.SUBMITTED and reviews_per_item > 1
    if waits and not person.has_role(Role.LEAD) and all(reviewer != person.pk for reviewer, _rating in given):
        return None, None
    ratings = [rating for _reviewer, rating in given if rating is not None]
    return (sum(ratings) / len(ratings) if ratings else None), len(given)


def _record(person: Person, revision: Revision, given: list[tuple[int, int | None]]) -> Record:
    submission = revision.submission
    rating, reviews = _known(person, submission.status, submission.campaign.reviews_per_item, given)
    blind = submission.campaign.is_blind and not sees_authors(person)
    return Record(
        submission=submission,
        revision=revision,
        rating=rating,
        reviews=reviews,
        author="" if blind else submission.author.display_name,
    )


FILE_COLUMNS = {
    "pk": "pk",
    "id": "submission_id",
    "revision": "number",
    "state": "submission__status",
    "category": "submission__category__slug",
    "language": "language",
    "instruction": "instruction",
    "context": "context",
    "response": "response",
    "flags": "flags",
    "locked": "submission__locked_at",
    "updated": "submission__updated_at",
    "campaign": "submission__campaign__slug",
    "author": "submission__author__display_name",
    "is_blind": "submission__campaign__is_blind",
    "reviews_per_item": "submission__campaign__reviews_per_item",
}


def lines(person: Person, index: bytes) -> Iterator[Line]:
    """Yield the rows of a file, reading ``CHUNK`` of them at a time; values alone, for a file has many rows."""
    sees_all = sees_authors(person)
    for start in range(0, len(index) // STRIDE, CHUNK):
        ids = unpacked(index, start, CHUNK)
        visible = Submission.objects.visible_to(person).filter(pk__in=ids, revision_number__gte=1)
        found = Revision.objects.filter(CURRENT_REVISION, submission__in=visible).values_list(*FILE_COLUMNS.values())
        rows = {row[1]: dict(zip(FILE_COLUMNS, row, strict=True)) for row in found}
        given = _given([row["pk"] for row in rows.values()])
        yield from (_line(person, rows[key], given, sees_all=sees_all) for key in ids if key in rows)


def _line(
    person: Person, row: dict[str, Any], given: dict[int, list[tuple[int, int | None]]], *, sees_all: bool
) -> Line:
    rating, reviews = _known(person, row["state"], row.pop("reviews_per_item"), given.get(row.pop("pk"), []))
    is_hidden = row.pop("is_blind") and not sees_all
    return Line(
        **row
        | {
            "id": str(row["id"]),
            "rating": None if rating is None else round(rating, 2),
            "reviews": reviews or 0,
            "flags": " ".join(map(str, row["flags"] or [])),
            "locked": "yes" if row["locked"] else "",
            "updated": row["updated"].isoformat(timespec="seconds"),
            "author": "" if is_hidden else row["author"],
        }
    )


# -- The filter's choices ----------------------------------------------------------------------------------


def languages() -> list[str]:
    """Return the languages that the campaigns collect."""
    found: Iterable[str] = Campaign.objects.order_by().values_list("language", flat=True).distinct()
    return sorted(set(found))
