"""What people say to each other about a submission, and what they are told."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from collector.models.people import Person
from collector.models.submissions import Submission
from collector.text import validate_text


class Comment(models.Model):
    """One message in a submission's thread, between its author and its reviewers; append-only."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="comments")
    by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="comments")
    text = models.TextField(validators=[validate_text])
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("created_at", "pk")
        constraints = [models.CheckConstraint(name="comment_says_something", condition=~Q(text=""))]

    def __str__(self) -> str:
        return self.text[:60]


class Notice(models.Model):
    """Something a person should know; shown in the app and, where they want it, in the daily digest."""

    class Kind(models.TextChoices):
        """What happened."""

        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")
        CHANGES_REQUESTED = "changes_requested", _("Changes requested")
        REVOKED = "revoked", _("Approval revoked")
        EDITED = "edited", _("Edited by a reviewer")
        COMMENTED = "commented", _("New message")
        DISPUTED = "disputed", _("Reviewers disagree")
        BADGE = "badge", _("New badge")
        ANNOUNCEMENT = "announcement", _("Announcement")

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=20, choices=Kind)
    submission = models.ForeignKey(Submission, null=True, blank=True, on_delete=models.CASCADE, related_name="notices")
    text = models.TextField(blank=True, help_text=_("Somebody's words, where there are any."))
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True, help_text=_("When a digest told it."))

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes = [models.Index(fields=["person", "-created_at"], name="notice_of_person")]
        constraints = [
            models.CheckConstraint(
                name="notice_known",
                condition=Q(
                    kind__in=[
                        "approved",
                        "rejected",
                        "changes_requested",
                        "revoked",
                        "edited",
                        "commented",
                        "disputed",
                        "badge",
                        "announcement",
                    ]
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.person}"


class Digest(models.Model):
    """That a person got their e-mail of a day; the constraint is why there is never a second one."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="digests")
    day = models.DateField(help_text=_("In the person's own time zone."))
    sent_at = models.DateTimeField()

    class Meta:
        ordering = ("-day",)
        constraints = [models.UniqueConstraint(fields=["person", "day"], name="digest_once_a_day")]

    def __str__(self) -> str:
        return f"{self.person} {self.day}"
