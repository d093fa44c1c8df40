"""The form that starts a release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from collector.checks.findings import LABELS
from collector.models import Campaign, Category
from exports import tokens
from exports.filters import BadFilter, Filter, budgets
from exports.licences import LICENCES
from exports.models import Recipe, validate_dataset_name
from exports.splits import DEFAULT, BadShares, Shares
from exports.writers.formats import FORMATS

if TYPE_CHECKING:
    from datetime import date

    from django.core.exceptions import ValidationError


def _day(value: date | None) -> str:
    return value.isoformat() if value else ""


class ReleaseForm(forms.Form):
    """What the next version chooses; everything approved where nothing is ticked.

    ``wait`` is in how many seconds it is worth sending again, where nothing but earlier builds is in its way.
    """

    wait = 0

    name = forms.CharField(
        label=_("Name"),
        max_length=64,
        validators=[validate_dataset_name],
        help_text=_("Versions are numbered under it. Lower-case letters, digits, dots, hyphens."),
    )
    campaigns = forms.MultipleChoiceField(label=_("Campaigns"), required=False, widget=forms.CheckboxSelectMultiple)
    categories = forms.MultipleChoiceField(label=_("Categories"), required=False, widget=forms.CheckboxSelectMultiple)
    min_approvals = forms.IntegerField(
        label=_("At least this many approvals"),
        required=False,
        min_value=0,
        max_value=100,
        help_text=_("0 takes approved imports too."),
    )
    min_rating = forms.ChoiceField(
        label=_("Mean rating at least"),
        required=False,
        choices=[("0", _("any, or none")), *((str(number), str(number)) for number in range(1, 6))],
    )
    licence = forms.ChoiceField(
        label=_("Licence of the version"),
        required=False,
        choices=[("", _("that of the campaign")), *((spdx, facts.name) for spdx, facts in LICENCES.items())],
    )
    licences = forms.MultipleChoiceField(
        label=_("Only records under"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[(spdx, spdx) for spdx in LICENCES],
    )
    approved_from = forms.DateField(
        label=_("Approved from"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    approved_until = forms.DateField(
        label=_("Approved until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Both days are included, in UTC."),
    )
    duplicates = forms.ChoiceField(
        label=_("Duplicates"),
        required=False,
        choices=[
            ("", _("keep them; those that are near share a split")),
            ("exact", _("leave out equal pairs")),
            ("near", _("leave out all that ask nearly the same")),
        ],
        help_text=_("The one that was approved first stays."),
    )
    most_from_one = forms.IntegerField(label=_("At most this many from one contributor"), required=False, min_value=1)
    most_percent_from_one = forms.IntegerField(
        label=_("At most this percentage from one contributor"), required=False, min_value=1, max_value=100
    )
    words = forms.CharField(
        label=_("Words or tokens of a category at most"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "open_qa=50000"}),
        help_text=_("One category a line."),
    )
    tokenizer = forms.ChoiceField(
        label=_("Count in"),
        required=False,
        help_text=_("Tokenizers are found in the models directory of this installation."),
    )
    splits = forms.CharField(
        label=_("Train, validation and test in percent"),
        required=False,
        max_length=11,
        help_text=_("For records that are new to the dataset; the others keep their split."),
    )
    formats = forms.MultipleChoiceField(
        label=_("Formats beside Parquet and JSONL"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[(name, name) for name in FORMATS],
    )

    without_flags = forms.MultipleChoiceField(
        label=_("Leave out where the checks found"), required=False, widget=forms.CheckboxSelectMultiple
    )
    languages = forms.CharField(
        label=_("Only these languages"), required=False, max_length=400, help_text=_("Such as en, de.")
    )
    recipe = forms.CharField(
        label=_("Name of the recipe"),
        required=False,
        max_length=64,
        help_text=_("Lower-case letters, digits, dots, hyphens. A recipe that has the name is replaced."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["name"].initial = settings.WOOLGATHER_DATASET_NAME
        self.fields["min_approvals"].initial = 0
        self.fields["splits"].initial = str(DEFAULT)
        campaigns: Any = self.fields["campaigns"]
        categories: Any = self.fields["categories"]
        flags: Any = self.fields["without_flags"]
        tokenizer: Any = self.fields["tokenizer"]
        tokenizer.choices = [
            ("", _("words")),
            *((name, _("tokens of %(name)s") % {"name": name}) for name in tokens.available()),
        ]
        flags.choices = list(LABELS.items())
        campaigns.choices = list(Campaign.objects.order_by("slug").values_list("slug", "name"))
        categories.choices = list(Category.objects.values_list("slug", "name"))

    def clean(self) -> dict[str, Any]:
        """Make the filter, whose own rules speak at its fields."""
        values = super().clean() or self.cleaned_data
        try:
            self._filter = Filter(
                campaigns=tuple(values.get("campaigns", ())),
                categories=tuple(values.get("categories", ())),
                licences=tuple(values.get("licences", ())),
                languages=tuple(tag for tag in values.get("languages", "").replace(",", " ").split() if tag),
                without_flags=tuple(values.get("without_flags", ())),
                min_approvals=values.get("min_approvals") or 0,
                min_rating=int(values.get("min_rating") or 0),
                approved_from=_day(values.get("approved_from")),
                approved_until=_day(values.get("approved_until")),
                duplicates=values.get("duplicates", ""),
                most_from_one=values.get("most_from_one") or 0,
                most_percent_from_one=values.get("most_percent_from_one") or 0,
                words=budgets(line for line in values.get("words", "").splitlines() if line.strip()),
                tokenizer=values.get("tokenizer", ""),
            )
        except BadFilter as error:
            self.add_error(error.field, str(error))
        try:
            self._shares = Shares.parse(values["splits"]) if values.get("splits") else DEFAULT
        except BadShares as error:
            self.add_error("splits", str(error))
        return values

    @classmethod
    def initial_of(cls, recipe: Recipe) -> dict[str, Any]:
        """Return the fields' values that a recipe stands for."""
        kept = Filter.of(recipe.filter).as_dict()
        lines = "\n".join(f"{category}={words}" for category, words in kept.get("words", {}).items())
        return {
            **kept,
            "words": lines,
            "languages": ", ".join(kept["languages"]),
            "min_rating": str(kept["min_rating"]),
            "name": recipe.dataset,
            "splits": recipe.shares,
            "formats": recipe.formats,
            "licence": recipe.licence,
            "recipe": recipe.name,
        }

    @property
    def shares(self) -> Shares:
        """The shares of the splits, once the form is valid."""
        return self._shares

    @property
    def filter(self) -> Filter:
        """The filter, once the form is valid."""
        return self._filter

    def add_refusal(self, error: ValidationError) -> None:
        """Put an action's messages where they belong."""
        for name, texts in error.message_dict.items():
            for text in texts:
                self.add_error(name if name in self.fields else None, text)
