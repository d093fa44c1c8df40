"""allauth's form for a new passkey, in words that say what the tick does."""

from __future__ import annotations

from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.utils.translation import gettext_lazy as _


class PasskeyForm(AddWebAuthnForm):
    """A name, and whether the passkey stands for the password too."""

    passwordless = forms.BooleanField(
        label=_("Sign me in with it alone"),
        help_text=_("Without my password: the device asks for a fingerprint, a face or its code instead."),
        required=False,
        initial=True,
    )
