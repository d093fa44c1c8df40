"""The page that shows the design system: every component in every state, and the measures and colours behind them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django import forms
from django.http import Http404
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from ui import tokens

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

STATES = (
    ("draft", gettext_lazy("Draft")),
    ("submitted", gettext_lazy("Waiting for review")),
    ("approved", gettext_lazy("Approved")),
    ("changes_requested", gettext_lazy("Changes requested")),
    ("rejected", gettext_lazy("Rejected")),
    ("withdrawn", gettext_lazy("Withdrawn")),
)
REASONS = (("unclear", gettext_lazy("Unclear")), ("copied", gettext_lazy("Copied")), ("unsafe", gettext_lazy("Unsafe")))


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label=gettext_lazy("Name"), initial="Ada Lovelace")
    instruction = forms.CharField(
        label=gettext_lazy("Instruction"),
        help_text=gettext_lazy("What should the model do? One task, in your own words."),
        widget=forms.Textarea,
    )
    licence = forms.ChoiceField(label=gettext_lazy("Licence"), choices=[("cc", "CC-BY-SA-4.0"), ("zero", "CC0-1.0")])
    reasons = forms.MultipleChoiceField(
        label=gettext_lazy("Reasons"), choices=REASONS, widget=forms.CheckboxSelectMultiple, initial=["unclear"]
    )
    agreed = forms.BooleanField(label=gettext_lazy("I wrote this myself"), help_text=gettext_lazy("Not a chatbot."))
    locked = forms.CharField(label=gettext_lazy("Handle"), initial="ada", disabled=True)


@require_safe
def components(request: HttpRequest) -> HttpResponse:
    """Show the design system to staff; for anybody else there is no such page."""
    if not getattr(request.user, "is_staff", False):
        raise Http404
    light, dark = tokens.light(), tokens.dark()
    return render(
        request,
        "ui/components.html",
        {
            "type_scale": [(name, light[name]) for name in tokens.named("text-")],
            "spaces": [(name, light[name]) for name in tokens.named("space-")],
            "colours": [(name, light[name], dark[name]) for name in tokens.colours()],
            "pairs": [(pair, pair.light, pair.dark) for pair in tokens.PAIRS],
            "states": STATES,
            "form": SampleForm(prefix="plain"),
            "refused": SampleForm({"refused-licence": "none"}, prefix="refused"),
            "rows": [(_("Brainstorming"), 1240, 0.31), (_("Summarization"), 420, 0.105)],
            "moment": timezone.now() - timedelta(hours=3),
            "hidden_text": "safe\u202etxt",
        },
    )
