"""The request as htmx pages see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails


class HtmxHttpRequest(HttpRequest):
    """A request with what htmx said about itself; ``HtmxMiddleware`` adds it to every request."""

    htmx: HtmxDetails
