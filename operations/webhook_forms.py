"""The form of a webhook."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from collector.forms import Refusable
from webhooks import conf, targets
from webhooks.models import Endpoint, Kind


class WebhookForm(Refusable):
    """What a webhook is called, where it goes and what it tells."""

    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("What your colleagues call the other side, such as Data warehouse.")
    )
    style = forms.ChoiceField(label=_("Kind"), choices=Endpoint.Style.choices)
    url = forms.CharField(
        label=_("Address"),
        max_length=targets.LONGEST,
        widget=forms.TextInput(attrs={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"}),
    )
    kinds = forms.MultipleChoiceField(
        label=_("Tell it when"), choices=Kind.subscribable, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, endpoint: Endpoint | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        hosts = ", ".join(sorted(str(place) for place in conf.allowed_hosts()))
        allowed = _("Hosts that the operator allowed: %(hosts)s") % {"hosts": hosts}
        self.fields["url"].help_text = allowed
        if endpoint is not None:
            del self.fields["style"]
            self.fields["url"].required = False
            self.fields["url"].help_text = (
                _("Empty: it stays %(address)s.") % {"address": endpoint.shown_url} + f" {allowed}"
            )
