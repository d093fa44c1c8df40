"""Submissions, what they said at each moment, and their history."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q, Subquery
from django.db.models.fields.tuple_lookups import Tuple, TupleIn
from django.utils.translation import gettext_lazy as _

from collector.models.campaigns import Campaign, Category, Licence, Passage, Terms
from collector.models.people import Person

if TYPE_CHECKING:
    from datetime import datetime


class ImportBatch(models.Model):
    """One run of ``import_dataset``."""

    file_name = models.CharField(max_length=255)
    format = models.CharField(max_length=20)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="imports")
    by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="+")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    added = models.PositiveIntegerField(default=0)
    repeated = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("-started_at",)
        verbose_name_plural = "import batches"

    def __str__(self) -> str:
        return self.file_name


class SubmissionQuerySet(models.QuerySet["Submission"]):
    """Submissions by who may see or decide them."""

    def by(self, person: Person) -> SubmissionQuerySet:
        """Those the person wrote."""
        return self.filter(author=person)

    def approved(self) -> SubmissionQuerySet:
        """Those that a release may hold."""
        return self.filter(status=Submission.Status.APPROVED)

    def awaiting_review(self) -> SubmissionQuerySet:
        """Those whose current revision waits for a decision, in campaigns that are open."""
        # A subquery and no join: SQLite would begin at the campaigns and then sort every waiting submission.
        open_ones = Campaign.objects.open().order_by().values("pk")
        return self.filter(status=Submission.Status.SUBMITTED, campaign__in=open_ones)

    def reviewable_by(self, person: Person, now: datetime) -> SubmissionQuerySet:
        """Those the person may decide now: not their own, not yet decided by them, not locked or leased to another.

        What reviewers disagree on is for leads.
        """
        from collector.models.reviews import ReviewLease  # which knows this module

        # Lists that don't depend on the row, and no joins of the large tables: where its statistics are from a time of
        # few, PostgreSQL pairs each waiting item with each lease, review or revision, and the queue costs the product.
        leased = ReviewLease.objects.filter(expires_at__gt=now).exclude(reviewer=person).values("submission")
        imported = ImportBatch.objects.filter(by=person).order_by().values("pk")
        decided = person.reviews.filter(voided_at=None).order_by().values("submission", "revision__number")
        rows = (
            self.awaiting_review()
            .filter(locked_at=None)
            .exclude(author=person)
            .exclude(import_batch__in=imported)
            .exclude(pk__in=leased)
            .exclude(TupleIn(Tuple("pk", "revision_number"), Subquery(decided)))
        )
        return rows if person.has_role("lead") else rows.filter(disputed_at=None)

    def visible_to(self, person: Person) -> SubmissionQuerySet:
        """Those the person may read: their own, and for reviewers and leads whatever has been submitted."""
        if person.has_role("reviewer") or person.has_role("lead"):
            return self.filter(Q(author=person) | Q(revision_number__gte=1))
        return self.filter(author=person)


class Submission(models.Model):
    """One instruction, context and response by one author, through all its revisions."""

    class Status(models.TextChoices):
        """draft → submitted → approved | rejected | changes_requested → submitted …; withdrawn at any time."""

        DRAFT = "draft", _("Draft")
        SUBMITTED = "submitted", _("Waiting for review")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        CHANGES_REQUESTED = "changes_requested", _("Changes requested")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="submissions")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="submissions")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="submissions")
    passage = models.ForeignKey(Passage, null=True, blank=True, on_delete=models.PROTECT, related_name="submissions")
    terms = models.ForeignKey(Terms, null=True, blank=True, on_delete=models.PROTECT, related_name="submissions")
    status = models.CharField(max_length=20, choices=Status, default=Status.DRAFT)
    revision_number = models.PositiveIntegerField(default=0, help_text=_("The current revision; 0 while a draft."))
    licence = models.CharField(max_length=40, choices=Licence, default=Licence.CC_BY_SA_4)
    source_title = models.CharField(max_length=300, blank=True)
    source_url = models.CharField(max_length=1000, blank=True)
    import_batch = models.ForeignKey(
        ImportBatch, null=True, blank=True, on_delete=models.PROTECT, related_name="submissions"
    )
    import_fingerprint = models.CharField(max_length=64, blank=True, editable=False)
    disputed_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When independent reviewers disagreed; a lead has the last word.")
    )
    locked_at = models.DateTimeField(null=True, blank=True, help_text=_("Locked: neither edited nor decided."))
    locked_by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    # Fixed when its author begins to write, so that what the card promised is what is paid.
    rule_version = models.PositiveIntegerField(default=1, help_text=_("The point rules it is paid by."))
    lacking_percent = models.PositiveSmallIntegerField(
        default=0, help_text=_("How much of the category's target the campaign lacked when it was begun.")
    )
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True, blank=True, help_text=_("When the current revision was submitted."))
    approved_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField()

    objects = SubmissionQuerySet.as_manager()

    class Meta:
        ordering = ("-updated_at", "id")
        indexes = [
            models.Index(fields=["status", "submitted_at", "id"], name="submission_queue"),
            models.Index(fields=["author", "-updated_at"], name="submission_mine"),
            # With what the queue sorts by, so that the oldest of a category is its first row.
            models.Index(
                fields=["campaign", "category", "status", "submitted_at", "id"], name="submission_composition"
            ),
            models.Index(fields=["disputed_at"], condition=Q(disputed_at__isnull=False), name="submission_disputed"),
            models.Index(fields=["author", "-submitted_at"], name="submission_by_day"),
        ]
        constraints = [
            models.CheckConstraint(
                name="submission_status_known",
                condition=Q(
                    status__in=[
                        "draft",
                        "submitted",
                        "approved",
                        "rejected",
                        "changes_requested",
                        "withdrawn",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="submission_has_a_revision_once_submitted",
                condition=(
                    Q(status="draft", revision_number=0)
                    | Q(status="withdrawn")
                    | Q(revision_number__gte=1) & ~Q(status="draft")
                ),
            ),
            models.CheckConstraint(
                name="submission_submitted_at_goes_with_a_revision",
                condition=Q(revision_number=0, submitted_at__isnull=True)
                | Q(revision_number__gte=1, submitted_at__isnull=False),
            ),
            models.CheckConstraint(
                name="submission_approved_at_goes_with_approved",
                condition=Q(status="approved", approved_at__isnull=False)
                | ~Q(status="approved") & Q(approved_at__isnull=True),
            ),
            models.CheckConstraint(
                name="submission_terms_accepted_unless_imported",
                condition=Q(status="draft")
                | Q(status="withdrawn")
                | Q(terms__isnull=False)
                | Q(import_batch__isnull=False),
            ),
            models.CheckConstraint(
                name="submission_disputed_only_while_waiting",
                condition=Q(disputed_at__isnull=True) | Q(status="submitted"),
            ),
            models.CheckConstraint(name="submission_lacking_in_range", condition=Q(lacking_percent__lte=100)),
            models.CheckConstraint(
                name="submission_locked_by_somebody_at_a_time",
                condition=Q(locked_at__isnull=True, locked_by__isnull=True)
                | Q(locked_at__isnull=False, locked_by__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["campaign", "import_fingerprint"],
                condition=~Q(import_fingerprint=""),
                name="submission_imported_once",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def shows_author_to(self, person: Person) -> bool:
        """Whether the person may know who wrote it: in a blind campaign its author and leads only."""
        return self.author_id == person.pk or not self.campaign.is_blind or person.has_role("lead")

    @property
    def is_editable(self) -> bool:
        """Whether the author may change the text (rejection and withdrawal are final)."""
        return self.status in {
            self.Status.DRAFT,
            self.Status.SUBMITTED,
            self.Status.CHANGES_REQUESTED,
            self.Status.APPROVED,
        }


class Revision(models.Model):
    """What a submission said at one moment; never changed."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    instruction = models.TextField()
    context = models.TextField(blank=True)
    response = models.TextField()
    language = models.CharField(max_length=35)
    fingerprint = models.CharField(
        max_length=64, db_index=True, help_text=_("Equal for duplicates; see collector.text.")
    )
    instruction_fingerprint = models.CharField(max_length=64, db_index=True)
    # Counted once: composition, budgets and insights read a few numbers then, never the texts.
    instruction_words = models.PositiveIntegerField(default=0)
    context_words = models.PositiveIntegerField(default=0)
    response_words = models.PositiveIntegerField(default=0)
    pasted_count = models.PositiveIntegerField(
        default=0, help_text=_("How often something was pasted into the response.")
    )
    pasted_characters = models.PositiveIntegerField(default=0, help_text=_("How many characters that was in all."))
    flags = models.JSONField(
        null=True, blank=True, help_text=_("Codes of collector.checks that were found; null: not checked yet.")
    )
    # The author, or the reviewer who suggested this text.
    created_by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("submission", "number")
        constraints = [
            models.UniqueConstraint(fields=["submission", "number"], name="revision_number_once"),
            models.CheckConstraint(name="revision_number_from_one", condition=Q(number__gte=1)),
        ]

    def __str__(self) -> str:
        return f"{self.submission_id} r{self.number}"

    @property
    def pasted_share(self) -> float:
        """What part of the response was pasted, from 0 to 1, measured in characters."""
        return min(1.0, self.pasted_characters / max(1, len(self.response)))


