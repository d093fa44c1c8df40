"""Answers with a whole page, or with the one fragment of it that htmx asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse


def render_partial_response(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    fragments: Mapping[str, str],
    *,
    status: int = 200,
) -> HttpResponse:
    """Render ``template``, or only the partial that belongs to the request's htmx target.

    Args:
        fragments: partial names by element id. The server picks: a target that is not listed gets the whole page.
    """
    target = request.headers.get("HX-Target", "") if request.headers.get("HX-Request") == "true" else ""
    partial = fragments.get(target)
    response = render(request, f"{template}#{partial}" if partial else template, dict(context), status=status)
    response.headers["Vary"] = ", ".join(filter(None, [response.headers.get("Vary"), "HX-Request, HX-Target"]))
    return response
