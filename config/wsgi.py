"""The WSGI application that the web server loads."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if settings.WOOLGATHER_UNWRITABLE:
    raise settings.WOOLGATHER_UNWRITABLE
application = get_wsgi_application()
