"""The page of what changed between two versions."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from exports import changes, comparisons, semver
from exports.edits import TEXTS
from exports.models import DatasetVersion
from exports.views import version_url
from ui.partials import render_partial_response

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from collector.models import Person
    from exports.changes import Change
    from exports.comparisons import Kind

PAGE_SIZE = 20
MOST_CHARACTERS = 50_000
"""A text of more characters is not compared while somebody waits for the page."""
SHOWN_CHARACTERS = 5_000
WHY = {
    "major": gettext_lazy(
        "Records were edited, removed or moved to another split: results with one don't carry over to the other."
    ),
    "minor": gettext_lazy("Records were only added; those that were there are unchanged."),
    "patch": gettext_lazy("The records are the same; only their packing may differ."),
}
STEPS = {
    "major": gettext_lazy("A major step"),
    "minor": gettext_lazy("A minor step"),
    "patch": gettext_lazy("A patch step"),
}


@require_safe
def dataset_changes(request: HttpRequest, version: str) -> HttpResponse:
    """Show what changed since the parent, or since any earlier version: figures, then each record, searchable."""
    name = request.GET.get("name") or settings.WOOLGATHER_DATASET_NAME
    versions = DatasetVersion.objects.named(name).select_related("dataset", "parent__dataset")
    found = get_object_or_404(versions, number=int(version[1:]))
    earlier = changes.earlier_versions(found)
    before = _against(request.GET.get("against", ""), found, earlier)
    counts = comparisons.counts(found, before)
    look = changes.Look(
        after=found,
        before=before,
        kind=_kind(request.GET.get("kind", ""), counts),
        person=cast("Person", request.user),
        search=request.GET.get("q", "")[: changes.MOST_SEARCHED],
        category=request.GET.get("category", ""),
    )
    rows, more = look.page(PAGE_SIZE, after=_key(request.GET.get("from", "")))
    composition = _composition(found, before)
    step = semver.step(**counts) if before else None
    context: dict[str, Any] = {
        "version": found,
        "before": before,
        "earlier": earlier,
        "look": look,
        "rows": [_shown(row) for row in rows],
        "more": more,
        "is_further": bool(request.GET.get("from")),
        "counts": counts,
        "tabs": [(kind, label, counts[kind]) for kind, label in _tabs()],
        "composition": composition,
        "categories": [line["name"] for line in composition[0]["lines"]],
        "step": STEPS[step] if step else "",
        "why": WHY[step] if step else "",
        "url": reverse("dataset-changes", args=[found.label]),
        "back": version_url(found),
        "named": "" if found.name == settings.WOOLGATHER_DATASET_NAME else found.name,
    }
    return render_partial_response(request, "exports/version_changes.html", context, {"records": "records"})


def _tabs() -> list[tuple[Kind, str]]:
    return [("added", _("Added")), ("removed", _("Removed")), ("edited", _("Edited"))]


def _against(label: str, version: DatasetVersion, earlier: list[DatasetVersion]) -> DatasetVersion | None:
    if not label:
        return version.parent
    found = next((one for one in earlier if one.label == label), None)
    if found is None:
        raise Http404(f"{version} can't be compared with {label}.")
    return found


def _kind(asked: str, counts: dict[str, int]) -> Kind:
    fallback = next((kind for kind in comparisons.KINDS if counts[kind]), comparisons.KINDS[0])
    return next((kind for kind in comparisons.KINDS if kind == asked), fallback)


def _key(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _shown(change: Change) -> dict[str, Any]:
    """Bring a record into the shape of the page: its texts cut, its changed texts in pairs."""
    titles = {"instruction": _("Instruction"), "context": _("Context"), "response": _("Response")}
    texts = change.texts or {}
    pairs = change.edit.texts or {} if change.edit else {}
    return {
        "change": change,
        "texts": [
            (titles[name], texts[name][:SHOWN_CHARACTERS], len(texts[name]) > SHOWN_CHARACTERS)
            for name in TEXTS
            if texts.get(name)
        ],
        "pairs": [
            (titles[name], *pairs[name], max(map(len, pairs[name])) > MOST_CHARACTERS)
            for name in TEXTS
            if name in pairs
        ],
        "facts": [(name, *both) for name, both in change.edit.details.items()] if change.edit else [],
    }


def _composition(version: DatasetVersion, before: DatasetVersion | None) -> list[dict[str, Any]]:
    titles = {
        "categories": _("Category"),
        "languages": _("Language"),
        "licences": _("Licence"),
        "splits": _("Split"),
    }
    then = comparisons.figures(before) if before else {name: {} for name in titles}
    now = comparisons.figures(version)
    tables = []
    for key, title in titles.items():
        both = comparisons.side_by_side(then[key], now[key])
        most = max((max(pair) for pair in both.values()), default=0) or 1
        lines = [
            {
                "name": name,
                "before": old,
                "after": new,
                "change": new - old,
                # Of a hundred; what there is at all is seen.
                "wide_before": _width(old, most),
                "wide_after": _width(new, most),
            }
            for name, (old, new) in both.items()
        ]
        tables.append({"key": key, "title": title, "lines": lines})
    return tables


def _width(count: int, most: int) -> int:
    return max(1, round(100 * count / most)) if count else 0
