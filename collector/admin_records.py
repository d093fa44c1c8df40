"""The admin's pages for what the rules of review decide: to look at, never to touch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from collector.actions import gold, locks
from collector.actions.blanking import blank_texts
from collector.actions.reviews import revoke_approval
from collector.actions.submissions import take_out
from collector.admin_base import AUDIT_TEXT, Act, Acting, ExactTextField, Untouchable, audit, person_of
from collector.models import (
    AuditEntry,
    Award,
    Event,
    GoldAnswer,
    GoldItem,
    ImportBatch,
    PassageSkip,
    Person,
    PointRules,
    Review,
    Revision,
    Role,
    Submission,
)

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse


class RevisionInline(Untouchable, admin.StackedInline[Revision, Submission]):
    """What the submission said."""

    model = Revision
    extra = 0
    fields = ("number", "instruction", "context", "response", "language", "created_at")


class ReviewInline(Untouchable, admin.TabularInline[Review, Submission]):
    """What reviewers said."""

    model = Review
    extra = 0
    fields = (
        *("reviewer", "decision", "is_last_word", "rating", "rating_instruction", "rating_response"),
        *("reasons", "comment", "seconds", "created_at", "voided_at", "voided_by"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Review]:
        """Read the reviewers along."""
        return super().get_queryset(request).select_related("reviewer", "revision", "voided_by")


class EventInline(Untouchable, admin.TabularInline[Event, Submission]):
    """What happened to it."""

    model = Event
    extra = 0
    fields = ("at", "kind", "by", "revision_number", "status_before", "status_after", "note")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        """Read the people along."""
        return super().get_queryset(request).select_related("by")


class ReasonForm(forms.Form):
    """Why."""

    reason = ExactTextField(label=gettext_lazy("Reason; the author will read it"), widget=forms.Textarea)


class TakeOutForm(ReasonForm):
    """Why, and whether its words go too."""

    blank = forms.BooleanField(
        label=gettext_lazy("Blank its words, too"),
        required=False,
        help_text=gettext_lazy(
            "In all its revisions, its messages and its reviews. What a version holds stays as it was frozen."
        ),
    )


class GoldForm(forms.Form):
    """The right decision, and why."""

    decision = forms.ChoiceField(label=gettext_lazy("The right decision"), choices=Review.Decision.choices)
    why = ExactTextField(label=gettext_lazy("Why; the reviewer reads it after deciding"), widget=forms.Textarea)


@admin.register(Submission)
class SubmissionAdmin(Untouchable, Acting):
    """What was submitted, to lock, to measure reviewers with, or to take an approval back."""

    list_display = ("id", "campaign", "category", "author", "status", "revision_number", "submitted_at")
    list_filter = ("status", "campaign", "category")
    list_select_related = ("campaign", "category", "author")
    search_fields = ("author__handle", "author__display_name", "source_title")
    show_full_result_count = False
    inlines = (RevisionInline, ReviewInline, EventInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave first drafts to their authors."""
        return super().get_queryset(request).filter(revision_number__gte=1)

    def acts(self, request: HttpRequest, item: Any) -> list[Act]:
        """Offer what the person may do to it in its present state."""
        person = person_of(request)
        if not person.has_role(Role.LEAD):
            return []
        found = []
        if item.status == Submission.Status.APPROVED and person.has_role(Role.ADMIN):
            found.append(self.act(item, "revoke", _("Revoke approval")))
        if item.status != Submission.Status.WITHDRAWN and person.has_role(Role.ADMIN):
            found.append(self.act(item, "take-out", _("Take out at a person's request")))
        if item.locked_at is not None:
            found.append(self.act(item, "unlock", _("Unlock")))
        elif item.status != Submission.Status.WITHDRAWN:
            found.append(self.act(item, "lock", _("Lock")))
        if item.status in gold.DECIDED and not GoldItem.objects.filter(submission=item, retired_at=None).exists():
            found.append(self.act(item, "gold", _("Make a gold item")))
        return found

    def get_urls(self) -> list[Any]:
        """Add a page for each act."""
        views = {
            "revoke": self.revoke_view,
            "take-out": self.take_out_view,
            "lock": self.lock_view,
            "unlock": self.unlock_view,
            "gold": self.gold_view,
        }
        return [*(self.act_path(name, view) for name, view in views.items()), *super().get_urls()]

    def lock_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Keep a record as it is."""
        return self.run_act(
            request,
            object_id,
            explanation=_("It is neither edited nor decided until it is unlocked; its author can still withdraw it."),
            form=forms.Form(request.POST or None),
            do=lambda item, _fields: locks.lock(submission=item, by=person_of(request), now=timezone.now()),
        )

    def unlock_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let a record be changed again."""
        return self.run_act(
            request,
            object_id,
            explanation=_("It can be edited and decided again."),
            form=forms.Form(request.POST or None),
            do=lambda item, _fields: locks.unlock(submission=item, by=person_of(request), now=timezone.now()),
        )

    def gold_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Fix the right decision, to measure reviewers with it."""
        return self.run_act(
            request,
            object_id,
            explanation=_("The queue shows it to reviewers as if it waited, at the rate that the campaign sets."),
            form=GoldForm(request.POST or None),
            do=lambda item, fields: gold.make_gold(
                submission=item,
                decision=fields["decision"],
                why=fields["why"],
                by=person_of(request),
                now=timezone.now(),
            ),
        )

    def revoke_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take an approval back."""
        return self.run_act(
            request,
            object_id,
            explanation=_(
                "The pair waits for review again; the points of its author and its approvers are taken back."
            ),
            form=ReasonForm(request.POST or None),
            do=lambda item, fields: revoke(item, reason=fields["reason"], by=person_of(request)),
        )

    def take_out_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a submission out for somebody."""
        return self.run_act(
            request,
            object_id,
            explanation=_(
                "Later dataset versions leave it out and name it in CHANGES.md; its points are taken back. "
                "Versions that hold it stay as they are: withdraw them where they must not be had any longer. "
                "This can't be undone."
            ),
            form=TakeOutForm(request.POST or None),
            do=lambda item, fields: taken_out(
                item, reason=fields["reason"], blank=fields["blank"], by=person_of(request)
            ),
        )


@transaction.atomic
def taken_out(submission: Submission, *, reason: str, blank: bool, by: Person) -> None:
    """Take a submission out, its words too where asked, and record it beside its own history."""
    gone = take_out(submission=submission, reason=reason, by=by, now=timezone.now())
    if blank:
        blank_texts(submission=gone, by=by, now=timezone.now())
    audit(verb="taken_out", target=submission, by=by, detail={"reason": reason[:AUDIT_TEXT]})


def revoke(submission: Submission, *, reason: str, by: Person) -> None:
    """Revoke an approval and record it beside the submission's own history."""
    revoke_approval(submission=submission, reason=reason, by=by, now=timezone.now())
    audit(verb="revoked", target=submission, by=by, detail={"reason": reason[:AUDIT_TEXT]})


