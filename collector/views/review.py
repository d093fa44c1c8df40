"""The reviewer's desk: one item, and everything needed to decide on it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, TypedDict

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector import near_queries, review_queries
from collector.actions import gold as golds
from collector.actions import queue, reviews, suggestions
from collector.actions.reviews import NotAReviewer, RevisionChanged
from collector.actions.submissions import StaleRevision
from collector.errors import Refused
from collector.forms import ReviewForm
from collector.models import Review, Role, Submission
from collector.views.common import status_of
from collector.views.review_acts import undo_bar

if TYPE_CHECKING:
    from typing import Any
    from uuid import UUID

    from django.http import HttpResponse

    from collector.models import GoldItem, Revision
    from collector.review_queries import Alike
    from collector.views.common import PersonRequest


@require_safe
def review_next(request: PersonRequest) -> HttpResponse:
    """Take the next item of the queue, or say that it is empty."""
    now = timezone.now()
    try:
        submission = queue.lease_next(by=request.user, now=now)
    except NotAReviewer as refused:
        raise PermissionDenied(str(refused)) from refused
    if submission is not None:
        return redirect("review-item", submission.pk)
    context = {"today": review_queries.today(request.user, now)} | undo_bar(request, now)
    return render(request, "collector/review_empty.html", context)


def find(request: PersonRequest, pk: UUID) -> Submission:
    """Return a submitted item that the person may see, or answer 404."""
    visible = Submission.objects.visible_to(request.user).select_related(
        "category", "campaign", "passage", "author", "locked_by"
    )
    return get_object_or_404(visible, pk=pk, revision_number__gte=1)


@require_http_methods(["GET", "POST"])
def item(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Show one item, or record the decision on it."""
    submission = find(request, pk)
    if request.method == "POST":
        return _decide(request, submission)
    try:
        queue.renew_lease(submission=submission, by=request.user, now=timezone.now())
    except NotAReviewer as refused:
        raise PermissionDenied(str(refused)) from refused
    except Refused as refused:
        return _gone(request, submission, refused)
    gold = golds.gold_for(submission=submission, by=request.user)
    canned = review_queries.canned_reasons(submission)
    return _page(request, submission, ReviewForm(initial=_initial(request, submission, gold), canned=canned), gold)


def _number(submission: Submission, gold: GoldItem | None) -> int:
    return gold.revision.number if gold else submission.revision_number


def _initial(request: PersonRequest, submission: Submission, gold: GoldItem | None) -> dict[str, Any]:
    initial: dict[str, Any] = {"revision": _number(submission, gold)}
    undone = request.GET.get("undone", "")
    before = review_queries.taken_back(request.user, submission, undone) if undone else None
    if before is not None:
        for name in ("rating_instruction", "rating_response", "reasons", "comment"):
            initial[name] = getattr(before, name)
    return initial


def _page(
    request: PersonRequest,
    submission: Submission,
    form: ReviewForm,
    gold: GoldItem | None,
    status: int = HTTPStatus.OK,
    refused: str = "",
) -> HttpResponse:
    now = timezone.now()
    is_last_word = submission.disputed_at is not None and gold is None and request.user.has_role(Role.LEAD)
    desk = review_queries.desk(submission, number=_number(submission, gold), is_for_last_word=is_last_word)
    for name in ("instruction", "context", "response"):
        form.initial.setdefault(name, getattr(desk.revision, name))
    context = {
        "submission": submission,
        "desk": desk,
        "alike": _alike(submission, desk.revision),
        "form": form,
        "is_editing": form.data.get("decision") == form.EDIT if form.is_bound else "edit" in request.GET,
        "is_undone": "comment" in form.initial,
        "is_lead": request.user.has_role(Role.LEAD),
        "is_last_word": is_last_word,
        "refused": refused,
        # A check is not counted among the waiting: without this one more, the count would give it away.
        "waiting": review_queries.waiting_for(request.user, now) + (gold is not None),
        "done": review_queries.done_today(request.user, now),
    }
    return render(request, "collector/review_item.html", context | undo_bar(request, now), status=status)


def _alike(submission: Submission, revision: Revision) -> list[Alike]:
    """The very same pair first, then those that ask nearly the same."""
    same = review_queries.twins(submission, revision)
    found = [review_queries.Alike(twin.submission, twin, _("The same pair, word for word")) for twin in same]
    near = near_queries.nearest(
        instruction=revision.instruction,
        context=revision.context,
        exclude=(submission.pk, *(twin.submission_id for twin in same)),
        limit=review_queries.SHOWN,
    )
    words = [
        review_queries.Alike(one.submission, one.revision, review_queries.likeness(one.similarity)) for one in near
    ]
    return [*found, *words][: review_queries.SHOWN]


