"""Jobs and workers in the admin: to look at, to start again, to cancel; never to edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from jobs import actions, tasks
from jobs.models import Job, WorkerHeartbeat

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db import models
    from django.db.models import QuerySet
    from django.http import HttpRequest


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Shows rows that only actions write."""

    def has_add_permission(self, _request: HttpRequest) -> bool:
        """Nobody adds one here."""
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: models.Model | None = None) -> bool:
        """Nobody edits one."""
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: models.Model | None = None) -> bool:
        """Nobody deletes one."""
        return False


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """What was asked for, by whom, and how it went."""

    list_display = ("kind", "status", "message", "attempt", "requested_by", "created_at", "finished_at")
    list_filter = ("status", "kind", "queue")
    list_select_related = ("requested_by",)
    search_fields = ("id", "key")
    date_hierarchy = "created_at"
    actions = ("start_again", "cancel")

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Whether this person may start and cancel jobs."""
        return request.user.has_perm("jobs.change_job")

    @admin.action(description=_("Start the chosen jobs again"), permissions=["manage"])
    def start_again(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Queue failed and cancelled jobs again, and ring."""
        for job in self._each(request, queryset, actions.retry):
            tasks.ring(job)

    @admin.action(description=_("Cancel the chosen jobs"), permissions=["manage"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """End waiting and running jobs."""
        self._each(request, queryset, actions.cancel)

    def _each(self, request: HttpRequest, queryset: QuerySet[Job], act: Callable[..., Job]) -> list[Job]:
        """Act on each job; tell how many it worked for and why not for the others."""
        done: list[Job] = []
        for job in queryset:
            try:
                done.append(act(job_id=job.pk, by=request.user, now=timezone.now()))
            except actions.JobStateError as error:
                self.message_user(request, f"{job}: {error}", messages.WARNING)
        if done:
            text = ngettext("%(count)d job.", "%(count)d jobs.", len(done)) % {"count": len(done)}
            self.message_user(request, text)
        return done


@admin.register(WorkerHeartbeat)
class WorkerHeartbeatAdmin(ReadOnlyAdmin):
    """Which workers were seen when."""

    list_display = ("worker", "started_at", "seen_at")
