"""The pages of dataset versions: the list, one version, its files."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector.errors import NotAllowed, Refused
from collector.models import Role
from exports import actions, downloads, queries, serving, tasks
from exports.forms import ReleaseForm
from exports.models import DatasetVersion
from jobs.models import Job
from ui.partials import render_partial_response
from ui.streams import NoRoomError, busy, takes_a_thread

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse, HttpResponseBase

    from collector.models import Person

PAGE_SIZE = 20


def _person(request: HttpRequest) -> Person:
    person = request.user
    assert person.is_authenticated  # noqa: S101 - LoginRequiredMiddleware saw to it
    return person


def _version(request: HttpRequest, label: str) -> DatasetVersion:
    name = request.GET.get("name") or settings.WOOLGATHER_DATASET_NAME
    versions = DatasetVersion.objects.named(name).select_related(
        "dataset", "parent__dataset", "created_by", "withdrawn_by"
    )
    return get_object_or_404(versions, number=int(label[1:]))


def version_url(version: DatasetVersion) -> str:
    """Return the address of a version's page."""
    url = reverse("dataset-detail", args=[version.label])
    return url if version.name == settings.WOOLGATHER_DATASET_NAME else f"{url}?name={version.name}"


@require_http_methods(["GET", "HEAD", "POST"])
def datasets(request: HttpRequest) -> HttpResponse:
    """List the versions, newest first, with the progress of those being built; POST starts the next one."""
    person = _person(request)
    may_release = person.has_role(Role.LEAD)
    form = ReleaseForm(request.POST or None) if may_release else None
    status = 200
    if request.method == "POST":
        if form is None:
            raise PermissionDenied(_("Only a campaign lead or an admin can release a version."))
        answer = start(request, form, person)
        if answer is not None:
            return answer
        status = 400
    versions = DatasetVersion.objects.select_related("dataset", "created_by")
    page = Paginator(versions, PAGE_SIZE).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    context = {
        "page": page,
        "rows": [{"version": row, "url": version_url(row), "job": job} for row, job in _with_jobs(rows)],
        "is_building": any(row.is_building for row in rows),
        "form": form,
        "may_release": may_release,
    }
    shown = render_partial_response(
        request, "exports/version_list.html", context, {"versions": "versions"}, status=status
    )
    return held_back(shown, form)


def start(request: HttpRequest, form: ReleaseForm, person: Person) -> HttpResponse | None:
    """Start a release; None where the form is to be shown again with what is wrong."""
    if not form.is_valid():
        return None
    try:
        version = tasks.start(
            name=form.cleaned_data["name"],
            filter=form.filter,
            formats=form.cleaned_data["formats"],
            licence=form.cleaned_data["licence"],
            shares=form.shares,
            by=person,
            now=timezone.now(),
        )
    except actions.NothingChanged as unchanged:
        messages.info(request, str(unchanged))
        return redirect(version_url(unchanged.version))
    except ValidationError as error:
        form.add_refusal(error)
        return None
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except actions.TooManyBuilds as error:
        form.add_error(None, str(error))
        form.wait = error.wait
        return None
    except Refused as error:
        form.add_error(None, str(error))
        return None
    messages.success(request, _("%(version)s is frozen and being built.") % {"version": version})
    return redirect(version_url(version))


def held_back(answer: HttpResponse, form: ReleaseForm | None) -> HttpResponse:
    """Say when to send the form again, where ``start`` found earlier builds in its way."""
    if form is not None and form.wait:
        answer.status_code = HTTPStatus.TOO_MANY_REQUESTS
        answer.headers["Retry-After"] = str(form.wait)
    return answer


def _with_jobs(rows: list[DatasetVersion]) -> list[tuple[DatasetVersion, Job | None]]:
    jobs = Job.objects.in_bulk([row.job for row in rows if row.is_building and row.job])
    return [(row, jobs.get(row.job) if row.job else None) for row in rows]


@require_safe
def dataset(request: HttpRequest, version: str) -> HttpResponse:
    """Show one version: what it holds, its files, what changed; while it is being built, its progress."""
    found = _version(request, version)
    job = Job.objects.filter(pk=found.job).first() if found.is_building and found.job else None
    context: dict[str, Any] = {
        "version": found,
        "job": job,
        "url": version_url(found),
        "table": _composition(found),
        "changes": queries.changes(found),
        "parent_url": version_url(found.parent) if found.parent else "",
        "files": _files(found),
        "may_release": _person(request).has_role(Role.LEAD),
        "may_withdraw": found.is_ready and _person(request).has_role(Role.ADMIN),
        "query": f"?name={found.name}" if "?" in version_url(found) else "",
    }
    return render_partial_response(request, "exports/version_detail.html", context, {"progress": "progress"})


def _composition(version: DatasetVersion) -> list[dict[str, Any]]:
    table: dict[str, dict[str, Any]] = {}
    for row in queries.composition(version):
        line = table.setdefault(row["category"], {"category": row["category"], "rows": 0, "splits": {}})
        line["splits"][row["split"]] = row["rows"]
        line["rows"] += row["rows"]
    return [
        {
            **line,
            "cells": [line["splits"].get(split, 0) for split in version.splits],
            "share": 100 * line["rows"] / version.rows,
        }
        for line in table.values()
    ]


def _files(version: DatasetVersion) -> list[dict[str, Any]]:
    query = "" if version.name == settings.WOOLGATHER_DATASET_NAME else f"?name={version.name}"
    return [
        {**entry, "url": reverse("dataset-file", args=[version.label, entry["path"]]) + query}
        for entry in serving.listed(version)
    ]


@require_POST
def retry(request: HttpRequest, version: str) -> HttpResponse:
    """Take a failed version up again."""
    found = _version(request, version)
    try:
        tasks.start_again(version=found, by=_person(request), now=timezone.now())
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("%(version)s is being built again.") % {"version": found})
    return redirect(version_url(found))


@require_safe
def download(request: HttpRequest, version: str, path: str) -> HttpResponseBase:
    """Hand out one file of a ready version, and note who got it."""
    found = _version(request, version)
    try:
        response = downloads.file_response(request=request, version=found, path=path, root=tasks.root())
    except serving.NotServed as error:
        raise Http404(str(error)) from error
    except NoRoomError:
        return busy(request)
    if request.method == "GET":
        actions.record_download(version=found, path=path, by=_person(request), now=timezone.now())
    return response


@require_safe
@takes_a_thread
def download_all(request: HttpRequest, version: str) -> HttpResponseBase:
    """Hand out all files of a ready version as one zip, and note who got it."""
    found = _version(request, version)
    try:
        response = downloads.zip_response(version=found, root=tasks.root())
    except serving.NotServed as error:
        raise Http404(str(error)) from error
    if request.method == "GET":
        actions.record_download(version=found, path="*.zip", by=_person(request), now=timezone.now())
    return response


@require_POST
def withdraw(request: HttpRequest, version: str) -> HttpResponse:
    """Stop serving a version's files."""
    found = _version(request, version)
    reason = request.POST.get("reason", "")
    try:
        actions.withdraw_version(version=found, reason=reason, by=_person(request), now=timezone.now())
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    except Refused as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request, _("%(version)s is withdrawn: its files are no longer handed out.") % {"version": found}
        )
    return redirect(version_url(found))