class Draft(models.Model):
    """The text an author is working on, saved as they type; gone once submitted.

    ``version`` grows with each save: a save that names an older one is refused, so that two tabs can't overwrite
    each other.
    """

    submission = models.OneToOneField(Submission, on_delete=models.CASCADE, related_name="draft")
    instruction = models.TextField(blank=True)
    context = models.TextField(blank=True)
    response = models.TextField(blank=True)
    language = models.CharField(max_length=35, blank=True, help_text=_("As chosen; blank where none is asked."))
    pasted_count = models.PositiveIntegerField(default=0)
    pasted_characters = models.PositiveIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.submission_id} v{self.version}"


class EventQuerySet(models.QuerySet["Event"]):
    """Events by who may read them."""

    def readable_by(self, person: Person) -> EventQuerySet:
        """All but what others decided on a text that independent reviewers are still deciding.

        Leads read everything about what is disputed: they have the last word.
        """
        unseen = Q(
            kind__in=[Event.Kind.REVIEWED, Event.Kind.UNDONE],
            submission__campaign__reviews_per_item__gt=1,
            submission__status=Submission.Status.SUBMITTED,
            revision_number=F("submission__revision_number"),
        )
        if person.has_role("lead"):
            unseen &= Q(submission__disputed_at__isnull=True)
        return self.filter(~unseen | Q(by=person))


