"""The ledger of points: append-only, a revocation is a negative row."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from collector.models.campaigns import Campaign, Category
from collector.models.people import Person
from collector.models.reviews import Review
from collector.models.submissions import Submission

_GAIN = Q(reason__in=["approved", "reviewed"])
_LOSS = Q(reason="overturned")


class Award(models.Model):
    """Points for a person, for a reason, at a time.

    The deciding review is the ground of each award, so an award can't be given twice for the same thing; a
    revocation names the award it takes back, at most once. A decision that was overturned is a loss of its own, on
    the ground of the review that overturned it (or of the decision itself, where an admin revoked the approval).
    """

    class Reason(models.TextChoices):
        """What was rewarded."""

        APPROVED = "approved", _("Submission approved")
        REVIEWED = "reviewed", _("Review given")
        OVERTURNED = "overturned", _("Decision overturned")

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="awards")
    points = models.IntegerField()
    reason = models.CharField(max_length=20, choices=Reason)
    rule_version = models.PositiveIntegerField(default=1)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="awards")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="awards")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="awards")
    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="awards")
    detail = models.JSONField(default=dict, help_text=_("What the points were reckoned from; see collector.points."))
    revokes = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="revoked_by")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("created_at", "pk")
        indexes = [
            models.Index(fields=["reason", "created_at", "person"], include=["points"], name="award_by_time"),
            models.Index(fields=["person", "created_at"], include=["points"], name="award_by_person"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["review", "reason", "person"],
                condition=Q(revokes=None),
                name="award_once_per_review_and_reason",
            ),
            models.CheckConstraint(
                name="award_negative_only_to_take_back",
                condition=(
                    (_GAIN & Q(revokes__isnull=True) | _LOSS & Q(revokes__isnull=False)) & Q(points__gte=0)
                    | (_GAIN & Q(revokes__isnull=False) | _LOSS & Q(revokes__isnull=True)) & Q(points__lte=0)
                ),
            ),
            models.CheckConstraint(name="award_reason_known", condition=_GAIN | _LOSS),
        ]

    def __str__(self) -> str:
        return f"{self.points:+d} {self.person}"


class Standing(models.Model):
    """What a person has on one board in one period: the sum of the ledger's rows, kept in their transaction.

    A board reads these and never the ledger, so that its cost does not grow with history. ``rebuild_standings`` makes
    them again and proves that they are equal.
    """

    class Board(models.TextChoices):
        """Which awards count: all of a person's, or only those for reviews."""

        PEOPLE = "people", _("People")
        REVIEWERS = "reviewers", _("Reviewers")

    class Period(models.TextChoices):
        """How long a period is; each is of the calendar of the campaign that gave the award."""

        DAY = "day", _("Day")
        WEEK = "week", _("Week")
        MONTH = "month", _("Month")
        ALL = "all", _("All time")

    board = models.CharField(max_length=10, choices=Board)
    period = models.CharField(max_length=5, choices=Period)
    starts = models.DateField(help_text=_("The period's first day; for all time the first of 1970."))
    # Keys, 0 for all of them together: a null would not be equal to itself in the unique constraint.
    campaign = models.PositiveBigIntegerField(default=0, help_text=_("The campaign's key; 0 for all."))
    category = models.PositiveBigIntegerField(default=0, help_text=_("The category's key; 0 for all."))
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="standings")
    points = models.IntegerField(default=0)
    count = models.IntegerField(default=0, help_text=_("Approved pairs, or reviews that stand, of the period."))

    class Meta:
        ordering = ("board", "period", "starts", "campaign", "category", "-points", "person")
        constraints = [
            models.UniqueConstraint(
                fields=["person", "period", "starts", "board", "campaign", "category"], name="standing_once"
            ),
            models.CheckConstraint(name="standing_board_known", condition=Q(board__in=["people", "reviewers"])),
            models.CheckConstraint(
                name="standing_period_known", condition=Q(period__in=["day", "week", "month", "all"])
            ),
        ]
        indexes = [
            models.Index(
                fields=["board", "period", "starts", "campaign", "category", "-points", "person"],
                include=["count"],
                name="standing_by_points",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.board} {self.period} {self.starts}: {self.points}"
