"""Reads of the list of runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Avg, F, IntegerField, Max, QuerySet, Value
from django.db.models.functions import Cast

from .models import TrainingRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .models import LearningCurve, RunSample

MOST_POINTS = 120  # of a curve: more could not be told apart


@dataclass(frozen=True)
class Stretch:
    """A few steps side by side: the last of them, their mean loss, what was done by then."""

    step: int
    loss: float
    tokens: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Tokens of data per second of training, from the start."""
        return self.tokens / self.seconds if self.seconds else 0.0


def course(run: TrainingRun) -> list[Stretch]:
    """Return the training loss along the run, as at most ``MOST_POINTS`` means of neighbouring steps. One query."""
    each = max(1, -(-run.step // MOST_POINTS))
    # Whole numbers divide to whole numbers, in both databases.
    place = Cast((F("step") - 1) / Value(each), IntegerField())
    found = (
        run.step_rows.annotate(place=place)
        .values("place")
        .annotate(last=Max("step"), mean=Avg("loss"), done=Max("tokens"), spent=Max("seconds"))
        .order_by("place")
    )
    return [Stretch(line["last"], line["mean"], line["done"], line["spent"]) for line in found]


def samples(run: TrainingRun, *, category: str = "") -> QuerySet[RunSample]:
    """Return what the model was asked, in the order it was."""
    found = run.samples.all()
    return found.filter(category=category) if category else found


def sample_categories(run: TrainingRun) -> list[str]:
    """Return the categories of the questions, by name."""
    return list(run.samples.exclude(category="").values_list("category", flat=True).distinct().order_by("category"))


def answers_at(found: Sequence[RunSample], steps: Sequence[int]) -> list[dict[str, Any]]:
    """Return each question with its answers at ``steps``; None where it was not asked at one of them."""
    return [
        {
            "sample": sample,
            "answers": [
                {"step": step, "text": next((one["text"] for one in sample.answers if one["step"] == step), None)}
                for step in steps
            ],
        }
        for sample in found
    ]


def steps_asked(run: TrainingRun) -> list[int]:
    """Return the steps at which questions were asked, step 0 being the base model. One query."""
    steps: set[int] = set()
    for answers in run.samples.values_list("answers", flat=True):
        steps |= {int(answer["step"]) for answer in answers}
    return sorted(steps)


def runs_of(curves: Sequence[LearningCurve]) -> dict[str, TrainingRun]:
    """Return the runs that these curves are made of, by id; those that were not begun are missing. One query."""
    ids = [one["run"] for curve in curves for one in curve.trainings]
    return {str(run.pk): run for run in TrainingRun.objects.filter(pk__in=ids).defer("evaluations")}
