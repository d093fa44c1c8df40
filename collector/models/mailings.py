"""What leads send to many by e-mail, and to whom it went."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from collector.models.campaigns import Campaign
from collector.models.people import MailKind, Person, Team
from collector.text import validate_text

WEEKDAYS = range(7)
LONGEST_BODY = 10_000
KINDS = [(kind.value, kind.label) for kind in (MailKind.ANNOUNCEMENT, MailKind.REMINDER)]


def validate_weekdays(value: object) -> None:
    """Refuse what is not a list of different days of the week, 0 for Monday to 6 for Sunday."""
    days = value if isinstance(value, list) else [None]
    if any(day not in WEEKDAYS for day in days) or len(set(days)) != len(days):
        raise ValidationError(_("Choose days of the week."))


class Mailing(models.Model):
    """An announcement or a reminder: what it says, to whom, and when in its campaign's time zone."""

    class Audience(models.TextChoices):
        """Whom it is for, as things stand when it goes out."""

        EVERYBODY = "everybody", _("Everybody in the campaign")
        WRITERS = "writers", _("Who has sent a pair")
        SILENT = "silent", _("Who has sent none yet")
        LAPSED = "lapsed", _("Who has sent pairs, but none for a week")
        REVIEWERS = "reviewers", _("Reviewers")

    class Status(models.TextChoices):
        """Its life."""

        DRAFT = "draft", _("Draft")
        SCHEDULED = "scheduled", _("Scheduled")
        DONE = "done", _("Done")
        CANCELLED = "cancelled", _("Cancelled")

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="mailings")
    kind = models.CharField(max_length=12, choices=KINDS, default=MailKind.ANNOUNCEMENT)
    subject = models.CharField(max_length=150, validators=[validate_text])
    body = models.TextField(max_length=LONGEST_BODY, validators=[validate_text], help_text=_("In Markdown."))
    audience = models.CharField(max_length=10, choices=Audience, default=Audience.EVERYBODY)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    day = models.DateField(help_text=_("The first, in the campaign's time zone."))
    at = models.TimeField(help_text=_("In the campaign's time zone."))
    weekdays = models.JSONField(default=list, blank=True, validators=[validate_weekdays])
    last_day = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    next_at = models.DateTimeField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = [
            models.CheckConstraint(name="mailing_kind_known", condition=Q(kind__in=["announcement", "reminder"])),
            models.CheckConstraint(
                name="mailing_audience_known",
                condition=Q(audience__in=["everybody", "writers", "silent", "lapsed", "reviewers"]),
            ),
            models.CheckConstraint(
                name="mailing_scheduled_has_a_time",
                condition=Q(status="scheduled", next_at__isnull=False)
                | Q(status__in=["draft", "done", "cancelled"], next_at__isnull=True),
            ),
        ]
        indexes = [models.Index(fields=["next_at"], name="mailing_due", condition=Q(next_at__isnull=False))]

    def __str__(self) -> str:
        return self.subject

    @property
    def repeats(self) -> bool:
        """Whether it goes out more than once."""
        return bool(self.weekdays)


class Occasion(models.Model):
    """One time that a mailing went out, or was passed over and why."""

    class Passed(models.TextChoices):
        """Why nothing went out."""

        NOT_OPEN = "not_open", _("The campaign was not open.")
        LATE = "late", _("No worker ran within six hours of its time.")
        NOTHING = "nothing", _("Nothing waited for review.")

    mailing = models.ForeignKey(Mailing, on_delete=models.CASCADE, related_name="occasions")
    due_at = models.DateTimeField()
    began_at = models.DateTimeField()
    passed = models.CharField(max_length=10, choices=Passed, blank=True)
    unwanted = models.PositiveIntegerField(default=0, help_text=_("People who have ended mails of this kind."))
    active = models.PositiveIntegerField(default=0, help_text=_("People who had done something that day already."))

    class Meta:
        ordering = ("-due_at",)
        constraints = [models.UniqueConstraint(fields=["mailing", "due_at"], name="occasion_once")]

    def __str__(self) -> str:
        return f"{self.mailing_id} {self.due_at:%Y-%m-%d %H:%M}"


class Delivery(models.Model):
    """One person's mail of an occasion. It counts as sent before it is handed over: a crash sends nobody two."""

    class Status(models.TextChoices):
        """What became of it."""

        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        SPARED = "spared", _("No longer wanted or needed")
        FAILED = "failed", _("Refused by the mail server")

    occasion = models.ForeignKey(Occasion, on_delete=models.CASCADE, related_name="deliveries")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=8, choices=Status, default=Status.WAITING)
    failures = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["occasion", "person"], name="delivery_once"),
            models.CheckConstraint(
                name="delivery_status_known", condition=Q(status__in=["waiting", "sent", "spared", "failed"])
            ),
        ]
        indexes = [models.Index(fields=["occasion"], name="delivery_waiting", condition=Q(status="waiting"))]

    def __str__(self) -> str:
        return f"{self.occasion_id} {self.person_id} {self.status}"
