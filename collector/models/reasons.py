"""Reasons to come back: the days on which people did something, and badges."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from collector.models.campaigns import Category
from collector.models.people import Person
from collector.models.submissions import Submission


class ActiveDay(models.Model):
    """A day, where the person was, on which they sent a pair or gave a decision.

    Written down as it was lived, with its zone: a later move or another calendar changes no past day.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="active_days")
    day = models.DateField()
    zone = models.CharField(max_length=64)
    began_at = models.DateTimeField(help_text=_("When the first thing was done."))

    class Meta:
        ordering = ("person", "-day")
        constraints = [models.UniqueConstraint(fields=["person", "day"], name="active_day_once")]

    def __str__(self) -> str:
        return f"{self.person_id} {self.day}"


class Badge(models.Model):
    """What a person earned by range or care; gone again when its ground goes."""

    class Kind(models.TextChoices):
        """What for."""

        FIRST = "first", _("First approved in a category")
        RANGE = "range", _("Approved in five categories")
        CLEAN = "clean", _("Ten in a row without changes requested")
        STARS = "stars", _("Three pairs of five stars")
        MENDED = "mended", _("Approved after changes were requested")
        ACCURATE = "accurate", _("A reviewer whose decisions are right")

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="badges")
    kind = models.CharField(max_length=10, choices=Kind)
    category = models.ForeignKey(Category, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    submission = models.ForeignKey(
        Submission, null=True, blank=True, on_delete=models.CASCADE, related_name="+", help_text=_("Its ground.")
    )
    given_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True, blank=True, help_text=_("When the person put its celebration away."))

    class Meta:
        ordering = ("-given_at", "-pk")
        constraints = [
            models.UniqueConstraint(fields=["person", "kind"], condition=Q(category__isnull=True), name="badge_once"),
            models.UniqueConstraint(
                fields=["person", "kind", "category"],
                condition=Q(category__isnull=False),
                name="badge_once_per_category",
            ),
            models.CheckConstraint(
                name="badge_known", condition=Q(kind__in=["first", "range", "clean", "stars", "mended", "accurate"])
            ),
            models.CheckConstraint(
                name="badge_category_goes_with_first",
                condition=Q(kind="first", category__isnull=False) | ~Q(kind="first") & Q(category__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.person_id}"
