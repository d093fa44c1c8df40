"""Forms of campaigns and of invitations to them."""

from __future__ import annotations

import csv
import io
import zoneinfo
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _gettext
from django.utils.translation import gettext_lazy as _

from collector.actions.campaign_life import Settings
from collector.actions.campaigns import current_terms
from collector.actions.invitations import BY_LEADS, MOST_USES
from collector.forms import MOST_COUNTED, Refusable, VerbatimField
from collector.languages import validate_language
from collector.models import Campaign, Category, Licence, Team
from collector.text import validate_text

if TYPE_CHECKING:
    from django.forms.boundfield import BoundField

MOST_TARGET = 10_000_000
MOST_BYTES = 1_000_000


def _day(label: Any, **options: Any) -> forms.DateField:
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, widget=widget, required=False, **options)


class CampaignForm(Refusable):
    """All that a lead settles about a campaign; each category has a field for its target."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=MOST_COUNTED)
    name = forms.CharField(label=_("Name"), max_length=120, validators=[validate_text])
    description = VerbatimField(label=_("Description"), help_text=_("A sentence or two on the start page."))
    guidelines = VerbatimField(label=_("Guidelines"), help_text=_("What good looks like, in Markdown."))
    terms = VerbatimField(
        label=_("Contributor terms"),
        help_text=_("In Markdown. A changed text is a new version, which everybody accepts before they go on."),
    )
    data_licence = forms.ChoiceField(label=_("Data licence"), choices=Licence.choices)
    language = forms.CharField(
        label=_("Language"), max_length=35, validators=[validate_language], help_text=_("Such as “en” or “de-CH”.")
    )
    more_languages = forms.CharField(
        label=_("Other languages"),
        max_length=300,
        required=False,
        help_text=_("That pairs may be in as well, with commas between them."),
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=[])
    starts_on = _day(_("First day"))
    ends_on = _day(_("Last day"), help_text=_("You close it yourself; nothing ends by the clock."))
    approvals_required = forms.IntegerField(
        label=_("Approvals a pair needs"), min_value=1, max_value=5, help_text=_("One to five.")
    )
    reviews_per_item = forms.IntegerField(
        label=_("Independent reviews of each pair"),
        min_value=1,
        max_value=5,
        help_text=_("With two or more, a lead has the last word where reviewers disagree."),
    )
    is_blind = forms.BooleanField(label=_("Reviewers don't see who wrote a text"), required=False)
    queue_order = forms.ChoiceField(label=_("Order of the review queue"), choices=Campaign.QueueOrder.choices)
    gold_percent = forms.IntegerField(
        label=_("Gold items among a hundred"), min_value=0, max_value=50, help_text=_("Their right decision is known.")
    )
    lease_minutes = forms.IntegerField(
        label=_("Minutes that the queue keeps a pair for one reviewer"), min_value=1, max_value=1_440
    )
    on_erasure = forms.ChoiceField(
        label=_("When a contributor erases their account"),
        choices=Campaign.OnErasure.choices,
        required=False,
        help_text=_("Say the same in the contributor terms. What a version holds stays in it, under the pseudonym."),
    )
    teams = forms.ModelMultipleChoiceField(
        label=_("Only these teams write"),
        queryset=Team.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: everybody does."),
    )
    targets = forms.CharField(required=False, widget=forms.HiddenInput)  # where what is wrong with targets is said

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        zones = sorted(zoneinfo.available_timezones())
        self.fields["time_zone"].choices = [(zone, zone) for zone in zones]  # type: ignore[attr-defined]  # ChoiceField's
        self.categories = list(Category.objects.all())
        for category in self.categories:
            self.fields[f"target_{category.slug}"] = forms.IntegerField(
                label=category.name, min_value=0, max_value=MOST_TARGET, required=False
            )

    @staticmethod
    def initial_of(campaign: Campaign | None) -> dict[str, Any]:
        """Return the form's values for a campaign, or for one that is to be made."""
        shown = campaign or Campaign()
        names = [name for name in Settings.__dataclass_fields__ if name not in {"targets", "teams", "terms"}]
        initial = {name: getattr(shown, name) for name in names} | {"version": shown.version if campaign else 0}
        initial["more_languages"] = ", ".join(shown.more_languages)
        if campaign is not None:
            terms = current_terms(campaign)
            initial |= {
                f"target_{row.category.slug}": row.target for row in campaign.targets.select_related("category")
            }
            initial |= {"teams": list(campaign.teams.all()), "terms": terms.text if terms else ""}
        return initial

    @property
    def target_fields(self) -> list[BoundField]:
        """The categories' fields."""
        return [self[f"target_{category.slug}"] for category in self.categories]

    def clean_on_erasure(self) -> str:
        """Keep, where nothing was chosen."""
        return self.cleaned_data["on_erasure"] or Campaign.OnErasure.KEEP

    def clean_more_languages(self) -> list[str]:
        """Read the tags between the commas."""
        tags = [tag.strip() for tag in self.cleaned_data["more_languages"].split(",") if tag.strip()]
        for tag in tags:
            validate_language(tag)
        return tags

    @property
    def settings(self) -> Settings:
        """What the lead asks for, once the form is valid."""
        data = self.cleaned_data
        targets = {category: data[f"target_{category.slug}"] for category in self.categories}
        named = {name: data[name] for name in Settings.__dataclass_fields__ if name not in {"targets", "teams"}}
        return Settings(
            **named,
            targets={category: target for category, target in targets.items() if target is not None},
            teams=list(data["teams"]),
        )


class LinkForm(Refusable):
    """A link with which several people sign up."""

    role = forms.ChoiceField(label=_("As"), choices=[(role.value, role.label) for role in BY_LEADS])
    link_team = forms.ModelChoiceField(
        label=_("Team"), queryset=Team.objects.all(), required=False, empty_label=_("They choose")
    )
    most_uses = forms.IntegerField(label=_("For how many people"), min_value=1, max_value=MOST_USES, initial=50)
    note = forms.CharField(
        label=_("Note"), max_length=120, required=False, validators=[validate_text], help_text=_("To tell links apart.")
    )


class ListForm(forms.Form):
    """Addresses, pasted or as a CSV file."""

    addresses = VerbatimField(
        label=_("Addresses"),
        help_text=_("One a line; after a comma the role, and after another the team, if you like."),
    )
    file = forms.FileField(label=_("Or a CSV file"), required=False)

    def clean(self) -> dict[str, Any]:
        """Read the file or the lines; one of them must be there."""
        data = super().clean() or {}
        text, upload = data.get("addresses", ""), data.get("file")
        if upload is not None:
            if upload.size > MOST_BYTES:
                raise ValidationError({"file": _("The file is larger than a megabyte.")})
            try:
                text = upload.read().decode("utf-8-sig")
                validate_text(text)
            except UnicodeDecodeError:
                raise ValidationError({"file": _("The file is not UTF-8 text.")}) from None
            except ValidationError as error:
                raise ValidationError({"file": error.messages}) from error
        if not text.strip() and not self.errors:
            raise ValidationError({"addresses": _("Give at least one address.")})
        data["text"] = text
        return data

    @staticmethod
    def rows_of(text: str) -> list[list[str]]:
        """Split a list into lines and cells.

        Raises:
            ValidationError: it is not CSV.
        """
        try:
            delimiter = ";" if ";" in text.split("\n", 1)[0] else ","
            return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        except csv.Error as error:
            raise ValidationError(_gettext("The list can't be read: %(why)s") % {"why": error}) from error
