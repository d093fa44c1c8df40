"""The form that starts a learning curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from training.dataset_files import open_dataset, versions
from training.errors import TrainingError
from training.forms import RunForm
from training.learning_curve import CPU_ROWS, HELD_OUT_ROWS
from training.options import FinetuneOptions
from training.places import places
from training.scaling import FEWEST_SIZES, shares_of

if TYPE_CHECKING:
    from django.forms import BoundField

MOST_SEEDS = 10


def categories_of(dataset: str) -> list[str]:
    """Return the categories of ``name/version``, as its manifest counts them; none where it does not."""
    name, _slash, version = dataset.rpartition("/")
    try:
        counts = open_dataset(places().datasets / name / version).manifest.get("counts") or {}
    except TrainingError:
        return []
    return sorted(counts.get("categories") or {})


class CurveForm(RunForm):
    """Which version, how much of it and how often; what a single model is trained with is left to a recipe."""

    method = steps = learning_rate = batch_size = gradient_accumulation = None  # type: ignore[assignment]
    max_length = too_long = patience = seed = price_per_hour = None  # type: ignore[assignment]

    max_rows = forms.IntegerField(
        label=_("Records of the largest share"),
        required=False,
        min_value=0,
        help_text=_("Left empty: all, or %(rows)d on a machine without a GPU. 0: all.") % {"rows": CPU_ROWS},
    )
    shares = forms.CharField(
        label=_("Shares"),
        initial="1/8, 1/4, 1/2, 1",
        max_length=100,
        help_text=_("Of these records, with commas; each is part of the next."),
    )
    eval_rows = forms.IntegerField(
        label=_("Held-out records to measure on"),
        required=False,
        min_value=1,
        max_value=100_000,
        help_text=_("Left empty: %(rows)d. More of them make the intervals narrower.") % {"rows": HELD_OUT_ROWS},
    )
    seeds = forms.IntegerField(
        label=_("Trainings of each share"),
        initial=1,
        min_value=1,
        max_value=MOST_SEEDS,
        help_text=_("With several seeds the intervals know how much a training varies by chance."),
    )
    only = forms.MultipleChoiceField(
        label=_("Only these categories"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: all."),
    )
    leave_out = forms.MultipleChoiceField(
        label=_("What does a category give the others?"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("For each one that is ticked, one more model is trained on all the others."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Read which categories there are."""
        super().__init__(*args, **kwargs)
        self.fields["epochs"].help_text = _("Over each share. Left empty: 2, or 1 on a machine without a GPU.")
        self.fields["output"].help_text = _("Made of data and time where it is left empty.")
        self.fields["recipe"].help_text = _("Settings that suit a size of model; those given here win.")
        known: set[str] = set()
        for name, labels in versions(places().datasets).items():
            for label in labels:
                known |= set(categories_of(f"{name}/{label}"))
        for field in ("only", "leave_out"):
            if known:
                self.fields[field].choices = [(name, name) for name in sorted(known)]  # type: ignore[attr-defined]
            else:
                del self.fields[field]

    def clean_shares(self) -> str:
        """Refuse shares that no law could be fitted to."""
        try:
            found = shares_of(self.cleaned_data["shares"])
        except ValueError as error:
            told = _("Give at least %(number)d different shares above 0 and up to 1, such as 1/8, 1/4, 1/2, 1.")
            raise forms.ValidationError(told % {"number": FEWEST_SIZES}) from error
        return ",".join(map(str, found))

    def clean(self) -> dict[str, Any]:
        """Refuse categories that the version does not have, or that are not trained on."""
        found = super().clean()
        there = set(categories_of(found.get("dataset") or "/"))
        only = set(found.get("only") or there)
        for field, known in (("only", there), ("leave_out", there & only)):
            if missing := sorted(set(found.get(field) or []) - known):
                told = _("These are not among the records to train on: %(names)s.") % {"names": ", ".join(missing)}
                self.add_error(field, told)
        if only and only == set(found.get("leave_out") or []) and len(only) == 1:
            self.add_error("leave_out", _("Nothing would be left to train on."))
        return found

    @property
    def options(self) -> FinetuneOptions:
        """What every model of the curve is trained with, as far as it is given here."""
        names = ("dataset", "model", "output", "epochs", "max_rows", "eval_rows")
        return FinetuneOptions(**{name: self.cleaned_data.get(name) or None for name in names})

    @property
    def command_options(self) -> dict[str, Any]:
        """What was asked for, as the command's flags are called; what was left empty is not there."""
        given = {name: value for name, value in self.cleaned_data.items() if value not in ("", None, [])}
        recipe = given.pop("recipe", "")
        for name in ("only", "leave_out"):
            if name in given:
                given[name] = ",".join(given[name])
        return {**({"config": recipe} if recipe else {}), **given}

    @property
    def usual(self) -> list[BoundField]:
        """The fields that most people look at."""
        return [self[name] for name in ("dataset", "max_rows", "epochs", "output")]

    @property
    def categories(self) -> list[BoundField]:
        """The fields to choose categories with."""
        return [self[name] for name in ("only", "leave_out") if name in self.fields]

    @property
    def finer(self) -> list[BoundField]:
        """The others."""
        return [self[name] for name in ("shares", "seeds", "eval_rows", "model", "recipe")]
