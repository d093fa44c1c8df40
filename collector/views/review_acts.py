"""What a reviewer or lead does beside deciding: undo, lock, and fix what is right for a check."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from collector import review_queries
from collector.actions import gold as golds
from collector.actions import locks, reviews
from collector.errors import Refused
from collector.forms import GoldForm
from collector.models import GoldItem, Review, Submission

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any
    from uuid import UUID

    from django.http import HttpResponse

    from collector.views.common import PersonRequest


def undo_bar(request: PersonRequest, now: datetime) -> dict[str, Any]:
    """Context for the bar that takes the last decision back: the review, and the whole seconds that are left."""
    last = review_queries.undoable(request.user, now, within=timedelta(seconds=reviews.UNDO_SECONDS))
    if last is None:
        return {}
    passed = int((now - last.created_at).total_seconds())
    return {"last": last, "seconds_left": max(0, reviews.UNDO_SECONDS - passed)}


@require_POST
def undo(request: PersonRequest, review: int) -> HttpResponse:
    """Take one's last decision back within ten seconds, and return to its item with what was entered."""
    mine = get_object_or_404(Review.objects.select_related("submission"), pk=review, reviewer=request.user)
    try:
        reviews.undo(review=mine, by=request.user, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("review-next")
    query = urlencode({"undone": mine.pk})
    return redirect(f"{reverse('review-item', args=[mine.submission_id])}?{query}")


def _back(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Return to the page that the form names, where it is one of ours, else to the submission's own."""
    address = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        return redirect(address)
    return redirect("submission-detail", pk)


def _visible(request: PersonRequest, pk: UUID) -> Submission:
    return get_object_or_404(Submission.objects.visible_to(request.user), pk=pk, revision_number__gte=1)


@require_POST
def lock(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Keep an item from being edited or decided."""
    submission = _visible(request, pk)
    try:
        locks.lock(submission=submission, by=request.user, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Locked. It is neither edited nor decided until it is unlocked."))
    return _back(request, pk)


@require_POST
def unlock(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Let an item be edited and decided again."""
    submission = _visible(request, pk)
    try:
        locks.unlock(submission=submission, by=request.user, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Unlocked."))
    return _back(request, pk)


@require_POST
def make_gold(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Make a submission a check with a known right decision."""
    submission = _visible(request, pk)
    form = GoldForm(request.POST)
    if not form.is_valid():
        for texts in form.errors.values():
            messages.error(request, " ".join(str(text) for text in texts))
        return redirect("submission-detail", pk)
    try:
        golds.make_gold(
            submission=submission,
            decision=form.cleaned_data["decision"],
            why=form.cleaned_data["why"],
            by=request.user,
            now=timezone.now(),
        )
    except ValidationError as error:
        for text in error.messages:
            messages.error(request, text)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("This is a check now. The queue mixes it in for reviewers who have not met it."))
    return redirect("submission-detail", pk)


@require_POST
def retire_gold(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Take a check out of the queues; the answers it got stay."""
    gold = get_object_or_404(GoldItem, submission=_visible(request, pk))
    try:
        golds.retire_gold(gold=gold, by=request.user, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Retired. The answers it got still count."))
    return redirect("submission-detail", pk)
