"""Secrets that must be used again, kept so that the database alone does not give them away."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.translation import gettext as _


class Unsealable(Exception):
    """The key that it was sealed with is gone; the text says what to do."""


def seal(text: str) -> str:
    """Encrypt with a key that follows from ``SECRET_KEY``."""
    return _box().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Decrypt; keys in ``SECRET_KEY_FALLBACKS`` do, too. Raises Unsealable."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unsealable(
            _("It was sealed with another SECRET_KEY and can't be read. Type the address again and make a new secret.")
        ) from error


def _box() -> MultiFernet:
    return MultiFernet([Fernet(_key(one)) for one in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> bytes:
    made = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"woolgather.webhooks").derive(secret.encode())
    return base64.urlsafe_b64encode(made)