def _gone(request: PersonRequest, submission: Submission, refused: Refused, *, words: str = "") -> HttpResponse:
    now = timezone.now()
    titles = {
        "own_work": _("This one is yours"),
        "locked": _("This record is locked"),
        "leased_to_another": _("A colleague has this one"),
        "already_decided": _("This one is decided"),
        "needs_lead": _("This one waits for a campaign lead"),
    }
    context = {
        "title": titles.get(refused.code, _("Not this one")),
        "words": words,
        "submission": submission,
        "refused": str(refused),
        "mine": review_queries.own_review(request.user, submission),
        "is_lead": request.user.has_role(Role.LEAD),
    }
    return render(request, "collector/review_gone.html", context | undo_bar(request, now), status=status_of(refused))


def _decide(request: PersonRequest, submission: Submission) -> HttpResponse:
    gold = golds.gold_for(submission=submission, by=request.user)
    canned = review_queries.canned_reasons(submission)
    form = ReviewForm(request.POST, canned=canned)
    if not form.is_valid():
        return _page(request, submission, form, gold, HTTPStatus.BAD_REQUEST)
    try:
        if gold is not None:
            _answer(request, submission, form, gold)
            return redirect("review-answer", submission.pk)
        _record(request, submission, form)
    except NotAReviewer as refused:
        raise PermissionDenied(str(refused)) from refused
    except ValidationError as error:
        form.add_refusal(error)
        return _page(request, submission, form, gold, HTTPStatus.BAD_REQUEST)
    except (RevisionChanged, StaleRevision) as refused:
        # The text as it is now, with the reviewer's own words kept, so that they can decide again.
        submission = find(request, submission.pk)
        kept = request.POST.copy()
        kept["revision"] = str(_number(submission, gold))
        form = ReviewForm(kept, canned=canned)
        return _page(request, submission, form, gold, status_of(refused), refused=str(refused))
    except Refused as refused:
        return _gone(request, find(request, submission.pk), refused, words=form.cleaned_data["comment"])
    return redirect("review-next")


def _is_changed(submission: Submission, form: ReviewForm) -> bool:
    """Whether the text was really edited: one that was opened and left as it was is simply approved."""
    if form.cleaned_data["decision"] != form.EDIT:
        return False
    base = submission.revisions.filter(number=form.cleaned_data["revision"]).first()
    return base is None or not form.text.same_as(base)


class _Ratings(TypedDict):
    rating_instruction: int | None
    rating_response: int | None


def _ratings(form: ReviewForm) -> _Ratings:
    return {
        "rating_instruction": form.cleaned_data["rating_instruction"],
        "rating_response": form.cleaned_data["rating_response"],
    }


def _record(request: PersonRequest, submission: Submission, form: ReviewForm) -> None:
    if _is_changed(submission, form):
        suggestions.edit_and_approve(
            submission=submission,
            base_revision=form.cleaned_data["revision"],
            text=form.text,
            by=request.user,
            now=timezone.now(),
            comment=form.cleaned_data["comment"],
            **_ratings(form),
        )
        return
    decision = form.cleaned_data["decision"]
    reviews.decide(
        submission=submission,
        revision_number=form.cleaned_data["revision"],
        decision=Review.Decision.APPROVE if decision == form.EDIT else decision,
        by=request.user,
        now=timezone.now(),
        reasons=form.cleaned_data["reasons"],
        comment=form.cleaned_data["comment"],
        **_ratings(form),
    )


def _answer(request: PersonRequest, submission: Submission, form: ReviewForm, gold: GoldItem) -> None:
    """Record what was decided on a check; a text that had to be edited was not good enough as it stood."""
    decision, comment = form.cleaned_data["decision"], form.cleaned_data["comment"]
    if decision == form.EDIT:
        decision = Review.Decision.APPROVE
        if _is_changed(submission, form):
            decision, comment = Review.Decision.REQUEST_CHANGES, comment or _("Edited the text.")
    golds.answer(
        gold=gold,
        decision=decision,
        by=request.user,
        now=timezone.now(),
        reasons=form.cleaned_data["reasons"],
        comment=comment,
        **_ratings(form),
    )


@require_safe
def answer(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Say that an item was a check, what was right, and why; only to somebody who has answered it."""
    submission = find(request, pk)
    given = review_queries.gold_answer(request.user, submission)
    if given is None:
        raise Http404
    context = {"submission": submission, "answer": given, "revision": given.gold.revision}
    return render(request, "collector/review_answer.html", context)


@require_POST
def renew(request: PersonRequest, pk: UUID) -> JsonResponse:
    """Keep the item while its page is open; 409 says that it is no longer theirs."""
    submission = find(request, pk)
    try:
        queue.renew_lease(submission=submission, by=request.user, now=timezone.now())
    except Refused as refused:
        return JsonResponse({"detail": str(refused), "code": refused.code}, status=status_of(refused))
    gold = golds.gold_for(submission=submission, by=request.user)
    return JsonResponse({"revision": _number(submission, gold)})


@require_POST
def skip(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Leave an item to the others."""
    submission = find(request, pk)
    try:
        queue.skip(submission=submission, by=request.user, now=timezone.now())
    except NotAReviewer as refused:
        raise PermissionDenied(str(refused)) from refused
    messages.info(request, _("Skipped. It goes to a colleague, and comes back to you after everything else."))
    return redirect("review-next")
