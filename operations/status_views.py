"""The status page: whether everything that should run does, and what waits. For admins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from collector.models import Role
from operations import state, surroundings
from ui.partials import render_partial_response

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.views.common import PersonRequest


@require_safe
def status(request: PersonRequest) -> HttpResponse:
    """Show it; htmx asks for the figures again every fifteen seconds."""
    if not request.user.has_role(Role.ADMIN):
        raise PermissionDenied(_("The status page is for admins."))
    now = timezone.now()
    seen = state.read(now)
    parts, backup = surroundings.parts(seen), surroundings.last_backup()
    context = {
        "seen": seen,
        "parts": parts,
        "troubles": surroundings.troubles(seen, parts, backup),
        "failed": state.last_failed_jobs(),
        "versions": state.last_versions(),
        "disk": surroundings.disk(),
        "backup": backup,
        "software": surroundings.software(),
        "is_training_at_work": seen.runs["running"],
    }
    return render_partial_response(request, "operations/status.html", context, {"status": "status"})
