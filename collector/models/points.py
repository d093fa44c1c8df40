"""The rules by which points are reckoned, numbered and never changed, and the windows of contests."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from collector.models.awards import Standing
from collector.models.campaigns import Campaign, Category
from collector.models.people import Person
from collector.text import validate_text

STARS = 5
MOST_PERCENT, MOST_POINTS, MOST_A_DAY = 300, 1_000, 100_000


def neutral_ratings() -> list[int]:
    """Return the percentages with which a rating changes nothing."""
    return [100] * STARS


def validate_ratings(value: object) -> None:
    """Refuse what is not five percentages, none below the one before it."""
    is_right = (
        isinstance(value, list)
        and len(value) == STARS
        and all(type(one) is int and 0 <= one <= MOST_PERCENT for one in value)
        and value == sorted(value)
    )
    if not is_right:
        raise ValidationError(_("Give five percentages from 0 to 300, for one star to five, none lower than the last."))


def validate_difficulty(value: object) -> None:
    """Refuse what is not points from 0 to 1,000 by a category's slug."""
    is_right = isinstance(value, dict) and all(
        isinstance(slug, str) and type(points) is int and 0 <= points <= MOST_POINTS for slug, points in value.items()
    )
    if not is_right:
        raise ValidationError(_("A category's points go from 0 to 1,000."))


class PointRules(models.Model):
    """One version of the rules. What was begun under a version is paid by it, whatever is published later."""

    number = models.PositiveIntegerField(unique=True, editable=False)
    difficulty = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_difficulty],
        help_text=_("Points by the category's slug; a category that is not named has its own."),
    )
    need_percent = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(MOST_PERCENT)],
        help_text=_("Bonus where a campaign still lacks all it wants of a category; less as it fills."),
    )
    rating_percents = models.JSONField(default=neutral_ratings, validators=[validate_ratings])
    review_points = models.PositiveSmallIntegerField(default=2, validators=[MaxValueValidator(MOST_POINTS)])
    overturned_points = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(MOST_POINTS)],
        help_text=_("What an overturned decision costs beyond what it earned."),
    )
    day_limit = models.PositiveIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(MOST_A_DAY)], help_text=_("For pairs sent on one day.")
    )
    review_day_limit = models.PositiveIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(MOST_A_DAY)], help_text=_("For reviews of one day.")
    )
    note = models.CharField(
        max_length=300, blank=True, validators=[validate_text], help_text=_("What changed and why; everybody reads it.")
    )
    published_at = models.DateTimeField()
    published_by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ("-number",)
        verbose_name_plural = "point rules"
        constraints = [
            models.CheckConstraint(name="point_rules_number_from_one", condition=models.Q(number__gte=1)),
            models.CheckConstraint(
                name="point_rules_need_in_range", condition=models.Q(need_percent__lte=MOST_PERCENT)
            ),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"


class Contest(models.Model):
    """Some days of a campaign that have a board of their own: what is awarded in them counts."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="contests")
    name = models.CharField(max_length=80, validators=[validate_text])
    prize = models.CharField(
        max_length=200, blank=True, validators=[validate_text], help_text=_("What there is to win, if anything.")
    )
    starts_on = models.DateField(help_text=_("From midnight of the campaign's time zone."))
    ends_on = models.DateField(help_text=_("The last day that counts."))
    category = models.ForeignKey(
        Category,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="contests",
        help_text=_("Only points of this one; none for all."),
    )
    created_by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-starts_on", "-pk")
        constraints = [
            models.CheckConstraint(
                name="contest_ends_after_it_starts",
                condition=models.Q(ends_on__gte=models.F("starts_on")),
                violation_error_message=_("A contest can't end before it starts."),
            ),
            models.UniqueConstraint(
                fields=["campaign", "name"],
                name="contest_name_once",
                violation_error_message=_("This campaign has a contest of this name."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ContestStanding(models.Model):
    """What a person has on a board of a contest: its days' sums, kept in the transaction of each award."""

    contest = models.ForeignKey(Contest, on_delete=models.CASCADE, related_name="standings")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="contest_standings")
    board = models.CharField(max_length=10, choices=Standing.Board)
    points = models.IntegerField(default=0)
    count = models.IntegerField(default=0)

    class Meta:
        ordering = ("contest", "board", "-points", "person")
        constraints = [
            models.UniqueConstraint(fields=["contest", "person", "board"], name="contest_standing_once"),
            models.CheckConstraint(
                name="contest_standing_board", condition=models.Q(board__in=["people", "reviewers"])
            ),
        ]
        indexes = [
            models.Index(fields=["contest", "board", "-points", "person"], name="contest_standing_rank"),
        ]

    def __str__(self) -> str:
        return f"{self.contest_id} {self.person_id} {self.points}"
