"""What happened, who wants to know, and what became of telling them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from datetime import datetime


class Kind(models.TextChoices):
    """What can be told; the values are the types in the messages."""

    SUBMITTED = "submission.submitted", _("A pair was submitted")
    DECIDED = "submission.decided", _("A pair was decided")
    VERSION_READY = "dataset_version.ready", _("A dataset version is ready")
    RUN_FINISHED = "run.finished", _("A training run finished")
    PING = "webhook.ping", _("Test message")

    @classmethod
    def subscribable(cls) -> list[tuple[str, str]]:
        """Return what an endpoint can be told of; a test message is asked for."""
        return [(kind.value, str(kind.label)) for kind in cls if kind != cls.PING]


class Event(models.Model):
    """Something that happened, recorded in the transaction that made it happen. Small facts, never texts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("event"), max_length=40, choices=Kind)
    data: models.JSONField[Any, Any] = models.JSONField(_("facts"), default=dict)
    path = models.CharField(max_length=300, blank=True, help_text=_("Where on this site it can be seen."))
    at = models.DateTimeField(_("happened"))

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        constraints = [
            models.CheckConstraint(
                name="webhooks_event_kind_known", condition=Q(kind__in=[kind.value for kind in Kind])
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def message_id(self) -> str:
        """The id by which a receiver knows a message that it was sent before."""
        return f"msg_{self.pk.hex}"


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    """Endpoints by how they are."""

    def present(self) -> EndpointQuerySet:
        """Those that were not removed."""
        return self.filter(removed_at=None)

    def telling(self) -> EndpointQuerySet:
        """Those that are told what happens."""
        return self.filter(removed_at=None, disabled_at=None)


class Endpoint(models.Model):
    """Where messages go. A removed one stays as a row: what is being recorded at that moment may refer to it."""

    class Style(models.TextChoices):
        """How a message is written."""

        STANDARD = "standard", _("Standard Webhooks: signed JSON")
        SLACK = "slack", _("Slack: a readable message (incoming webhook)")

    name = models.CharField(_("name"), max_length=80)
    style = models.CharField(_("kind"), max_length=10, choices=Style, default=Style.STANDARD)
    kinds: models.JSONField[Any, Any] = models.JSONField(_("events"), default=list)
    sealed_url = models.TextField(_("address, sealed"))
    shown_url = models.CharField(_("address"), max_length=500, help_text=_("Without what is secret in it."))
    sealed_secret = models.TextField(_("secret, sealed"), blank=True)
    sealed_secret_before = models.TextField(_("secret before, sealed"), blank=True)
    secret_before_until = models.DateTimeField(_("the secret before is used until"), null=True, blank=True)
    secret_made_at = models.DateTimeField(_("secret made"), null=True, blank=True)
    disabled_at = models.DateTimeField(_("turned off"), null=True, blank=True)
    disabled_because = models.CharField(_("turned off because"), max_length=300, blank=True)
    told_at = models.DateTimeField(_("admins told"), null=True, blank=True)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    resting_until = models.DateTimeField(_("left alone until"), null=True, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created"))
    removed_at = models.DateTimeField(_("removed"), null=True, blank=True)

    objects = EndpointQuerySet.as_manager()

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering = ("name", "pk")
        constraints = [
            models.CheckConstraint(name="webhooks_endpoint_style_known", condition=Q(style__in=["standard", "slack"])),
            models.CheckConstraint(
                name="webhooks_endpoint_off_says_why", condition=Q(disabled_at=None) | ~Q(disabled_because="")
            ),
            models.CheckConstraint(
                name="webhooks_endpoint_standard_signs",
                condition=~Q(style="standard") | ~Q(sealed_secret="") | Q(removed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_on(self) -> bool:
        """Whether it is told what happens."""
        return self.disabled_at is None and self.removed_at is None

    @property
    def is_signed(self) -> bool:
        """Whether its messages carry a signature."""
        return self.style == self.Style.STANDARD

    @property
    def kind_labels(self) -> list[str]:
        """What it is told of, in words."""
        return [str(Kind(kind).label) for kind in self.kinds if kind in Kind.values]


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Deliveries by what is to be done about them."""

    def due(self, now: datetime) -> DeliveryQuerySet:
        """Those whose time has come, to endpoints that are on and not left alone after a failure."""
        rested = Q(endpoint__resting_until=None) | Q(endpoint__resting_until__lte=now)
        return self.filter(
            rested,
            status=Delivery.Status.WAITING,
            next_attempt_at__lte=now,
            endpoint__disabled_at=None,
            endpoint__removed_at=None,
        )


class Delivery(models.Model):
    """One event for one endpoint, tried until it is taken or given up."""

    class Status(models.TextChoices):
        """What became of it."""

        WAITING = "waiting", _("waiting")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("given up")

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.WAITING)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    attempts_allowed = models.PositiveIntegerField(_("attempts allowed"))
    next_attempt_at = models.DateTimeField(_("next attempt"))
    created_at = models.DateTimeField(_("created"))
    done_at = models.DateTimeField(_("done"), null=True, blank=True)
    code = models.PositiveSmallIntegerField(_("last answer"), null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ("-created_at", "-pk")
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(status="waiting"), name="webhooks_delivery_due"),
            models.Index(fields=["endpoint", "-created_at"], name="webhooks_delivery_log"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhooks_delivery_once"),
            models.CheckConstraint(
                name="webhooks_delivery_status_known", condition=Q(status__in=["waiting", "delivered", "failed"])
            ),
            models.CheckConstraint(
                name="webhooks_delivery_done_has_a_time",
                condition=Q(status="waiting", done_at=None) | (~Q(status="waiting") & Q(done_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} → {self.endpoint_id}"


class Attempt(models.Model):
    """One try of a delivery, and what came back."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveIntegerField(_("attempt"))
    at = models.DateTimeField(_("at"))
    seconds = models.FloatField(_("seconds"))
    code = models.PositiveSmallIntegerField(_("answer"), null=True, blank=True)
    excerpt = models.TextField(_("beginning of the answer"), blank=True)
    error = models.CharField(_("why not"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ("-number",)
        constraints = [models.UniqueConstraint(fields=["delivery", "number"], name="webhooks_attempt_once")]

    def __str__(self) -> str:
        return f"{self.delivery_id} #{self.number}"
