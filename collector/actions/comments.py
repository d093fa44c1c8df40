"""The discussion of a submission, between its author and its reviewers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from collector.actions import notices
from collector.actions.beginnings import locked
from collector.errors import NotAllowed, Refused
from collector.models import Comment, Notice, Person, Review, Role, Submission
from collector.text import is_blank, normalize_newlines, validate_text

if TYPE_CHECKING:
    from datetime import datetime

LONGEST = 5000
RESEND = timedelta(minutes=1)


class NotInThread(NotAllowed):
    """Only the author, reviewers and leads talk about a submission."""

    code = "not_in_thread"


class NothingToDiscuss(Refused):
    """Nobody but its author has seen the draft."""

    code = "nothing_to_discuss"


@transaction.atomic
def add_comment(*, submission: Submission, text: str, by: Person, now: datetime) -> Comment:
    """Add a message to the thread and tell the other side; the same words sent again within a minute count once.

    Raises:
        ValidationError: empty, too long, or with what can't be stored.
        NotInThread: neither the author nor a reviewer or lead.
        NothingToDiscuss: still a draft.
    """
    text = _checked(text)
    submission = locked(submission.pk)
    is_author = submission.author_id == by.pk
    if not (is_author or by.has_role(Role.REVIEWER) or by.has_role(Role.LEAD)):
        raise NotInThread(_("Only the author, reviewers and campaign leads can write here."))
    if submission.revision_number == 0:
        raise NothingToDiscuss(_("Submit the draft first. Then its reviewers can answer."))
    last = submission.comments.order_by("-created_at", "-pk").first()
    if last is not None and (last.by_id, last.text) == (by.pk, text) and now - last.created_at < RESEND:
        return last
    comment = Comment.objects.create(submission=submission, by=by, text=text, created_at=now)
    others = _reviewers_of(submission) if is_author else [submission.author]
    notices.notify(people=others, kind=Notice.Kind.COMMENTED, submission=submission, text=text, by=by, now=now)
    return comment


def _checked(text: str) -> str:
    text = normalize_newlines(text)
    if is_blank(text):
        raise ValidationError({"text": [_("Write a message.")]})
    try:
        validate_text(text)
    except ValidationError as error:
        raise ValidationError({"text": error.messages}) from error
    if len(text) > LONGEST:
        raise ValidationError(
            {
                "text": [
                    _("A message has at most %(most)s characters; this one has %(length)s.")
                    % {"most": f"{LONGEST:,}", "length": f"{len(text):,}"}
                ]
            }
        )
    return text


def _reviewers_of(submission: Submission) -> list[Person]:
    """Return those who decided the submission or wrote in its thread; not its author."""
    mine = {"submission": submission}
    return list(
        Person.objects.filter(
            Q(Exists(Review.objects.filter(reviewer=OuterRef("pk"), **mine)))
            | Q(Exists(Comment.objects.filter(by=OuterRef("pk"), **mine)))
        ).exclude(pk=submission.author_id)
    )
