"""Training runs over the API: what the pages below /runs/ show of them, to read only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.response import Response

from collector.api import NewestFirst
from training import api_examples
from training.models import TrainingRun

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet
    from rest_framework.request import Request

STATUS = OpenApiParameter(
    "status", OpenApiTypes.STR, enum=TrainingRun.Status.values, many=True, description="Any of these."
)


class CostSerializer(serializers.Serializer[dict[str, Any]]):
    """What training costs, in the currency of the price that was given for the machine's hour."""

    price_per_hour = serializers.FloatField(allow_null=True, help_text="Null where nobody said one.")
    estimated = serializers.FloatField(allow_null=True, help_text="Said before the first step.")
    measured = serializers.FloatField(allow_null=True, help_text="Null until the run ends.")


@extend_schema_serializer(examples=[api_examples.RUN])
class RunSerializer(serializers.ModelSerializer[TrainingRun]):
    """A run as lists show it. Figures are null until they are known."""

    dataset = serializers.CharField(read_only=True, help_text="Its name and version; empty until that is known.")
    base_model = serializers.CharField(read_only=True, help_text="The last part of its name.")
    requested_by = serializers.CharField(
        source="requested_by.handle", read_only=True, default=None, allow_null=True, help_text="A handle."
    )
    step = serializers.IntegerField(read_only=True, help_text="The last step that was done.")
    steps = serializers.IntegerField(read_only=True, help_text="How many it makes; 0 until that is known.")
    loss_before = serializers.SerializerMethodField(help_text="Held-out loss of the base model, in nats.")
    loss_after = serializers.SerializerMethodField(help_text="Held-out loss of the weights that are kept.")
    cost = serializers.SerializerMethodField()

    class Meta:
        model = TrainingRun
        fields: tuple[str, ...] = (
            *("id", "name", "status", "dataset", "base_model", "requested_by", "step", "steps"),
            *("loss_before", "loss_after", "cost", "error", "created_at", "seen_at"),
        )
        read_only_fields: tuple[str, ...] = fields

    def get_loss_before(self, run: TrainingRun) -> float | None:
        """Return what run.json says, so far."""
        return _figure(run.facts, "loss_before")

    def get_loss_after(self, run: TrainingRun) -> float | None:
        """Return what run.json says, so far."""
        return _figure(run.facts, "loss_after")

    @extend_schema_field(CostSerializer)
    def get_cost(self, run: TrainingRun) -> dict[str, float | None]:
        """Set what was estimated beside what it came to."""
        price = _figure(run.facts, "price_per_hour")
        return {
            "price_per_hour": _figure(run.options, "price_per_hour") if price is None else price,
            "estimated": _figure(run.facts.get("estimate") or {}, "cost"),
            "measured": _figure(run.facts, "cost"),
        }


class EvaluationSerializer(serializers.Serializer[dict[str, Any]]):
    """The held-out loss at one step; step 0 is the base model."""

    step = serializers.IntegerField()
    loss = serializers.FloatField()
    perplexity = serializers.FloatField(allow_null=True)
    rows = serializers.IntegerField(allow_null=True, help_text="Held-out records that it was measured on.")
    by_category = serializers.DictField(child=serializers.FloatField(), help_text="The loss of each category.")


@extend_schema_serializer(examples=[api_examples.RUN_DETAIL])
class RunDetailSerializer(RunSerializer):
    """A run with its settings, its evaluations and its speed."""

    settings = serializers.DictField(read_only=True, help_text="What it runs with, or as much as was asked for.")
    evaluations = serializers.SerializerMethodField()
    tokens_trained = serializers.SerializerMethodField()
    tokens_per_second = serializers.SerializerMethodField()
    train_seconds = serializers.SerializerMethodField()

    class Meta(RunSerializer.Meta):
        fields: tuple[str, ...] = (
            *RunSerializer.Meta.fields,
            *("settings", "evaluations", "tokens_trained", "tokens_per_second", "train_seconds"),
        )
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(EvaluationSerializer(many=True))
    def get_evaluations(self, run: TrainingRun) -> list[dict[str, Any]]:
        """List what was measured, in the order of the steps."""
        return [
            {
                "step": line["step"],
                "loss": line["loss"],
                "perplexity": line.get("perplexity"),
                "rows": line.get("rows"),
                "by_category": line.get("by_category") or {},
            }
            for line in run.evaluations
        ]

    def get_tokens_trained(self, run: TrainingRun) -> int | None:
        """Return how many tokens it was trained on."""
        found: int | None = run.facts.get("tokens_trained")
        return found

    def get_tokens_per_second(self, run: TrainingRun) -> float | None:
        """Return its speed."""
        return _figure(run.facts, "tokens_per_second")

    def get_train_seconds(self, run: TrainingRun) -> float | None:
        """Return how long its steps took, measuring not counted."""
        return _figure(run.facts, "train_seconds")


def _figure(facts: dict[str, Any], name: str) -> float | None:
    value = facts.get(name)
    return None if value is None else float(value)


class RunList(ListAPIView[TrainingRun]):
    """The runs, for everybody who is signed in, as their page."""

    serializer_class = RunSerializer
    pagination_class = NewestFirst
    parameters = ("status",)

    def get_queryset(self) -> QuerySet[TrainingRun]:
        """Filter by status; an unknown one is refused."""
        rows = TrainingRun.objects.select_related("requested_by").defer("evaluations")
        wanted = self.request.query_params.getlist("status")
        if set(wanted) - set(TrainingRun.Status.values):
            choices = ", ".join(TrainingRun.Status.values)
            raise serializers.ValidationError({"status": [_("Choose of: %(choices)s.") % {"choices": choices}]})
        return rows.filter(status__in=wanted) if wanted else rows

    @extend_schema(parameters=[STATUS])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List runs, the newest first."""
        return super().get(request, *args, **kwargs)


class RunDetail(GenericAPIView[TrainingRun]):
    """One run."""

    serializer_class = RunDetailSerializer
    queryset = TrainingRun.objects.select_related("requested_by")

    def get(self, request: Request, pk: uuid.UUID) -> Response:  # noqa: ARG002 - as DRF calls it
        """Return a run with its settings, evaluations and cost."""
        return Response(self.get_serializer(get_object_or_404(self.get_queryset(), pk=pk)).data)
