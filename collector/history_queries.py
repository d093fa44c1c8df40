"""What became of a submission, as far as this reader may know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from collector.models import Event, Submission

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from collector.models import Comment, Person, Review, Revision

Kind = Event.Kind
# What only a lead or admin does; everything else that isn't the author's is a reviewer's.
LEADS_ACTS = {Kind.REVOKED, Kind.TAKEN_OUT, Kind.LOCKED, Kind.UNLOCKED, Kind.IMPORTED}
# Characters of all comparisons on one page, newest first; what is older stands there uncompared.
COMPARED_CHARACTERS = 600_000


@dataclass(frozen=True)
class Names:
    """Who is who, for one reader of one submission.

    Where the campaign is blind, reviewers don't learn who wrote a text nor its author who reviewed it; leads know all.
    """

    submission: Submission
    reader: Person

    @property
    def knows_author(self) -> bool:
        """Whether the reader may see the author's name."""
        return self.submission.shows_author_to(self.reader)

    @property
    def knows_reviewers(self) -> bool:
        """Whether the reader may see reviewers' names."""
        is_author = self.submission.author_id == self.reader.pk
        return not (is_author and self.submission.campaign.is_blind) or self.reader.has_role("lead")

    def of(self, person: Person | None, *, is_lead: bool = False) -> str:
        """Return what the reader calls a person.

        Args:
            is_lead: the person did what only leads and admins do.
        """
        if person is None:
            return ""
        if person.pk == self.reader.pk:
            return _("You")
        if person.pk == self.submission.author_id:
            return person.display_name if self.knows_author else _("The author")
        if self.knows_reviewers:
            return person.display_name
        return _("A campaign lead") if is_lead else _("A reviewer")


@dataclass(frozen=True)
class Step:
    """One line of the history: what happened, who did it, what was said, what the text was and became."""

    event: Event
    title: str
    who: str
    review: Review | None = None
    is_taken_back: bool = False
    before: Revision | None = None
    after: Revision | None = None


@dataclass(frozen=True)
class Message:
    """One message of the thread."""

    comment: Comment
    who: str
    is_author: bool
    is_mine: bool


@dataclass(frozen=True)
class History:
    """A submission's history, newest first, and its thread, oldest first."""

    names: Names
    steps: list[Step]
    messages: list[Message]
    reviews_hidden: int

    @property
    def author(self) -> str:
        """What the reader calls the author."""
        return self.names.of(self.names.submission.author)

    @property
    def verdict(self) -> Step | None:
        """The decision that the author has to read first: why the pair came back to them, or was turned down."""
        if self.names.submission.status not in {Submission.Status.CHANGES_REQUESTED, Submission.Status.REJECTED}:
            return None
        standing = (step for step in self.steps if step.review is not None and step.review.voided_at is None)
        return next(standing, None)

    @property
    def is_reviewed(self) -> bool:
        """Whether there is a reviewer whom a message of the author would reach."""
        return bool(self.reviews_hidden) or any(step.event.review_id is not None for step in self.steps)

    @property
    def last_change(self) -> Step | None:
        """The newest step that changed the text."""
        return next((step for step in self.steps if step.after is not None), None)


def history(submission: Submission, reader: Person, revisions: Sequence[Revision]) -> History:
    """Collect the history; three queries, whatever its length.

    Args:
        submission: with ``author`` and ``campaign``.
        revisions: all of them, in any order.
    """
    names = Names(submission, reader)
    readable = set(submission.reviews.readable_by(reader).values_list("pk", flat=True))
    events = list(submission.events.select_related("by", "review__reviewer").order_by("-at", "-pk"))
    hidden = [event for event in events if event.review_id is not None and event.review_id not in readable]
    undone = {event.at for event in events if event.kind == Kind.UNDONE}
    pairs = _pairs(revisions)
    steps = []
    for event in events:
        # An undo tells of a decision, so it stays unseen with those that aren't for this reader yet.
        if event in hidden or (hidden and event.kind == Kind.UNDONE and event.by_id != reader.pk):
            continue
        steps.append(_step(event, names, undone, pairs))
    return History(
        names=names,
        steps=steps,
        messages=_messages(submission, names),
        reviews_hidden=sum(event.review is not None and event.review.voided_at is None for event in hidden),
    )


