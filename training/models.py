"""Runs as the site lists them: what their directories say, in rows, so that no page needs the GPU machine's disk."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from datetime import datetime, timedelta


class TrainingRunQuerySet(models.QuerySet["TrainingRun"]):
    """Runs by how they are."""

    def active(self) -> TrainingRunQuerySet:
        """Those that wait or go on."""
        return self.filter(status__in=TrainingRun.ACTIVE)


class TrainingRun(models.Model):
    """One fine-tuning run. ``facts`` is its run.json; until that exists, ``options`` say what was asked for."""

    class Status(models.TextChoices):
        """A run's life: waiting → running → finished, or interrupted or failed and then running again."""

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
    facts = models.JSONField(_("facts"), default=dict, help_text=_("run.json, as it was last seen."))
    evaluations = models.JSONField(_("evaluations"), default=list, help_text=_("evaluations.jsonl."))
    step = models.PositiveIntegerField(_("step"), default=0, help_text=_("The last step that was done."))
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

    objects = TrainingRunQuerySet.as_manager()

    class Meta:
        verbose_name = _("training run")
        verbose_name_plural = _("training runs")
        ordering = ("-created_at", "-pk")
        indexes = [models.Index(fields=["-created_at"], name="training_run_newest")]
        constraints = [
            models.CheckConstraint(
                name="training_run_status_known",
                condition=Q(status__in=["queued", "running", "interrupted", "failed", "complete"]),
            ),
            models.CheckConstraint(name="training_run_failed_says_why", condition=~Q(status="failed") | ~Q(error="")),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        """Whether it waits or goes on."""
        return self.status in self.ACTIVE

    @property
    def is_complete(self) -> bool:
        """Whether it has a model."""
        return self.status == self.Status.COMPLETE

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop and has not yet."""
        return self.is_active and self.stop_asked_at is not None

    @property
    def may_go_on(self) -> bool:
        """Whether it can be taken up again: where it had begun, from its last checkpoint."""
        return self.status in {self.Status.INTERRUPTED, self.Status.FAILED}

    def is_silent(self, now: datetime, limit: timedelta) -> bool:
        """Say whether a running one has given no sign of life for longer than ``limit``."""
        return self.status == self.Status.RUNNING and now - self.seen_at > limit

    @property
    def settings(self) -> dict[str, Any]:
        """What it runs with, or as much as was asked for."""
        asked = {name: value for name, value in self.options.items() if value is not None}
        return self.facts.get("settings") or asked

    @property
    def steps(self) -> int:
        """How many updates it makes; 0 while that is not known."""
        return int(self.settings.get("steps") or 0)

    @property
    def dataset(self) -> str:
        """The version it learns from, or an empty text while that is not known."""
        if found := self.facts.get("dataset"):
            return f"{found['name']} {found['version']}"
        return str(self.options.get("dataset") or "")

    @property
    def base_model(self) -> str:
        """The last part of the base model's name."""
        name = (self.facts.get("base_model") or {}).get("id") or self.options.get("model") or ""
        return str(name).rstrip("/").rpartition("/")[2]


class RunStep(models.Model):
    """A line of metrics.jsonl: one optimizer update."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="step_rows")
    step = models.PositiveIntegerField()
    loss = models.FloatField(help_text=_("Mean loss of the answer tokens, in nats."))
    learning_rate = models.FloatField()
    gradient_norm = models.FloatField(null=True)
    tokens = models.PositiveBigIntegerField(help_text=_("Trained on so far, padding not counted."))
    seconds = models.FloatField(help_text=_("Spent in steps so far."))

    class Meta:
        ordering = ("step",)
        constraints = [models.UniqueConstraint(fields=["run", "step"], name="training_run_step_once")]

    def __str__(self) -> str:
        return f"{self.step}: {self.loss:.4f}"


class RunSample(models.Model):
    """A question the model was asked, and its answers on the way."""

    run = models.ForeignKey(TrainingRun, on_delete=models.CASCADE, related_name="samples")
    number = models.PositiveIntegerField()
    source = models.CharField(max_length=20, help_text=_("Where the question is from: held out, or battery."))
    category = models.CharField(max_length=100, blank=True)
    instruction = models.TextField()
    context = models.TextField(blank=True)
    reference = models.TextField(blank=True, help_text=_("What a person answered, where somebody did."))
    answers = models.JSONField(default=list, help_text=_("step and text of each answer; step 0 is the base model."))

    class Meta:
        ordering = ("number",)
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="training_run_sample_once")]

    def __str__(self) -> str:
        return self.instruction[:60]
