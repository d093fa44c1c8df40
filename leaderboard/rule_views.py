"""How points come about: the rules, their change by a lead, and one's own points with their reasons."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from collector import point_queries
from collector.actions import points
from collector.errors import Refused
from collector.models import Award, Category, PointRules, Role
from collector.points import difficulty_of, why
from collector.queries import my_numbers, needs
from collector.views.common import current_campaign, status_of
from leaderboard.forms import RulesForm
from leaderboard.rule_preview import preview

if TYPE_CHECKING:
    from django.http import HttpResponse

    from collector.views.common import PersonRequest

PAGE_SIZE = 30


@require_safe
def rules(request: PersonRequest) -> HttpResponse:
    """Tell the rules in force in words, with what the categories pay now and the versions before."""
    versions = list(PointRules.objects.select_related("published_by"))
    in_force = versions[0]
    campaign = current_campaign(request)
    context = {
        "rules": in_force,
        "versions": versions,
        "campaign": campaign,
        "needs": needs(campaign) if campaign else [],
        "difficulties": [(category, difficulty_of(in_force, category)) for category in Category.objects.all()],
        "stars": list(enumerate(in_force.rating_percents, start=1)),
        "is_lead": request.user.has_role(Role.LEAD),
    }
    return render(request, "leaderboard/rules.html", context)


@require_http_methods(["GET", "POST"])
def change(request: PersonRequest) -> HttpResponse:
    """Let a lead write the next version, look at what it would have paid last week, and publish it."""
    if not request.user.has_role(Role.LEAD):
        raise PermissionDenied(_("Only campaign leads set the rules of the game."))
    categories = list(Category.objects.all())
    in_force = point_queries.rules_in_force()
    if request.method != "POST":
        form = RulesForm(initial=RulesForm.initial_of(in_force, categories), categories=categories)
        return _page(request, form, in_force)
    form = RulesForm(request.POST, categories=categories)
    if not form.is_valid():
        return _page(request, form, in_force, status=HTTPStatus.BAD_REQUEST)
    now = timezone.now()
    try:
        if "publish" in request.POST:
            made = points.publish_rules(wanted=form.wanted, base=form.cleaned_data["base"], by=request.user, now=now)
            messages.success(request, _("Version %(number)d of the rules is in force.") % {"number": made.number})
            return redirect("point-rules")
        draft = form.wanted.as_rules(number=in_force.number + 1, now=now, by=request.user)
    except ValidationError as error:
        form.add_refusal(error)
        return _page(request, form, in_force, status=HTTPStatus.BAD_REQUEST)
    except Refused as refused:
        return _page(request, form, in_force, refused=str(refused), status=status_of(refused))
    return _page(request, form, in_force, preview=preview(rules=draft, now=now))


def _page(
    request: PersonRequest, form: RulesForm, in_force: PointRules, status: int = HTTPStatus.OK, **extra: object
) -> HttpResponse:
    context = {"form": form, "rules": in_force} | extra
    return render(request, "leaderboard/rules_change.html", context, status=status)


@require_safe
def mine(request: PersonRequest) -> HttpResponse:
    """List one's own points, newest first, each with the sum in words."""
    awards = (
        Award.objects.filter(person=request.user)
        .select_related("category", "revokes", "submission")
        .order_by("-created_at", "-pk")
    )
    page = Paginator(awards, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [(award, why(award)) for award in page.object_list],
        "numbers": my_numbers(request.user),
    }
    return render(request, "leaderboard/points.html", context)
