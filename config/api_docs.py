"""The API's documentation, under the headers that every page has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerView

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response


class ApiDocs(SpectacularSwaggerView):
    """Swagger's page. It gives up the isolation of its window for pop-ups of OAuth, which this API doesn't have."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show the page."""
        response: Response = super().get(request, *args, **kwargs)  # type: ignore[no-untyped-call]  # the library has no types
        del response.headers["Cross-Origin-Opener-Policy"]
        return response
