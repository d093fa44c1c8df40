"""The form of announcements and reminders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _

from collector.actions.mailings import Wanted
from collector.forms import MOST_COUNTED, Refusable, VerbatimField
from collector.models import Campaign, Mailing, Team
from collector.models.mailings import KINDS, LONGEST_BODY
from collector.text import validate_text

if TYPE_CHECKING:
    from datetime import datetime

DAYS = [(0, _("Mon")), (1, _("Tue")), (2, _("Wed")), (3, _("Thu")), (4, _("Fri")), (5, _("Sat")), (6, _("Sun"))]
USUAL_HOUR = 9


class MailingForm(Refusable):
    """What a mailing says, to whom, and when."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=MOST_COUNTED)
    campaign = forms.ModelChoiceField(label=_("Campaign"), queryset=Campaign.objects.none(), empty_label=None)
    kind = forms.ChoiceField(label=_("Kind"), choices=KINDS)
    subject = forms.CharField(label=_("Subject"), max_length=150, validators=[validate_text])
    body = VerbatimField(
        label=_("Text"),
        max_length=LONGEST_BODY,
        help_text=_("In Markdown. A greeting by name, how far the campaign is and a button to begin are added."),
    )
    audience = forms.ChoiceField(label=_("To whom"), choices=Mailing.Audience.choices)
    team = forms.ModelChoiceField(
        label=_("Only in this team"), queryset=Team.objects.all(), required=False, empty_label=_("every team")
    )
    day = forms.DateField(label=_("Day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    at = forms.TimeField(label=_("Time"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    weekdays = forms.TypedMultipleChoiceField(
        label=_("Again on"),
        choices=DAYS,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: it goes out once."),
    )
    last_day = forms.DateField(
        label=_("Until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Empty: as long as the campaign is open."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        campaigns = Campaign.objects.exclude(status=Campaign.Status.CLOSED)
        chosen = self.initial.get("campaign")
        if chosen is not None:
            campaigns = campaigns | Campaign.objects.filter(pk=chosen.pk)
        self.fields["campaign"].queryset = campaigns.order_by("name")  # type: ignore[attr-defined]  # ModelChoiceField's

    @staticmethod
    def initial_of(mailing: Mailing | None, *, campaign: Campaign | None, now: datetime) -> dict[str, Any]:
        """Return the form's values for a mailing, or for one that is to be written."""
        if mailing is not None:
            names = Wanted.__dataclass_fields__
            return {name: getattr(mailing, name) for name in names} | {
                "campaign": mailing.campaign,
                "version": mailing.version,
            }
        here = now.astimezone(ZoneInfo(campaign.time_zone)) if campaign is not None else now
        hour = min(23, max(USUAL_HOUR, here.hour + 1))
        return {
            "version": 0,
            "campaign": campaign,
            "kind": KINDS[0][0],
            "day": here.date(),
            "at": here.time().replace(hour=hour, minute=0, second=0, microsecond=0),
        }

    @property
    def wanted(self) -> Wanted:
        """What the lead asks for, once the form is valid."""
        return Wanted(**{name: self.cleaned_data[name] for name in Wanted.__dataclass_fields__})
