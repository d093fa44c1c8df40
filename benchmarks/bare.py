"""The ceiling of the replay: a Django project with one table and one view that inserts one row.

No middleware, no sign-in, no checks: what is left is the price of HTTP, Django and one committed INSERT.
It runs on the same server and the same database settings as Woolgather (``benchmarks/replay.py`` starts it).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import django
from django.conf import settings

os.environ.pop("DJANGO_SETTINGS_MODULE", None)
if not settings.configured:
    from config import settings as ours

    settings.configure(
        SECRET_KEY=ours.SECRET_KEY,
        ALLOWED_HOSTS=["*"],
        DATABASES=ours.DATABASES,
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATA_UPLOAD_MAX_MEMORY_SIZE=ours.DATA_UPLOAD_MAX_MEMORY_SIZE,
    )
    django.setup()

from django.core.wsgi import get_wsgi_application
from django.db import models
from django.http import HttpResponse
from django.urls import path

if TYPE_CHECKING:
    from django.http import HttpRequest

from benchmarks.bare_table import TABLE


class Pair(models.Model):
    """The one table."""

    instruction = models.TextField()
    context = models.TextField()
    response = models.TextField()

    class Meta:
        app_label = "bare"
        db_table = TABLE

    def __str__(self) -> str:
        return f"pair {self.pk}"


def insert(request: HttpRequest) -> HttpResponse:
    """Insert what was posted."""
    fields = {name: request.POST.get(name, "") for name in ("instruction", "context", "response")}
    Pair(**fields).save(force_insert=True)
    return HttpResponse(status=201)


urlpatterns = [path("", insert)]
application = get_wsgi_application()
