"""Live notes: what the checks find in a text while it is written, and who asked nearly the same before."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from collector import checks, diffs
from collector.models import Category
from collector.near_queries import nearest
from collector.pairs import Text
from collector.queries import find_passage
from collector.text import is_blank
from collector.views.common import current_campaign, find_campaign

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpResponse

    from collector.views.common import PersonRequest

# What is read of each field while somebody types; all of it is checked when it is sent.
MOST_READ = 100_000
# Beside each other two long instructions can't be read: so much of each is shown, in characters.
MOST_SHOWN = 600


@dataclass(frozen=True)
class Beside:
    """An instruction that exists beside the person's own: the words that differ are marked in each."""

    percent: int
    theirs: Sequence[diffs.Part]
    mine: Sequence[diffs.Part]
    is_theirs_cut: bool
    is_mine_cut: bool


@require_POST
def notes(request: PersonRequest, category: str) -> HttpResponse:
    """Answer with the notes on what is in the editor; with nothing at all where there are none.

    Who wrote the other instruction, and what it was answered, is not said: the reader is a contributor.
    """
    campaign = find_campaign(request, request.POST.get("campaign", "")) or current_campaign(request)
    if campaign is None:
        raise Http404
    kind = get_object_or_404(campaign.categories, slug=category)
    text = Text.of(**{name: request.POST.get(name, "")[:MOST_READ] for name in checks.FIELDS})
    passage = find_passage(request.POST.get("passage", ""))
    language = campaign.expected_language(request.POST.get("language", ""))
    context = {
        "findings": checks.find(text, passage=passage.text if passage else "", language=language),
        "neighbours": _neighbours(text, kind, request.POST.get("id", "")),
    }
    return render(request, "collector/_notes.html", context)


def _neighbours(text: Text, category: Category, own: str) -> list[Beside]:
    # Until the context is there, “Summarize the text below” would be like every other.
    if category.context == Category.Context.REQUIRED and is_blank(text.context):
        return []
    found = nearest(instruction=text.instruction, context=text.context, exclude=_ids(own))
    # The same words three times would say no more than once.
    alike = {neighbour.revision.instruction: neighbour.percent for neighbour in reversed(found)}
    return [_beside(percent, theirs, text.instruction) for theirs, percent in reversed(alike.items())]


def _beside(percent: int, theirs: str, mine: str) -> Beside:
    parts = diffs.diff(theirs[:MOST_SHOWN], mine[:MOST_SHOWN])
    return Beside(
        percent=percent,
        theirs=[part for part in parts if part.kind != "insert"],
        mine=[part for part in parts if part.kind != "delete"],
        is_theirs_cut=len(theirs) > MOST_SHOWN,
        is_mine_cut=len(mine) > MOST_SHOWN,
    )


def _ids(text: str) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(text)]
    except ValueError:
        return []
