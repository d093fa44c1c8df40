"""What others see of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from collector.actions import people
from collector.forms import ProfileForm
from collector.models import Person

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.views.common import PersonRequest


@require_http_methods(["GET", "POST"])
def profile(request: PersonRequest) -> HttpResponse:
    """Show the profile, or change it."""
    form = ProfileForm(request.POST or None, instance=Person.objects.get(pk=request.user.pk))
    if request.method == "POST" and form.is_valid():
        people.update_profile(
            person=request.user,
            display_name=form.cleaned_data["display_name"],
            handle=form.cleaned_data["handle"],
            team=form.cleaned_data["team"],
            time_zone=form.cleaned_data["time_zone"],
            on_boards=form.cleaned_data["on_boards"],
            wants_digest=form.cleaned_data["wants_digest"],
            wants_announcements=form.cleaned_data["wants_announcements"],
            wants_reminders=form.cleaned_data["wants_reminders"],
            weekends_count=form.cleaned_data["weekends_count"],
            wants_celebrations=form.cleaned_data["wants_celebrations"],
            by=request.user,
            now=timezone.now(),
        )
        messages.success(request, _("Saved."))
        return redirect("profile")
    return render(request, "collector/profile.html", {"form": form}, status=400 if form.errors else 200)
