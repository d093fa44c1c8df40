"""The leaderboard over the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from collector.models import Campaign, Category, Contest
from collector.periods import zone_of
from leaderboard import api_examples, queries
from leaderboard.queries import Board, Choice, Period

if TYPE_CHECKING:
    from rest_framework.request import Request

    from collector.models import Person


class AskedSerializer(serializers.Serializer[dict[str, Any]]):
    """Which board, and since when."""

    board = serializers.ChoiceField(choices=Board.choices, default=Board.PEOPLE)
    period = serializers.ChoiceField(choices=Period.choices, default=Period.WEEK)
    campaign = serializers.SlugRelatedField(
        slug_field="slug", queryset=Campaign.objects.visible(), required=False, help_text="Only points of this one."
    )
    category = serializers.SlugRelatedField(
        slug_field="slug", queryset=Category.objects.all(), required=False, help_text="Only points of this one."
    )

    contest = serializers.PrimaryKeyRelatedField(
        queryset=Contest.objects.filter(campaign__in=Campaign.objects.visible()).select_related("campaign"),
        required=False,
        help_text="The board of this contest, whatever period, campaign and category are named.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what is not a filter, so that a misspelt one is not passed over."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        if unknown:
            raise serializers.ValidationError({name: ["This is not a filter here."] for name in unknown})
        return attrs


class RowSerializer(serializers.Serializer[queries.Row]):
    """One line of a board; a team has no handle."""

    rank = serializers.IntegerField()
    name = serializers.CharField()
    handle = serializers.CharField()
    team = serializers.CharField()
    points = serializers.IntegerField()
    count = serializers.IntegerField(help_text="Approved pairs; on the reviewers' board, reviews that stand.")
    members = serializers.IntegerField(help_text="Active members of the team; 1 for a person.")
    per_head = serializers.FloatField(help_text="Points for each active member.")


@extend_schema_serializer(examples=[api_examples.BOARD])
class LeaderboardSerializer(serializers.Serializer[dict[str, Any]]):
    """A board: its first rows, and the asking person's own wherever it stands."""

    board = serializers.ChoiceField(choices=Board.choices)
    period = serializers.ChoiceField(choices=Period.choices)
    since = serializers.DateTimeField(allow_null=True)
    total = serializers.IntegerField(help_text="How many are ranked.")
    results = RowSerializer(many=True)
    own = RowSerializer(allow_null=True)
    to_next = serializers.IntegerField(allow_null=True, help_text="Points that the own row lacks to the next rank.")
    around = RowSerializer(many=True, help_text="The own row and its neighbours, where it is not among the results.")


class Leaderboard(APIView):
    """The standings."""

    parameters = tuple(AskedSerializer().fields)

    @extend_schema(parameters=[AskedSerializer], responses=LeaderboardSerializer)
    def get(self, request: Request) -> Response:
        """Return the first rows of a board and the own one."""
        asked = AskedSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        board, period = Board(asked.validated_data["board"]), Period(asked.validated_data["period"])
        person = cast("Person", request.user)  # the permission class saw to it
        campaign, category = asked.validated_data.get("campaign"), asked.validated_data.get("category")
        if period == Period.CAMPAIGN and campaign is None:
            campaign = Campaign.objects.open().first()
        start = queries.since(period, timezone.now(), zone_of(campaign.time_zone) if campaign else queries.calendar())
        choice = Choice(
            board=board,
            period=period,
            campaign=campaign.pk if campaign else 0,
            category=category.pk if category else 0,
            contest=asked.validated_data.get("contest"),
        )
        found = queries.standings(choice=choice, start=start, person=person)
        body = {
            "board": board.value,
            "period": period.value,
            "since": start,
            "total": found.total,
            "results": found.rows,
            "own": found.own,
            "to_next": found.to_next,
            "around": found.around,
        }
        return Response(LeaderboardSerializer(body).data)
