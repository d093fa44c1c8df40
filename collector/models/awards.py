"""The ledger of points: append-only, a revocation is a negative row."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from collector.models.campaigns import Campaign, Category
from collector.models.people import Person
from collector.models.reviews import Review
from collector.models.submissions import Submission


class Award(models.Model):
    """Points for a person, for a reason, at a time.

    The deciding review is the ground of each award, so an award can't be given twice for the same thing; a
    negative row names the award it takes back, at most once.
    """

    class Reason(models.TextChoices):
        """What was rewarded."""

        APPROVED = "approved", _("Submission approved")
        REVIEWED = "reviewed", _("Review given")

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="awards")
    points = models.IntegerField()
    reason = models.CharField(max_length=20, choices=Reason)
    rule_version = models.PositiveIntegerField(default=1)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="awards")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="awards")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="awards")
    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="awards")
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
                fields=["review", "reason"],
                condition=Q(revokes=None),
                name="award_once_per_review_and_reason",
            ),
            models.CheckConstraint(
                name="award_negative_only_to_revoke",
                condition=Q(revokes__isnull=True, points__gte=0) | Q(revokes__isnull=False, points__lte=0),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points:+d} {self.person}"
