"""What a new API token is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from collector.actions.tokens import scopes_of
from collector.forms import Refusable
from collector.text import validate_text

if TYPE_CHECKING:
    from collector.models import Person

DAYS = (
    (7, _("a week")),
    (30, _("30 days")),
    (90, _("90 days")),
    (365, _("a year")),
)
DEFAULT_DAYS = 90


class TokenForm(Refusable):
    """What for, how far and how long; nobody gives a token more than their own role."""

    name = forms.CharField(
        label=_("What for"),
        help_text=_("So that you know it again, such as “nightly import”."),
        max_length=80,
        validators=[validate_text],
    )
    scope = forms.ChoiceField(
        label=_("It may"), help_text=_("Each holds those before it; your own role is the limit either way.")
    )
    days = forms.TypedChoiceField(label=_("It works for"), choices=DAYS, coerce=int, initial=DEFAULT_DAYS)

    def __init__(self, *args: Any, person: Person, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(scope.value, scope.label) for scope in scopes_of(person)]
        self.fields["scope"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField
