"""Forms of the game's rules and contests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from collector.actions.points import Wanted
from collector.forms import MOST_COUNTED, Refusable
from collector.models import Category
from collector.models.points import MOST_A_DAY, MOST_PERCENT, MOST_POINTS, STARS
from collector.points import difficulty_of
from collector.text import validate_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.exceptions import ValidationError
    from django.forms.boundfield import BoundField

    from collector.models import Campaign, Contest, PointRules


def _points(label: Any, most: int = MOST_POINTS, **options: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=0, max_value=most, **options)


class RulesForm(Refusable):
    """All that point rules say, a field for each category and each star."""

    base = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=MOST_COUNTED)
    need_percent = _points(
        _("Bonus for need, in percent"),
        MOST_PERCENT,
        help_text=_("Where a campaign lacks all it wants of a category; half of it where it lacks half."),
    )
    review_points = _points(_("Points for a decision"))
    overturned_points = _points(
        _("Loss for an overturned decision"), help_text=_("Beyond what the decision earned, which is taken back.")
    )
    day_limit = _points(
        _("Most points for pairs of one day"), MOST_A_DAY, required=False, help_text=_("Leave empty for no limit.")
    )
    review_day_limit = _points(
        _("Most points for reviews of one day"), MOST_A_DAY, required=False, help_text=_("Leave empty for no limit.")
    )
    note = forms.CharField(
        label=_("What changed and why"),
        max_length=300,
        required=False,
        validators=[validate_text],
        help_text=_("Everybody reads it beside the rules."),
    )

    def __init__(self, *args: Any, categories: Iterable[Category], **options: Any) -> None:
        super().__init__(*args, **options)
        self.categories = list(categories)
        for category in self.categories:
            self.fields[f"points_{category.slug}"] = _points(category.name)
        for stars in range(1, STARS + 1):
            self.fields[f"stars_{stars}"] = _points(
                _("%(stars)d of 5 stars, in percent") % {"stars": stars}, MOST_PERCENT
            )

    @staticmethod
    def initial_of(rules: PointRules, categories: Iterable[Category]) -> dict[str, Any]:
        """Return the form's values for the rules in force."""
        names = ("need_percent", "review_points", "overturned_points", "day_limit", "review_day_limit")
        return (
            {name: getattr(rules, name) for name in names}
            | {"base": rules.number}
            | {f"points_{category.slug}": difficulty_of(rules, category) for category in categories}
            | {f"stars_{stars}": percent for stars, percent in enumerate(rules.rating_percents, start=1)}
        )

    @property
    def difficulty_fields(self) -> list[BoundField]:
        """The categories' fields."""
        return [self[f"points_{category.slug}"] for category in self.categories]

    @property
    def star_fields(self) -> list[BoundField]:
        """The ratings' fields, one star first."""
        return [self[f"stars_{stars}"] for stars in range(1, STARS + 1)]

    @property
    def wanted(self) -> Wanted:
        """What the lead asks for, once the form is valid."""
        data = self.cleaned_data
        return Wanted(
            difficulty={category.slug: data[f"points_{category.slug}"] for category in self.categories},
            need_percent=data["need_percent"],
            rating_percents=[data[f"stars_{stars}"] for stars in range(1, STARS + 1)],
            review_points=data["review_points"],
            overturned_points=data["overturned_points"],
            day_limit=data["day_limit"],
            review_day_limit=data["review_day_limit"],
            note=data["note"],
        )

    def add_refusal(self, error: ValidationError) -> None:
        """Ratings are five fields here: what is wrong with them stands at the first."""
        if "rating_percents" in getattr(error, "error_dict", {}):
            for message in error.message_dict.pop("rating_percents"):
                self.add_error("stars_1", message)
            error.error_dict.pop("rating_percents")
        super().add_refusal(error)


class ContestForm(Refusable):
    """A contest's name, prize, days and category."""

    name = forms.CharField(label=_("Name"), max_length=80, validators=[validate_text])
    prize = forms.CharField(
        label=_("Prize"),
        max_length=200,
        required=False,
        validators=[validate_text],
        help_text=_("What there is to win, if anything. It stands over the board."),
    )
    starts_on = forms.DateField(label=_("First day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    ends_on = forms.DateField(label=_("Last day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    category = forms.ModelChoiceField(
        label=_("Category"), queryset=Category.objects.none(), required=False, empty_label=_("All categories")
    )

    def __init__(self, *args: Any, campaign: Campaign, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["category"].queryset = campaign.categories.all()  # type: ignore[attr-defined]  # ModelChoiceField's

    @staticmethod
    def initial_of(contest: Contest) -> dict[str, Any]:
        """Return the form's values for a contest."""
        names = ("name", "prize", "starts_on", "ends_on", "category")
        return {name: getattr(contest, name) for name in names}
