"""The leaderboard and the public page of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from collector.models import Campaign, Category, Person
from collector.periods import zone_of
from collector.views.common import visible_campaigns
from leaderboard import queries
from leaderboard.personal import page_of
from leaderboard.queries import Board, Choice, Period
from ui.partials import render_partial_response

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.views.common import PersonRequest

ON_WALL = 10


@require_safe
def board(request: PersonRequest) -> HttpResponse:
    """Show a board; an unknown board or period in the address is the usual one. ``display=wall`` is for a screen."""
    if request.GET.get("display") == "wall":
        return wall(request)
    now = timezone.now()
    asked_board, asked_period = request.GET.get("board"), request.GET.get("period")
    chosen = Board(asked_board) if asked_board in Board.values else Board.PEOPLE
    period = Period(asked_period) if asked_period in Period.values else Period.WEEK
    campaigns = visible_campaigns(request)
    categories = list(Category.objects.only("pk", "slug", "name"))
    campaign = next((one for one in campaigns if one.slug == request.GET.get("campaign")), None)
    category = next((one for one in categories if one.slug == request.GET.get("category")), None)
    current = campaign or next((one for one in campaigns if one.status == Campaign.Status.OPEN), None)
    contests = queries.contests_of(current, now) if current else []
    contest = next((one for one in contests if str(one.pk) == request.GET.get("contest")), None)
    if period == Period.CAMPAIGN and campaign is None:
        campaign = current
    start = queries.since(period, now, zone_of(current.time_zone if current else ""))
    choice = Choice(
        board=chosen,
        period=period,
        campaign=campaign.pk if campaign else 0,
        category=category.pk if category else 0,
        contest=contest,
    )
    context = {
        "boards": Board.choices,
        "periods": Period.choices,
        "board": chosen.value,
        "period": "" if contest else period.value,
        "campaigns": campaigns,
        "categories": categories,
        "campaign": campaign,
        "category": category,
        "contests": contests,
        "contest": contest,
        "since": start,
        "standings": queries.standings(choice=choice, start=start, person=request.user),
    }
    return render(request, "leaderboard/board.html", context)


def wall(request: PersonRequest) -> HttpResponse:
    """Show the contest that runs, or the week, on a screen that everybody passes by; it keeps itself up to date.

    On a Monday morning, when the week has nothing yet, it is the month, and then all time.
    """
    now = timezone.now()
    campaign = Campaign.objects.open().first()
    zone = zone_of(campaign.time_zone if campaign else "")
    contest = queries.running_contest(now)
    for period in (Period.WEEK,) if contest else (Period.WEEK, Period.MONTH, Period.ALL):
        start = queries.since(period, now, zone)
        boards = {
            board: queries.standings(
                choice=Choice(board=board, period=period, contest=contest), start=start, person=request.user
            ).rows[:ON_WALL]
            for board in (Board.PEOPLE, Board.TEAMS)
        }
        if any(boards.values()):
            break
    context = {
        "since": start,
        "now": now,
        "period": period.label,
        "contest": contest,
        "boards": [(_("People"), boards[Board.PEOPLE]), (_("Teams"), boards[Board.TEAMS])],
    }
    return render_partial_response(request, "leaderboard/wall.html", context, {"wall": "wall"})


@require_safe
def person(request: PersonRequest, handle: str) -> HttpResponse:
    """Show what a colleague did here; sources of imports, people who left and who hides on the boards have no page."""
    seen = Person.objects.filter(Q(on_boards=Person.OnBoards.NAME) | Q(pk=request.user.pk))
    found = get_object_or_404(seen.select_related("team"), handle=handle, is_active=True, is_source=False)
    is_own = found.pk == request.user.pk
    shown = page_of(found, timezone.now(), is_own=is_own)
    return render(request, "leaderboard/person.html", {"person": found, "shown": shown, "is_own": is_own})