class Event(models.Model):
    """One line of a submission's history, written in the transaction that made it true; append-only."""

    class Kind(models.TextChoices):
        """What happened."""

        SUBMITTED = "submitted", _("Submitted")
        RESUBMITTED = "resubmitted", _("Resubmitted")
        REVIEWED = "reviewed", _("Reviewed")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        TAKEN_OUT = "taken_out", _("Taken out at a person's request")
        REVOKED = "revoked", _("Approval revoked")
        IMPORTED = "imported", _("Imported")
        EDITED = "edited", _("Edited by a reviewer")
        DISPUTED = "disputed", _("Reviewers disagreed")
        UNDONE = "undone", _("Decision undone")
        LOCKED = "locked", _("Locked")
        UNLOCKED = "unlocked", _("Unlocked")

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind)
    by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    revision_number = models.PositiveIntegerField()
    status_before = models.CharField(max_length=20, choices=Submission.Status)
    status_after = models.CharField(max_length=20, choices=Submission.Status)
    review = models.OneToOneField(
        "collector.Review", null=True, blank=True, on_delete=models.PROTECT, related_name="event"
    )
    note = models.TextField(blank=True)

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ("submission", "at", "pk")
        constraints = [
            models.CheckConstraint(
                name="event_review_goes_with_reviewed",
                condition=Q(kind="reviewed", review__isnull=False) | ~Q(kind="reviewed") & Q(review__isnull=True),
            ),
            models.CheckConstraint(
                name="event_known",
                condition=Q(
                    kind__in=[
                        "submitted",
                        "resubmitted",
                        "reviewed",
                        "withdrawn",
                        "taken_out",
                        "revoked",
                        "imported",
                        "edited",
                        "disputed",
                        "undone",
                        "locked",
                        "unlocked",
                    ]
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.submission_id}"


# Used by queries: the revision that a submission stands for now.
CURRENT_REVISION = Q(number=F("submission__revision_number"))
