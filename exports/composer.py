"""The mixture composer: what a filter gives now, kept as a recipe or released."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from collector.errors import NotAllowed
from collector.models import Role
from exports import actions
from exports.filters import Filter
from exports.forms import ReleaseForm
from exports.mixture import mixture
from exports.models import DatasetPlacement, Recipe
from exports.tokens import NoTokenizer
from exports.views import held_back, start
from exports.winnow import ShareTooSmall
from ui import plots
from ui.partials import render_partial_response

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from collector.models import Person
    from exports.mixture import Mixture


def _lead(request: HttpRequest) -> Person:
    person = request.user
    assert person.is_authenticated  # noqa: S101 - LoginRequiredMiddleware saw to it
    if not person.has_role(Role.LEAD):
        raise PermissionDenied(_("Only a campaign lead or an admin can release a version."))
    return person


@require_http_methods(["GET", "HEAD", "POST"])
def compose(request: HttpRequest) -> HttpResponse:
    """Show what the choices give. A form with its token is posted, though only to keep or build changes anything."""
    person = _lead(request)
    known = list(Recipe.objects.all())
    recipe = next((one for one in known if one.name == request.GET.get("recipe")), None)
    if request.method == "POST":
        form = ReleaseForm(request.POST)
    else:
        form = ReleaseForm(initial=ReleaseForm.initial_of(recipe) if recipe else None)
    chosen: Filter | None = Filter.of(recipe.filter) if recipe else Filter()
    if form.is_bound:
        chosen = form.filter if form.is_valid() else None
        if chosen and "build" in request.POST:
            answer = start(request, form, person)
            if answer is not None:
                return answer
        if chosen and "save" in request.POST and _saved(request, form, person):
            return redirect(f"{reverse('dataset-compose')}?recipe={form.cleaned_data['recipe']}")
    context: dict[str, Any] = {"form": form, "recipes": known, "recipe": recipe, **_figures(chosen)}
    # A preview that can't be is answered with 200: htmx shows nothing of any other answer.
    status = 400 if form.errors and {"save", "build"} & set(request.POST) else 200
    shown = render_partial_response(request, "exports/compose.html", context, {"mixture": "mixture"}, status=status)
    return held_back(shown, form)


def _saved(request: HttpRequest, form: ReleaseForm, person: Person) -> bool:
    values = form.cleaned_data
    try:
        recipe = actions.save_recipe(
            name=values["recipe"],
            dataset=values["name"],
            filter=form.filter,
            shares=form.shares,
            formats=values["formats"],
            licence=values["licence"],
            by=person,
            now=timezone.now(),
        )
    except ValidationError as error:
        form.add_refusal(error)
        return False
    messages.success(request, _("The recipe %(name)s is kept.") % {"name": recipe.name})
    return True


def _figures(filter: Filter | None) -> dict[str, Any]:
    if filter is None:
        return {"is_unclear": True}
    try:
        found = mixture(filter)
    except ShareTooSmall as error:
        return {"too_small": error, "percent": filter.most_percent_from_one}
    except NoTokenizer as error:
        return {"refused": str(error)}
    labels = dict(DatasetPlacement.Reason.choices)
    return {
        "mixture": found,
        "reasons": [(labels[reason], rows) for reason, rows in found.reasons.items()],
        "chart": _lengths(found) if found.rows else None,
        "filter_in_words": filter.in_words(),
    }


def _lengths(found: Mixture) -> plots.Chart:
    points = [plots.Point(label=label, value=rows, shown=f"{rows:,}") for label, rows in found.lengths]
    axis = plots.nice_axis([rows for _label, rows in found.lengths], lambda rows: f"{rows:,.0f}")
    return plots.Chart(
        ident="lengths",
        title=_("Length of the responses, in words"),
        description=_("How many responses have up to so many words, each column beginning where the one before ends."),
        wide=plots.columns(points, axis=axis),
        narrow=plots.columns(points, axis=axis, width=plots.NARROW),
        columns=(plots.Cell(_("Words")), plots.Cell(_("Records"), is_number=True)),
        rows=tuple((plots.Cell(label), plots.Cell(f"{rows:,}", is_number=True)) for label, rows in found.lengths),
        data=((_("Words"), _("Records")), *found.lengths),
    )


@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a recipe."""
    person = _lead(request)
    recipe = get_object_or_404(Recipe, pk=pk)
    try:
        actions.delete_recipe(recipe=recipe, by=person, now=timezone.now())
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    messages.success(request, _("The recipe %(name)s is deleted.") % {"name": recipe.name})
    return redirect("dataset-compose")
