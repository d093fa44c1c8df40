"""Writing a pair: the page, its autosave, and what is sent."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from collector import queries
from collector.actions import drafts, passages
from collector.actions.campaigns import TermsNotAccepted, current_terms
from collector.errors import Refused
from collector.forms import PairForm, SkipForm
from collector.models import Campaign, Category, Draft, Passage, Submission
from collector.point_queries import worth_of_new
from collector.views.common import current_campaign, find_campaign, status_of
from collector.views.drafts import (
    chosen,
    draft_saved,
    draft_unreadable,
    require_same_person,
    save_refused,
    shown,
    typed,
)

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.views.common import PersonRequest


def _place(request: PersonRequest, slug: str) -> tuple[Campaign, Category]:
    """Return the campaign and category that the address and the form name, or 404."""
    named = find_campaign(request, request.POST.get("campaign", "")) if request.method == "POST" else None
    campaign = named or current_campaign(request)
    if campaign is None:
        raise Http404
    return campaign, get_object_or_404(campaign.categories, slug=slug)


@require_http_methods(["GET", "POST"])
def write(request: PersonRequest, category: str) -> HttpResponse:
    """Show the editor, or send what was written."""
    campaign, kind = _place(request, category)
    if request.method == "POST":
        return _received(request, campaign, kind)
    if not _has_accepted(request, campaign):
        return _to_terms(campaign, request.get_full_path())
    return _page(request, campaign, kind, _new_form(request, campaign, kind))


def _received(request: PersonRequest, campaign: Campaign, category: Category) -> HttpResponse:
    if "skip" in request.POST:
        return _skip(request, campaign, category)
    if "another" in request.POST or "own" in request.POST:
        return _on_other_source(request, campaign, category)
    if "take" in request.POST:
        return _page(request, campaign, category, chosen(request, _draft(request, category)))
    form = PairForm(request.POST)
    if form.is_valid():
        try:
            return _send(request, campaign, category, form)
        except ValidationError as error:
            form.add_refusal(error)
        except Refused as refused:
            other = getattr(refused, "draft", None)
            return _page(request, campaign, category, form, status_of(refused), refused=str(refused), other_draft=other)
    return _page(request, campaign, category, form, HTTPStatus.BAD_REQUEST)


def _skip(request: PersonRequest, campaign: Campaign, category: Category) -> HttpResponse:
    """Note the reason and bring another passage; what was typed stays."""
    form = SkipForm(request.POST)
    passage = queries.find_passage(request.POST.get("passage", ""))
    if passage is not None:
        if not form.is_valid():
            as_typed = PairForm(initial=typed(request))
            return _page(request, campaign, category, as_typed, HTTPStatus.BAD_REQUEST, skip_form=form)
        passages.skip_passage(
            passage=passage,
            campaign=campaign,
            category=category,
            reason=form.cleaned_data["reason"],
            note=form.cleaned_data["note"],
            by=request.user,
            now=timezone.now(),
        )
    return _on_other_source(request, campaign, category)


def _send(request: PersonRequest, campaign: Campaign, category: Category, form: PairForm) -> HttpResponse:
    require_same_person(request)
    if "save" in request.POST:
        number = _keep(request, campaign, category, form).submission_id
        messages.success(request, _("Your draft is saved. Come back to it any time from the start page."))
        return redirect(_continue_at(campaign, category, number))
    try:
        submission = drafts.submit_draft(
            id=form.cleaned_data["id"],
            campaign=campaign,
            category=category,
            text=form.text,
            version=form.cleaned_data["version"] or 0,
            by=request.user,
            now=timezone.now(),
            passage=_passage(form),
            source_title=form.cleaned_data["source_title"],
            source_url=form.cleaned_data["source_url"],
            pasted=form.pasted,
        )
    except TermsNotAccepted:
        number = _keep(request, campaign, category, form).submission_id
        return _to_terms(campaign, _continue_at(campaign, category, number))
    return redirect(f"{reverse('submission-detail', args=[submission.pk])}?sent=1")


@require_POST
def autosave(request: PersonRequest, category: str) -> JsonResponse:
    """Keep what is being typed; 409 answers with the newer text, so that both can be shown."""
    campaign, kind = _place(request, category)
    form = PairForm(request.POST)
    if not form.is_valid():
        return draft_unreadable(form)
    try:
        require_same_person(request)
        return draft_saved(_keep(request, campaign, kind, form))
    except ValidationError as error:
        form.add_refusal(error)
        return draft_unreadable(form)
    except Refused as refused:
        return save_refused(refused)


def _keep(request: PersonRequest, campaign: Campaign, category: Category, form: PairForm) -> Draft:
    return drafts.save_draft(
        id=form.cleaned_data["id"],
        campaign=campaign,
        category=category,
        text=form.text,
        version=form.cleaned_data["version"] or 0,
        by=request.user,
        now=timezone.now(),
        passage=_passage(form),
        pasted=form.pasted,
    )


def _passage(form: PairForm) -> Passage | None:
    """The passage, as long as the context is still taken from it; an own text has its own source."""
    passage = queries.find_passage(form.cleaned_data["passage"])
    context = form.text.context.strip()
    return passage if passage is not None and context and context in passage.text else None


def _has_accepted(request: PersonRequest, campaign: Campaign) -> bool:
    terms = current_terms(campaign)
    return terms is not None and terms.acceptances.filter(person=request.user).exists()


def _to_terms(campaign: Campaign, then: str) -> HttpResponse:
    return redirect(f"{reverse('terms', args=[campaign.slug])}?{urlencode({'next': then})}")


def _continue_at(campaign: Campaign, category: Category, number: uuid.UUID) -> str:
    query = urlencode({"draft": str(number), "campaign": campaign.slug})
    return f"{reverse('write', args=[category.slug])}?{query}"


def _new_form(request: PersonRequest, campaign: Campaign, category: Category) -> PairForm:
    draft = _draft(request, category)
    if draft is not None:
        passage = draft.submission.passage
        where = {"id": draft.submission_id, "version": draft.version, "passage": passage.slug if passage else ""}
        return PairForm(initial=shown(draft) | where)
    initial: dict[str, Any] = {"id": uuid.uuid4(), "version": 0}
    if campaign.more_languages:
        initial["language"] = queries.last_language(campaign=campaign, person=request.user)
    if category.context != Category.Context.NONE:
        asked_for = queries.find_passage(request.GET.get("passage", ""))
        if asked_for is None and category.context == Category.Context.REQUIRED:
            asked_for = queries.pick_passage(campaign=campaign, person=request.user, category=category)
        initial |= _from_passage(asked_for)
    return PairForm(initial=initial)


def _from_passage(passage: Passage | None) -> dict[str, str]:
    return {"context": passage.text, "passage": passage.slug} if passage is not None else {}


def _on_other_source(request: PersonRequest, campaign: Campaign, category: Category) -> HttpResponse:
    """Show the form as it was typed, on another passage or on the person's own text."""
    initial = typed(request)
    before = queries.find_passage(str(initial.get("passage", "")))
    context = str(initial.get("context", "")).replace("\r\n", "\n").strip()
    is_own = bool(context) and (before is None or context not in before.text)
    if not is_own:
        initial["context"] = ""
    initial["passage"] = ""
    notice = ""
    if "own" not in request.POST:
        other_than = before.slug if before is not None else ""
        found = queries.pick_passage(campaign=campaign, person=request.user, category=category, other_than=other_than)
        if found is None:
            notice = _(
                "There is no other passage for you in this campaign. Use your own text, and say where it is from."
            )
            if "another" in request.POST and before is not None:
                initial |= {"passage": before.slug, "context": request.POST.get("context", "")}
        elif is_own:
            notice = _("Your own context was kept, so no passage was put in its place. Clear it to get one.")
        else:
            initial |= _from_passage(found)
    return _page(request, campaign, category, PairForm(initial=initial), notice=notice)


def _draft(request: PersonRequest, category: Category) -> Draft | None:
    try:
        number = uuid.UUID(request.POST.get("id") or request.GET.get("draft", ""))
    except ValueError:
        return None
    mine = Draft.objects.filter(submission__author=request.user, submission__status=Submission.Status.DRAFT)
    return mine.filter(submission=number, submission__category=category).select_related("submission__passage").first()


def _page(
    request: PersonRequest, campaign: Campaign, category: Category, form: PairForm, status: int = 200, **extra: Any
) -> HttpResponse:
    context = {
        "campaign": campaign,
        "category": category,
        "form": form,
        "passage": queries.find_passage(str(form["passage"].value() or "")),
        "skip_form": SkipForm(),
        "worth": worth_of_new(campaign=campaign, category=category, id=form["id"].value(), person=request.user),
        "uses_context": category.context != Category.Context.NONE or bool(form["context"].value()),
        "is_sent": request.method == "POST",
    }
    return render(request, "collector/write.html", context | extra, status=status)
