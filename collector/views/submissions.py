"""One submission: what it says, its history, editing and withdrawing it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector import history_queries, queries
from collector.actions import drafts, submissions
from collector.errors import Refused
from collector.forms import CommentForm, PairForm
from collector.models import Category, Draft, Submission
from collector.views.common import status_of
from collector.views.drafts import chosen, draft_saved, draft_unreadable, save_refused, shown
from ui.partials import render_partial_response

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse, JsonResponse

    from collector.views.common import PersonRequest


@require_safe
def detail(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Show a submission to its author, to reviewers and to leads; it does not exist for anybody else."""
    return detail_page(request, find_visible(request, pk))


def find_visible(request: PersonRequest, pk: UUID) -> Submission:
    """Return the submission with what its page needs, or answer 404 to who may not read it."""
    visible = Submission.objects.visible_to(request.user).select_related(
        "category", "campaign", "author", "draft", "terms", "passage", "locked_by"
    )
    return get_object_or_404(visible, pk=pk)


def detail_page(
    request: PersonRequest,
    submission: Submission,
    *,
    form: CommentForm | None = None,
    is_sent: bool = False,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """Render a submission's page, or for htmx its thread.

    Args:
        form: a message that was refused, to be shown again.
        is_sent: a message was just added.
    """
    is_mine = submission.author_id == request.user.pk
    revisions = list(submission.revisions.order_by("-number"))
    draft = getattr(submission, "draft", None) if is_mine else None
    context = {
        "submission": submission,
        "text": revisions[0] if revisions else draft,
        "history": history_queries.history(submission, request.user, revisions),
        "is_mine": is_mine,
        "draft": draft,
        "form": form or CommentForm(),
        "is_sent": is_sent,
        "points": sum(submission.awards.filter(person=request.user).values_list("points", flat=True)),
    }
    if "sent" in request.GET and is_mine and submission.status == Submission.Status.SUBMITTED:
        context["sent"] = queries.after_sending(submission, timezone.now())
    return render_partial_response(
        request, "collector/submission_detail.html", context, {"thread": "thread"}, status=status
    )


def _own(request: PersonRequest, pk: UUID) -> Submission:
    return get_object_or_404(Submission.objects.by(request.user).select_related("category", "campaign", "draft"), pk=pk)


@require_http_methods(["GET", "POST"])
def edit(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Open a submission for editing, or send the new text."""
    submission = _own(request, pk)
    if submission.status == Submission.Status.DRAFT:
        query = urlencode({"draft": str(submission.pk), "campaign": submission.campaign.slug})
        return redirect(f"{reverse('write', args=[submission.category.slug])}?{query}")
    if "take" in request.POST:
        return _editor(request, submission, chosen(request, getattr(submission, "draft", None)))
    if request.method == "POST":
        return _received(request, submission)
    if not submission.is_editable:
        messages.error(request, _("A rejected or withdrawn submission can't be edited. Write a new one instead."))
        return redirect("submission-detail", pk)
    return _editor(request, submission, _opened(submission))


def _received(request: PersonRequest, submission: Submission) -> HttpResponse:
    form = PairForm(request.POST)
    if not form.is_valid():
        return _editor(request, submission, form, HTTPStatus.BAD_REQUEST)
    try:
        return _resend(request, submission, form)
    except ValidationError as error:
        form.add_refusal(error)
        return _editor(request, submission, form, HTTPStatus.BAD_REQUEST)
    except Refused as refused:
        other = getattr(refused, "draft", None)
        return _editor(request, submission, form, status_of(refused), refused=str(refused), other_draft=other)


def _resend(request: PersonRequest, submission: Submission, form: PairForm) -> HttpResponse:
    if "save" in request.POST:
        _keep(request, submission, form)
        messages.success(request, _("Your edit is saved; reviewers see it once you resubmit."))
        return redirect("submission-edit", submission.pk)
    drafts.resubmit_edit(
        submission=submission,
        base_revision=form.cleaned_data["base_revision"] or 0,
        text=form.text,
        version=form.cleaned_data["version"] or 0,
        pasted=form.pasted,
        by=request.user,
        now=timezone.now(),
    )
    messages.success(request, _("Resubmitted. A reviewer will read the new version."))
    return redirect("submission-detail", submission.pk)


def _keep(request: PersonRequest, submission: Submission, form: PairForm) -> Draft:
    return drafts.save_edit(
        submission=submission,
        base_revision=form.cleaned_data["base_revision"] or 0,
        text=form.text,
        version=form.cleaned_data["version"] or 0,
        pasted=form.pasted,
        by=request.user,
        now=timezone.now(),
    )


def _opened(submission: Submission) -> PairForm:
    """The edit in progress, or what the submission says; nothing is written by looking."""
    draft: Draft | None = getattr(submission, "draft", None)
    text = draft or submission.revisions.get(number=submission.revision_number)
    return PairForm(
        initial=shown(text)
        | {
            "id": submission.pk,
            "version": draft.version if draft else 0,
            "base_revision": submission.revision_number,
        }
    )


def _editor(
    request: PersonRequest, submission: Submission, form: PairForm, status: int = 200, **extra: Any
) -> HttpResponse:
    category = submission.category
    context = {
        "submission": submission,
        "category": category,
        "campaign": submission.campaign,
        "form": form,
        "uses_context": category.context != Category.Context.NONE or bool(form["context"].value()),
        "review": submission.reviews.standing().readable_by(request.user).order_by("-created_at", "-pk").first(),
        "is_sent": request.method == "POST",
    }
    return render(request, "collector/submission_edit.html", context | extra, status=status)


@require_POST
def autosave(request: PersonRequest, pk: UUID) -> JsonResponse:
    """Keep an edit that is being typed."""
    submission = _own(request, pk)
    form = PairForm(request.POST)
    if not form.is_valid():
        return draft_unreadable(form)
    try:
        return draft_saved(_keep(request, submission, form))
    except ValidationError as error:
        form.add_refusal(error)
        return draft_unreadable(form)
    except Refused as refused:
        return save_refused(refused)


@require_POST
def discard(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Throw an unsent text away."""
    submission = _own(request, pk)
    drafts.discard_draft(submission=submission, by=request.user, now=timezone.now())
    messages.success(request, _("The draft is gone."))
    return redirect("mine")


@require_POST
def withdraw(request: PersonRequest, pk: UUID) -> HttpResponse:
    """Take a submission back."""
    submission = _own(request, pk)
    submissions.withdraw(submission=submission, by=request.user, now=timezone.now())
    messages.success(request, _("Withdrawn. Later releases leave it out; its points were taken back."))
    return redirect("submission-detail", pk)
