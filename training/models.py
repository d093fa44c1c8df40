"""Runs as the site lists them: what their directories say, in rows, so that no page needs the GPU machine's disk."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from training.undertakings import Undertaking


class TrainingRunQuerySet(models.QuerySet["TrainingRun"]):
    """Runs by how they are."""

    def active(self) -> TrainingRunQuerySet:
        """Those that wait or go on."""
        return self.filter(status__in=TrainingRun.ACTIVE)


class TrainingRun(Undertaking):
    """One fine-tuning run. ``facts`` is its run.json; until that exists, ``options`` say what was asked for."""

    facts = models.JSONField(_("facts"), default=dict, help_text=_("run.json, as it was last seen."))
    evaluations = models.JSONField(_("evaluations"), default=list, help_text=_("evaluations.jsonl."))
    step = models.PositiveIntegerField(_("step"), default=0, help_text=_("The last step that was done."))

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

    def how_far(self) -> tuple[int, int | None]:
        """Return how many updates are done, and of how many where that is known."""
        return self.step, self.steps or None

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


class LearningCurve(Undertaking):
    """Models trained on growing shares of a version; each is a run of its own.

    ``facts`` is the curve's curve.json; until that exists, ``options`` say what was asked for.
    """

    facts = models.JSONField(_("facts"), default=dict, help_text=_("curve.json, as it was last seen."))

    objects = models.Manager["LearningCurve"]()

    class Meta(Undertaking.Meta):
        verbose_name = _("learning curve")
        verbose_name_plural = _("learning curves")
        indexes = [models.Index(fields=["-created_at"], name="training_curve_newest")]
        constraints = [
            models.CheckConstraint(
                name="training_curve_status_known",
                condition=Q(status__in=["queued", "running", "interrupted", "failed", "complete"]),
            ),
            models.CheckConstraint(name="training_curve_failed_says_why", condition=~Q(status="failed") | ~Q(error="")),
        ]

    def how_far(self) -> tuple[int, int | None]:
        """Return how many models are trained, and of how many where that is known."""
        ids = [one["run"] for one in self.trainings]
        done = TrainingRun.objects.filter(pk__in=ids, status=self.Status.COMPLETE).count() if ids else 0
        return done, len(ids) or None

    @property
    def dataset(self) -> str:
        """The version it learns from, or an empty text while that is not known."""
        return str(self.facts.get("dataset") or self.options.get("dataset") or "").replace("/", " ")

    @property
    def base_model(self) -> str:
        """The last part of the base model's name, or an empty text for the default."""
        asked = self.facts.get("options") or self.options
        return str(self.facts.get("base_model") or asked.get("model") or "").rstrip("/").rpartition("/")[2]

    @property
    def trainings(self) -> list[dict[str, Any]]:
        """The models that it trains, the smallest first; empty while that is not known."""
        return list(self.facts.get("models") or [])


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
