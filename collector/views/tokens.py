"""A person's own API tokens: made, shown once, ended."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from collector.actions.tokens import create_token, revoke_token
from collector.token_forms import TokenForm

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.views.common import PersonRequest


@require_http_methods(["GET", "POST"])
def tokens(request: PersonRequest) -> HttpResponse:
    """List what works, or make one and show its secret, this once."""
    now = timezone.now()
    form = TokenForm(request.POST or None, person=request.user)
    made = ""
    if request.method == "POST" and form.is_valid():
        try:
            _token, made = create_token(
                person=request.user,
                scope=form.cleaned_data["scope"],
                name=form.cleaned_data["name"],
                expires_at=now + timedelta(days=form.cleaned_data["days"]),
                by=request.user,
                now=now,
            )
            form = TokenForm(person=request.user)
        except ValidationError as error:
            form.add_refusal(error)
    live = request.user.tokens.live(now)
    context = {"form": form, "made": made, "tokens": live, "now": now}
    return render(request, "collector/tokens.html", context, status=400 if form.errors else 200)


@require_POST
def revoke(request: PersonRequest, pk: int) -> HttpResponse:
    """End one; a stranger's is not there."""
    token = get_object_or_404(request.user.tokens.select_related("person"), pk=pk)
    revoke_token(token=token, by=request.user, now=timezone.now())
    return redirect("tokens")
