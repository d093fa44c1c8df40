"""The ASGI application, for servers that prefer it."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if settings.WOOLGATHER_UNWRITABLE:
    raise settings.WOOLGATHER_UNWRITABLE
application = get_asgi_application()
