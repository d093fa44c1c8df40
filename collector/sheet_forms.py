"""What the sheet's pages send: a filter, a decision on many records, an edit, an edited sheet."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from collector import sheet_queries
from collector.forms import VerbatimField
from collector.models import Campaign, Category, Review, ReviewReason, Submission
from collector.sheet_queries import DEFAULT_SORT, SORTS, Wanted

if TYPE_CHECKING:
    from collector.models import Person

Status = Submission.Status
MAX_ITEM = 100  # characters of "id:revision", generously

SORT_LABELS = [
    ("-updated", _("Last changed first")),
    ("updated", _("Last changed last")),
    ("submitted", _("Longest waiting first")),
    ("-submitted", _("Newest first")),
    ("state", _("By state")),
    ("category", _("By category")),
    ("instruction", _("By instruction, A to Z")),
    ("-rating", _("Best rated first")),
    ("rating", _("Worst rated first")),
    ("language", _("By language")),
]


class FilterForm(forms.Form):
    """Which records the sheet shows, and in which order; also its address's query."""

    search = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "placeholder": _("Search the texts")}),
    )
    state = forms.ChoiceField(label=_("State"), required=False)
    category = forms.ChoiceField(label=_("Category"), required=False)
    campaign = forms.ChoiceField(label=_("Campaign"), required=False)
    language = forms.ChoiceField(label=_("Language"), required=False)
    author = forms.CharField(label=_("Author"), required=False, max_length=40)
    flagged = forms.BooleanField(label=_("Flagged by a check"), required=False)
    disputed = forms.BooleanField(label=_("Disputed"), required=False)
    locked = forms.BooleanField(label=_("Locked"), required=False)
    sort = forms.ChoiceField(label=_("Order"), required=False)

    def __init__(self, data: Any, *, person: Person) -> None:
        super().__init__(data)
        states = [(value, label) for value, label in Status.choices if value != Status.DRAFT]
        campaigns = list(Campaign.objects.visible().values_list("slug", "name", "is_blind"))
        languages = sheet_queries.languages()
        choices: dict[str, list[Any]] = {
            "state": [("", _("Any state")), *states],
            "category": [("", _("Any category")), *Category.objects.values_list("slug", "name")],
            "campaign": [("", _("Any campaign")), *[(slug, name) for slug, name, _blind in campaigns]],
            "language": [("", _("Any language")), *[(tag, tag) for tag in languages]],
            "sort": SORT_LABELS + [(name, name) for name in self._sorts() if name not in dict(SORT_LABELS)],
        }
        for name, values in choices.items():
            self._choice(name).choices = values
        self.sees_authors = sheet_queries.sees_authors(person) or any(not blind for _slug, _name, blind in campaigns)
        if not self.sees_authors:
            del self.fields["author"]
        if len(campaigns) <= 1:
            del self.fields["campaign"]
        if len(languages) <= 1:
            del self.fields["language"]

    def _choice(self, name: str) -> forms.ChoiceField:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker; declared above
        return field

    @staticmethod
    def _sorts() -> list[str]:
        return [sign + name for name in SORTS for sign in ("", "-")]

    @property
    def wanted(self) -> Wanted:
        """What is asked for, once the form is valid."""
        values = {name: value for name, value in self.cleaned_data.items() if value}
        return Wanted(**({"sort": DEFAULT_SORT} | values))

    @property
    def is_narrowed(self) -> bool:
        """Whether anything but the order was asked for."""
        return any(value for name, value in self.cleaned_data.items() if name != "sort")


def parse_items(values: list[str]) -> list[tuple[uuid.UUID, int]]:
    """Read ``id:revision`` pairs, several in one value where they are parted by spaces.

    Raises:
        ValidationError: something else stands there.
    """
    items = []
    for word in " ".join(values).split():
        identity, _colon, revision = word[:MAX_ITEM].partition(":")
        try:
            items.append((uuid.UUID(identity), int(revision)))
        except ValueError as error:
            raise ValidationError(_("The selection can't be read. Reload the page and select again.")) from error
    return items


class DecideForm(forms.Form):
    """One decision for many records, with its reasons and words."""

    decision = forms.ChoiceField(choices=Review.Decision.choices, widget=forms.HiddenInput)
    reasons = forms.MultipleChoiceField(
        label=_("Reasons"), choices=ReviewReason.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    comment = VerbatimField(
        label=_("Comment to the authors"),
        help_text=_("Each author reads it under their own submission."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class EditForm(forms.Form):
    """Some of a record's three texts, and the revision that the person saw."""

    base_revision = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    instruction = VerbatimField(label=_("Instruction"))
    context = VerbatimField(label=_("Context"))
    response = VerbatimField(label=_("Response"))

    @property
    def texts(self) -> dict[str, str]:
        """The texts that were sent; a field that wasn't leaves its text as it is."""
        names = ("instruction", "context", "response")
        return {name: self.cleaned_data[name] for name in names if name in self.data}


class UploadForm(forms.Form):
    """An edited sheet."""

    file = forms.FileField(
        label=_("Edited sheet"),
        help_text=_("The .xlsx or .csv file that you downloaded here and edited."),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": ".xlsx,.csv"}),
    )
