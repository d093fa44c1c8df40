"""The form that starts a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from training import config_file
from training.dataset_files import versions
from training.options import METHODS, TOO_LONG, FinetuneOptions, OptionError, check
from training.places import places
from training.runs import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

METHOD_WORDS = {
    "lora": _("LoRA: small layers beside the model"),
    "qlora": _("QLoRA: the same on 4-bit weights (GPU)"),
    "full": _("All weights"),
}
TOO_LONG_WORDS = {
    "drop": _("leave them out, and list them"),
    "truncate": _("cut their responses, and list them"),
    "refuse": _("refuse to train"),
}


def dataset_choices() -> Iterator[tuple[str, str]]:
    """Yield the versions on this installation, the newest of each name first."""
    for name, labels in versions(places().datasets).items():
        for label in reversed(labels):
            yield f"{name}/{label}", f"{name} {label}"


def model_choices() -> Iterator[tuple[str, Any]]:
    """Yield the default, and what lies in the models' directory."""
    yield "", _("that of the recipe, else SmolLM2-135M-Instruct")
    root = Path(places().models)
    if root.is_dir():
        for path in sorted(root.iterdir()):
            if (path / "config.json").is_file() and not path.name.startswith("."):
                yield str(path), path.name


class RunForm(forms.Form):
    """What to train on what; all that is left empty is chosen when the data and the machine are known."""

    dataset = forms.ChoiceField(label=_("Dataset version"))
    model = forms.ChoiceField(
        label=_("Base model"),
        required=False,
        help_text=_("More models: put their directories into var/models of the machine that trains, and of this one."),
    )
    recipe = forms.ChoiceField(
        label=_("Recipe"), required=False, help_text=_("Settings that suit a size of model; those below win.")
    )
    output = forms.RegexField(
        rf"\A(?:{NAME.pattern})\Z",
        label=_("Name"),
        required=False,
        max_length=100,
        help_text=_("Made of data, model and time where it is left empty."),
        error_messages={"invalid": _("Use letters, digits, dots, dashes and underscores.")},
    )
    method = forms.ChoiceField(
        label=_("What is trained"),
        required=False,
        choices=[("", _("as the recipe says, else LoRA")), *((name, METHOD_WORDS[name]) for name in METHODS)],
    )
    epochs = forms.FloatField(label=_("Passes over the data"), required=False, min_value=0.001, max_value=1000)
    steps = forms.IntegerField(
        label=_("or updates"), required=False, min_value=1, help_text=_("Instead of passes, not beside them.")
    )
    learning_rate = forms.FloatField(label=_("Learning rate"), required=False, min_value=1e-9, max_value=1)
    batch_size = forms.IntegerField(label=_("Records at once"), required=False, min_value=1, max_value=4096)
    gradient_accumulation = forms.IntegerField(
        label=_("Batches for one update"), required=False, min_value=1, max_value=4096
    )
    max_length = forms.IntegerField(
        label=_("Tokens of a record at most"), required=False, min_value=8, max_value=1_000_000
    )
    too_long = forms.ChoiceField(
        label=_("Longer records"),
        required=False,
        choices=[("", _("as the recipe says, else left out")), *((name, TOO_LONG_WORDS[name]) for name in TOO_LONG)],
    )
    patience = forms.IntegerField(
        label=_("Stop early after"),
        required=False,
        min_value=0,
        max_value=1000,
        help_text=_("so many checkpoints without a lower held-out loss; 0: never"),
    )
    seed = forms.IntegerField(label=_("Seed"), required=False, min_value=0, max_value=2**32 - 1)
    price_per_hour = forms.FloatField(
        label=_("Price of an hour"),
        required=False,
        min_value=0,
        help_text=_("Of the machine that trains; the run then says what it costs."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Read what there is to choose from."""
        super().__init__(*args, **kwargs)
        self.fields["dataset"].choices = list(dataset_choices())  # type: ignore[attr-defined]
        self.fields["model"].choices = list(model_choices())  # type: ignore[attr-defined]
        self.fields["recipe"].choices = [  # type: ignore[attr-defined]
            ("", _("none")),
            *((recipe.name, f"{recipe.name}: {recipe.about.get('needs', '')}") for recipe in config_file.recipes()),
        ]

    def clean(self) -> dict[str, Any]:
        """Refuse what contradicts itself."""
        found: dict[str, Any] = super().clean() or {}
        if found.get("steps") and found.get("epochs"):
            self.add_error("steps", _("Give passes or updates, not both."))
        elif not self.errors:
            try:
                check(self.options)
            except OptionError as error:
                self.add_error(None, str(error))
        return found

    @property
    def options(self) -> FinetuneOptions:
        """What was asked for; what was left empty is None."""
        given = {name: value for name, value in self.cleaned_data.items() if value not in {"", None}}
        given.pop("recipe", None)
        return FinetuneOptions(**given)

    @property
    def usual(self) -> list[forms.BoundField]:
        """The fields that most people look at."""
        return [self[name] for name in ("dataset", "model", "recipe", "output")]

    @property
    def finer(self) -> list[forms.BoundField]:
        """The others."""
        shown = {field.name for field in self.usual}
        return [self[name] for name in self.fields if name not in shown]
