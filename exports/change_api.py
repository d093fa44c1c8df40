"""What changed between two versions, over the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.generics import ListAPIView

from collector.api_auth import CursorPages
from exports import api_examples, changes, comparisons
from exports.api import NAME, found_version
from exports.models import DatasetRecord

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.response import Response

    from collector.models import Person
    from exports.changes import Change
    from exports.models import DatasetVersion


class BothSerializer(serializers.Serializer[dict[str, Any]]):
    """A value in the earlier version and in the later one."""

    before = serializers.CharField()
    after = serializers.CharField()


@extend_schema_serializer(examples=[api_examples.CHANGE])
class ChangeSerializer(serializers.Serializer[Any]):
    """One record that was added, removed or edited."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=list(comparisons.KINDS))
    category = serializers.CharField()
    split = serializers.CharField()
    reason = serializers.CharField(help_text="Why it was removed; empty where that is not known.")
    fields = serializers.ListField(child=serializers.CharField(), help_text="The columns that differ, if edited.")  # type: ignore[assignment]  # a column of ours, not the serializer's own
    details = serializers.DictField(child=BothSerializer(), help_text="Values beside the texts that differ, if edited.")
    words = serializers.DictField(child=BothSerializer(), help_text="Texts that differ, if edited and readable.")
    texts = serializers.DictField(
        child=serializers.CharField(), help_text="The record's texts, if added or removed and readable."
    )


class ChangePages(CursorPages):
    """By the records' ids, which never change."""

    ordering = ("submission_id",)


def _parameter(name: str, description: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, description=description, **more)


class DatasetChanges(ListAPIView[DatasetRecord]):
    """The records that changed since an earlier version."""

    serializer_class = ChangeSerializer
    pagination_class = ChangePages
    parameters = ("name", "against", "kind", "q", "category")

    def get_queryset(self) -> QuerySet[DatasetRecord]:
        """The rows that match, for the paginator."""
        if getattr(self, "swagger_fake_view", False):  # the schema is made without a request
            return DatasetRecord.objects.none()
        return self._look().rows()

    def _look(self) -> changes.Look:
        asked = self.request.query_params
        version = found_version(self.request, self.kwargs["version"])
        kind = next((kind for kind in comparisons.KINDS if kind == asked.get("kind", "added")), None)
        if kind is None:
            raise serializers.ValidationError({"kind": [f"One of: {', '.join(comparisons.KINDS)}."]})
        return changes.Look(
            after=version,
            before=_against(asked.get("against", ""), version),
            kind=kind,
            person=cast("Person", self.request.user),
            search=asked.get("q", "")[: changes.MOST_SEARCHED],
            category=asked.get("category", ""),
        )

    @extend_schema(
        parameters=[
            NAME,
            _parameter("against", "An earlier version of the dataset, such as v1; the parent where it is left out."),
            _parameter("kind", "Which changes; added where it is left out.", enum=list(comparisons.KINDS)),
            _parameter("q", "Words that the instruction or the response has, in any case of letters."),
            _parameter("category", "A category's slug."),
        ],
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: ARG002 - as the view's own
        """List records that were added, removed or edited, by id.

        Texts are empty where they may not be read: of a withdrawn version, of one that is not complete (leads read
        it), and of a pair that its author has withdrawn.
        """
        look = self._look()
        rows = self.paginate_queryset(look.rows()) or []
        answer = [_answer(change) for change in look.described(rows)]
        return self.get_paginated_response(ChangeSerializer(answer, many=True).data)


def _against(label: str, version: DatasetVersion) -> DatasetVersion | None:
    if not label:
        return version.parent
    found = next((one for one in changes.earlier_versions(version) if one.label == label), None)
    if found is None:
        raise Http404
    return found


def _answer(change: Change) -> dict[str, Any]:
    edit = change.edit
    facts = edit.facts.items() if edit else ()
    words = (edit.texts or {}).items() if edit else ()
    return {
        "id": change.id,
        "kind": change.kind,
        "category": change.row.category,
        "split": change.row.split,
        "reason": change.reason,
        "fields": edit.fields if edit else [],
        "details": {name: _both(*pair) for name, pair in facts},
        "words": {name: _both(*pair) for name, pair in words},
        "texts": change.texts or {},
    }


def _both(before: Any, after: Any) -> dict[str, str]:
    old, new = (value.isoformat() if hasattr(value, "isoformat") else str(value) for value in (before, after))
    return {"before": old, "after": new}
