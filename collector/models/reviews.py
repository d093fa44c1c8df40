"""Reviews: one reviewer's decision on one revision, and the queue's leases."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from collector.models.campaigns import Category
from collector.models.people import Person
from collector.models.submissions import Revision, Submission


class ReviewReason(models.TextChoices):
    """Why a revision was not approved as it is."""

    UNCLEAR_INSTRUCTION = "unclear_instruction", _("The instruction is unclear")
    WRONG_CATEGORY = "wrong_category", _("It belongs to another category")
    INACCURATE = "inaccurate", _("Something is not correct")
    INCOMPLETE = "incomplete", _("The response leaves something out")
    TOO_SHORT = "too_short", _("Too short to learn from")
    NOT_FROM_CONTEXT = "not_from_context", _("The answer is not in the context")
    COPIED = "copied", _("Copied or generated text")
    PERSONAL_DATA = "personal_data", _("Personal or confidential data")
    LANGUAGE = "language", _("Language or spelling")
    DUPLICATE = "duplicate", _("We already have this one")
    OTHER = "other", _("Something else (see the comment)")


class ReviewQuerySet(models.QuerySet["Review"]):
    """Reviews by whether they still count."""

    def standing(self) -> ReviewQuerySet:
        """Those that were neither undone by their reviewer nor voided by a revocation."""
        return self.filter(voided_at=None)

    def readable_by(self, person: Person) -> ReviewQuerySet:
        """All but others' decisions on a text that independent reviewers are still deciding.

        Leads read everything about what is disputed: they have the last word.
        """
        unseen = Q(
            submission__campaign__reviews_per_item__gt=1,
            submission__status=Submission.Status.SUBMITTED,
            revision__number=F("submission__revision_number"),
        )
        if person.has_role("lead"):
            unseen &= Q(submission__disputed_at__isnull=True)
        return self.filter(~unseen | Q(reviewer=person))


class Review(models.Model):
    """A decision; kept for ever.

    ``voided_at`` says that its effect was taken away: by its reviewer's undo, or by an admin's revocation, as
    ``voided_by`` tells.
    """

    class Decision(models.TextChoices):
        """What a reviewer can decide."""

        APPROVE = "approve", _("Approve")
        REJECT = "reject", _("Reject")
        REQUEST_CHANGES = "request_changes", _("Request changes")

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="reviews")
    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="reviews")
    reviewer = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="reviews")
    # The author's id beside the reviewer's, so that the database itself refuses a review of one's own work.
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="reviews_received")
    decision = models.CharField(max_length=20, choices=Decision)
    reasons = models.JSONField(default=list, blank=True, help_text=_("Codes of ReviewReason."))
    rating = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text=_("Overall, 1 (poor) to 5 (excellent); the rounded mean of the two below where both are given."),
    )
    rating_instruction = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    rating_response = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("From the queue's handing the item out to the decision.")
    )
    # Decisions made by one act on the sheet, which are undone together.
    batch = models.UUIDField(null=True, blank=True, editable=False, db_index=True)
    is_last_word = models.BooleanField(
        default=False, help_text=_("A lead's decision where the independent reviewers disagreed.")
    )
    comment = models.TextField(blank=True)
    created_at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True, blank=True)
    voided_by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ("created_at", "pk")
        indexes = [models.Index(fields=["reviewer", "-created_at"], name="review_by_reviewer")]
        constraints = [
            models.CheckConstraint(name="review_not_of_own_work", condition=~Q(reviewer=F("author"))),
            models.CheckConstraint(
                name="review_decision_known",
                condition=Q(decision__in=["approve", "reject", "request_changes"]),
            ),
            models.CheckConstraint(
                name="review_rating_in_range",
                condition=Q(rating__isnull=True) | Q(rating__gte=1, rating__lte=5),
            ),
            models.CheckConstraint(
                name="review_part_ratings_in_range",
                condition=(Q(rating_instruction__isnull=True) | Q(rating_instruction__gte=1, rating_instruction__lte=5))
                & (Q(rating_response__isnull=True) | Q(rating_response__gte=1, rating_response__lte=5)),
            ),
            models.CheckConstraint(
                name="review_voided_by_somebody_at_a_time",
                condition=Q(voided_at__isnull=True, voided_by__isnull=True)
                | Q(voided_at__isnull=False, voided_by__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["revision", "reviewer"], condition=Q(voided_at=None), name="review_once_per_revision"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.decision} {self.revision_id}"

    @property
    def reason_labels(self) -> list[str]:
        """The reasons in words."""
        return [str(ReviewReason(code).label) for code in self.reasons if code in ReviewReason.values]


class ReviewLease(models.Model):
    """That the queue keeps an item for one reviewer until a time."""

    submission = models.OneToOneField(Submission, on_delete=models.CASCADE, related_name="lease")
    reviewer = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="lease")
    taken_at = models.DateTimeField(null=True, help_text=_("When the queue handed it out; renewals keep it."))
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.submission_id} {self.reviewer}"


class ReviewSkip(models.Model):
    """That a reviewer passed an item by: it comes last in their own queue."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="skips")
    reviewer = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="skips")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["submission", "reviewer"], name="review_skip_once")]

    def __str__(self) -> str:
        return f"{self.submission_id} {self.reviewer}"


class CannedReason(models.Model):
    """Words that reviewers need again and again: choosing one ticks its reason and puts its text into the comment."""

    category = models.ForeignKey(
        Category,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="canned_reasons",
        help_text=_("Empty: offered in every category."),
    )
    reason = models.CharField(max_length=30, choices=ReviewReason)
    label = models.CharField(max_length=60)
    text = models.TextField(help_text=_("What the author will read."))
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("position", "pk")
        constraints = [
            models.UniqueConstraint(fields=["category", "label"], name="canned_reason_label_once"),
            models.UniqueConstraint(fields=["label"], condition=Q(category=None), name="canned_reason_for_all_once"),
        ]

    def __str__(self) -> str:
        return self.label


class GoldItem(models.Model):
    """A decided submission whose right decision a lead has fixed; the queue mixes it in to measure reviewers."""

    submission = models.OneToOneField(Submission, on_delete=models.CASCADE, related_name="gold")
    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="+")
    decision = models.CharField(max_length=20, choices=Review.Decision, help_text=_("The right one."))
    why = models.TextField(help_text=_("The reviewer reads it after deciding."))
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("created_at", "pk")
        constraints = [
            models.CheckConstraint(
                name="gold_decision_known", condition=Q(decision__in=["approve", "reject", "request_changes"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.submission_id} {self.decision}"


class GoldAnswer(models.Model):
    """What a reviewer decided on a gold item: measures the reviewer, changes nothing about the submission."""

    gold = models.ForeignKey(GoldItem, on_delete=models.CASCADE, related_name="answers")
    reviewer = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="gold_answers")
    decision = models.CharField(max_length=20, choices=Review.Decision)
    reasons = models.JSONField(default=list, blank=True)
    rating_instruction = models.PositiveSmallIntegerField(null=True, blank=True)
    rating_response = models.PositiveSmallIntegerField(null=True, blank=True)
    comment = models.TextField(blank=True)
    seconds = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("created_at", "pk")
        constraints = [
            models.UniqueConstraint(fields=["gold", "reviewer"], name="gold_answered_once"),
            models.CheckConstraint(
                name="gold_answer_decision_known", condition=Q(decision__in=["approve", "reject", "request_changes"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reviewer} {self.decision}"

    @property
    def is_right(self) -> bool:
        """Whether it is the decision that the lead fixed."""
        return self.decision == self.gold.decision
