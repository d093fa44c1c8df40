"""Second factors: what authenticator apps show, and how their secrets are kept."""

from __future__ import annotations

import base64
import hashlib

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.utils.translation import gettext as _

SALT = b"woolgather.second-factor"


class MFAAdapter(DefaultMFAAdapter):
    """Keeps the secrets of authenticator apps encrypted: a copy of the database alone signs nobody in."""

    def encrypt(self, text: str) -> str:
        """Encrypt with the newest SECRET_KEY."""
        return _fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt with any key that is still in SECRET_KEY_FALLBACKS."""
        return _fernet().decrypt(encrypted_text.encode()).decode()

    def generate_authenticator_name(self, user: object, type: object) -> str:
        """Suggest a name that says which device it is, once the person has written it."""
        return _("My device")


def _fernet() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(hashlib.sha256(SALT + key.encode()).digest())) for key in keys])