def _step(event: Event, names: Names, undone: set[datetime], pairs: dict[int, tuple[Revision, Revision]]) -> Step:
    review = event.review
    is_taken_back = review is not None and review.voided_at in undone and review.voided_by_id == review.reviewer_id
    is_author = names.reader.pk == names.submission.author_id
    is_lead = event.kind in LEADS_ACTS or (review is not None and review.is_last_word)
    before, after = None, None
    if event.kind in {Kind.RESUBMITTED, Kind.EDITED}:
        before, after = pairs.get(event.revision_number, (None, None))
    return Step(
        event=event,
        title=_title(event, names, is_taken_back=is_taken_back),
        # An edit's title names both people.
        who="" if event.kind == Kind.EDITED else names.of(event.by, is_lead=is_lead),
        # A slip of the finger, put right within seconds, is nothing an author should have to read.
        review=None if is_taken_back and is_author else review,
        is_taken_back=is_taken_back,
        before=before,
        after=after,
    )


def _title(event: Event, names: Names, *, is_taken_back: bool) -> str:
    if event.review is not None:
        if is_taken_back:
            return _("Decided, and taken back within seconds")
        return _("The last word") if event.review.is_last_word else _("Reviewed")
    if event.kind == Kind.EDITED:
        return _edited(event, names)
    titles = {
        Kind.RESUBMITTED: _("Edited and sent again"),
        Kind.DISPUTED: _("The reviewers disagree: a campaign lead has the last word"),
        Kind.UNDONE: _("Decision taken back"),
        Kind.LOCKED: _("Locked: neither edited nor decided until it is unlocked"),
    }
    return titles.get(Kind(event.kind)) or event.get_kind_display()


def _edited(event: Event, names: Names) -> str:
    editor = names.of(event.by)
    author = names.submission.author
    if event.by is not None and event.by.pk == names.reader.pk:
        if not names.knows_author:
            return _("Edited by you, on the author’s text")
        return _("Edited by you, on %(author)s’s text") % {"author": author.display_name}
    editor = editor if names.knows_reviewers else _("a reviewer")
    if author.pk == names.reader.pk:
        return _("Edited by %(editor)s, on your text") % {"editor": editor}
    if not names.knows_author:
        return _("Edited by %(editor)s, on the author’s text") % {"editor": editor}
    return _("Edited by %(editor)s, on %(author)s’s text") % {"editor": editor, "author": author.display_name}


def _pairs(revisions: Sequence[Revision]) -> dict[int, tuple[Revision, Revision]]:
    """Return each revision with the one before it, by number, as far as the page's budget of characters goes."""
    by_number = {revision.number: revision for revision in revisions}
    pairs: dict[int, tuple[Revision, Revision]] = {}
    left = COMPARED_CHARACTERS
    for number in sorted(by_number, reverse=True):
        before, after = by_number.get(number - 1), by_number[number]
        if before is None:
            continue
        left -= sum(len(text.instruction) + len(text.context) + len(text.response) for text in (before, after))
        if left < 0:
            break
        pairs[number] = (before, after)
    return pairs


def _messages(submission: Submission, names: Names) -> list[Message]:
    comments = submission.comments.select_related("by").order_by("created_at", "pk")
    return [
        Message(
            comment=comment,
            who=names.of(comment.by) or _("Somebody who has left"),
            is_author=comment.by_id == submission.author_id,
            is_mine=comment.by_id == names.reader.pk,
        )
        for comment in comments
        if _is_readable(comment, names)
    ]


def _is_readable(comment: Comment, names: Names) -> bool:
    """Say whether the reader may see a message.

    While independent reviews run, what one reviewer says about the text would tell another what they think of it.
    """
    submission = names.submission
    is_open = submission.campaign.is_independent and submission.status == Submission.Status.SUBMITTED
    if not is_open or names.reader.pk in {submission.author_id, comment.by_id}:
        return True
    if names.reader.has_role("lead") and submission.disputed_at is not None:
        return True
    is_since = submission.submitted_at is None or comment.created_at >= submission.submitted_at
    return not is_since or comment.by_id == submission.author_id