class ToLookAt(Untouchable, admin.ModelAdmin[models.Model]):
    """Rows that only actions write."""

    show_full_result_count = False


@admin.register(Revision)
class RevisionAdmin(ToLookAt):
    """What submissions said."""

    list_display = ("submission", "number", "language", "created_by", "created_at")
    list_select_related = ("submission", "created_by")


@admin.register(Review)
class ReviewAdmin(ToLookAt):
    """Decisions."""

    list_display = ("submission", "reviewer", "decision", "rating", "created_at", "voided_at")
    list_filter = ("decision",)
    list_select_related = ("submission", "reviewer")
    search_fields = ("reviewer__handle", "reviewer__display_name")


@admin.register(GoldItem)
class GoldItemAdmin(Untouchable, Acting):
    """Decided submissions that measure reviewers; made on the submission's page, retired here."""

    list_display = ("submission", "decision", "created_by", "created_at", "retired_at")
    list_filter = ("decision",)
    list_select_related = ("submission", "created_by")
    show_full_result_count = False

    def acts(self, request: HttpRequest, item: Any) -> list[Act]:
        """Offer to take it out of use."""
        is_possible = item.retired_at is None and person_of(request).has_role(Role.LEAD)
        return [self.act(item, "retire", _("Retire"))] if is_possible else []

    def get_urls(self) -> list[Any]:
        """Add the page for retiring."""
        return [self.act_path("retire", self.retire_view), *super().get_urls()]

    def retire_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take it out of the queues."""
        return self.run_act(
            request,
            object_id,
            explanation=_("No queue shows it any more. The answers so far stay in the statistics."),
            form=forms.Form(request.POST or None),
            do=lambda item, _fields: gold.retire_gold(gold=item, by=person_of(request), now=timezone.now()),
        )


@admin.register(GoldAnswer)
class GoldAnswerAdmin(ToLookAt):
    """What reviewers decided on gold items."""

    list_display = ("gold", "reviewer", "decision", "is_right", "seconds", "created_at")
    list_filter = ("decision",)
    list_select_related = ("gold", "reviewer")
    search_fields = ("reviewer__handle", "reviewer__display_name")


@admin.register(PassageSkip)
class PassageSkipAdmin(ToLookAt):
    """Passages that contributors passed by, and why."""

    list_display = ("passage", "reason", "note", "person", "category", "at")
    list_filter = ("reason", "campaign", "category")
    list_select_related = ("passage", "person", "category")
    search_fields = ("passage__title", "note")


@admin.register(Award)
class AwardAdmin(ToLookAt):
    """The ledger of points."""

    list_display = ("person", "points", "reason", "campaign", "category", "created_at")
    list_filter = ("reason", "campaign", "category")
    list_select_related = ("person", "campaign", "category")
    search_fields = ("person__handle", "person__display_name")


@admin.register(PointRules)
class PointRulesAdmin(ToLookAt):
    """The versions of the point rules; leads publish them on the leaderboard's own page."""

    list_display = ("number", "published_at", "published_by", "note")
    list_select_related = ("published_by",)


@admin.register(Event)
class EventAdmin(ToLookAt):
    """The history of submissions."""

    list_display = ("at", "kind", "by", "submission", "status_before", "status_after")
    list_filter = ("kind",)
    list_select_related = ("by", "submission")


@admin.register(ImportBatch)
class ImportBatchAdmin(ToLookAt):
    """Runs of ``import_dataset``."""

    list_display = ("file_name", "format", "campaign", "by", "started_at", "added", "repeated", "rejected")
    list_select_related = ("campaign", "by")


@admin.register(AuditEntry)
class AuditEntryAdmin(ToLookAt):
    """Who did what, for admins."""

    viewer = Role.ADMIN
    list_display = ("at", "by", "verb", "target")
    list_filter = ("verb",)
    list_select_related = ("by",)
    search_fields = ("target", "verb")
