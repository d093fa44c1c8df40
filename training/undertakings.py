"""What runs and learning curves have in common: asked for, waiting, going on, stopped, gone on with, ended."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class Undertaking(models.Model):
    """Work that a directory on the machine that trains tells of, and that the site lists."""

    class Status(models.TextChoices):
        """Its life: waiting → running → finished, or interrupted or failed and then running again."""

        QUEUED = "queued", _("Waiting")
        RUNNING = "running", _("Running")
        INTERRUPTED = "interrupted", _("Interrupted")
        FAILED = "failed", _("Failed")
        COMPLETE = "complete", _("Finished")

    ACTIVE = (Status.QUEUED, Status.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=100)
    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.QUEUED)
    options = models.JSONField(_("options"), default=dict, help_text=_("What was asked for on the page."))
    error = models.TextField(_("error"), blank=True, default="")
    job = models.UUIDField(null=True, blank=True, help_text=_("The background job that trains it."))
    stop_asked_at = models.DateTimeField(_("stop asked for"), null=True, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    created_at = models.DateTimeField(_("created"))
    seen_at = models.DateTimeField(_("last sign of life"))

    class Meta:
        abstract = True
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return self.name

    def how_far(self) -> tuple[int, int | None]:
        """Return how much is done, and of how much where that is known."""
        raise NotImplementedError  # a run counts its steps, a curve its models

    @property
    def is_active(self) -> bool:
        """Whether it waits or goes on."""
        return self.status in self.ACTIVE

    @property
    def is_complete(self) -> bool:
        """Whether it ended as it should."""
        return self.status == self.Status.COMPLETE

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop and has not yet."""
        return self.is_active and self.stop_asked_at is not None

    @property
    def may_go_on(self) -> bool:
        """Whether it can be taken up again, where it was saved."""
        return self.status in {self.Status.INTERRUPTED, self.Status.FAILED}

    def is_silent(self, now: datetime, limit: timedelta) -> bool:
        """Say whether a running one has given no sign of life for longer than ``limit``."""
        return self.status == self.Status.RUNNING and now - self.seen_at > limit
