"""Dataset versions over the API: list, start a build, read one, fetch its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers, status
from rest_framework.exceptions import Throttled
from rest_framework.generics import ListAPIView
from rest_framework.response import Response
from rest_framework.views import APIView

from collector.api_auth import CursorPages
from collector.serializers import Strict
from exports import actions, api_examples, downloads, queries, serving, tasks
from exports.filters import MOST, BadFilter, Filter
from exports.licences import LICENCES
from exports.models import DatasetVersion
from exports.splits import DEFAULT, BadShares, Shares
from exports.writers.formats import FORMATS
from jobs.models import Job
from ui.streams import NoRoomError, busy

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpResponseBase
    from rest_framework.request import Request

    from collector.models import Person

NAME = OpenApiParameter(
    "name", OpenApiTypes.STR, description="The dataset's name, where it is not the installation's own."
)
RANGE = OpenApiParameter(
    "Range",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="One range of bytes, such as bytes=1000-; it resumes a broken download (206).",
)
BINARY = OpenApiResponse(OpenApiTypes.BINARY, description="The file's bytes.")


@extend_schema_serializer(examples=[api_examples.VERSION])
class VersionSerializer(serializers.ModelSerializer[DatasetVersion]):
    """A version as lists show it. Nothing of it can be written."""

    version = serializers.CharField(source="label", read_only=True)
    name = serializers.CharField(read_only=True)
    semantic_version = serializers.CharField(read_only=True, help_text="As Croissant 1.1 defines it, such as 1.2.0.")
    sha256 = serializers.CharField(source="manifest_sha256", read_only=True)
    bytes = serializers.IntegerField(read_only=True)
    parent = serializers.CharField(source="parent.label", read_only=True, default=None, allow_null=True)  # type: ignore[assignment]  # a column of ours, not the serializer above

    class Meta:
        model = DatasetVersion
        fields: tuple[str, ...] = (
            *("name", "version", "status", "rows", "splits", "filter", "formats", "licence", "parent"),
            "semantic_version",
            *("sha256", "bytes", "failure", "created_at", "frozen_at", "ready_at"),
        )
        read_only_fields: tuple[str, ...] = fields


class FileSerializer(serializers.Serializer[dict[str, Any]]):
    """One file of a version."""

    path = serializers.CharField()
    sha256 = serializers.CharField()
    bytes = serializers.IntegerField(allow_null=True)
    rows = serializers.IntegerField()
    url = serializers.CharField()


@extend_schema_serializer(examples=[api_examples.VERSION_DETAIL])
class VersionDetailSerializer(VersionSerializer):
    """A version with its files, its changes and, while it is built, its progress in per cent."""

    files = serializers.SerializerMethodField()
    changes = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()

    class Meta(VersionSerializer.Meta):
        fields: tuple[str, ...] = (*VersionSerializer.Meta.fields, "files", "changes", "progress")
        read_only_fields: tuple[str, ...] = fields

    @extend_schema_field(FileSerializer(many=True))
    def get_files(self, version: DatasetVersion) -> list[dict[str, Any]]:
        """List the files that may be fetched: none until the version is ready, the manifest of a withdrawn one."""
        return [
            {**entry, "url": _address("api-dataset-file", version, entry["path"])} for entry in serving.listed(version)
        ]

    def get_changes(self, version: DatasetVersion) -> dict[str, int]:
        """Count what was added, removed and edited since the parent."""
        return queries.changes(version)

    def get_progress(self, version: DatasetVersion) -> int | None:
        """Say how far the build is, where that is known."""
        if not version.is_building or version.job is None:
            return None
        job = Job.objects.filter(pk=version.job).first()
        return job.percent if job else None


class FilterSerializer(serializers.Serializer[dict[str, Any]]):
    """What a version chooses; the filter's own rules are checked where filters are made."""

    campaigns = serializers.ListField(child=serializers.CharField(max_length=64), required=False, max_length=200)
    categories = serializers.ListField(child=serializers.CharField(max_length=64), required=False, max_length=200)
    languages = serializers.ListField(child=serializers.CharField(max_length=35), required=False, max_length=200)
    min_approvals = serializers.IntegerField(required=False, min_value=0, max_value=100)
    licences = serializers.ListField(child=serializers.CharField(max_length=64), required=False, max_length=50)
    without_flags = serializers.ListField(child=serializers.SlugField(max_length=30), required=False, max_length=50)
    min_rating = serializers.IntegerField(required=False, min_value=0, max_value=5)
    approved_from = serializers.CharField(max_length=10, required=False, help_text="A day, UTC, included.")
    approved_until = serializers.CharField(max_length=10, required=False, help_text="A day, UTC, included.")

    duplicates = serializers.ChoiceField(
        choices=["", "exact", "near"], required=False, help_text="What is left out; the one approved first stays."
    )
    most_from_one = serializers.IntegerField(
        required=False, min_value=0, max_value=MOST, help_text="Records of one contributor."
    )
    most_percent_from_one = serializers.IntegerField(required=False, min_value=0, max_value=100)
    words = serializers.DictField(
        child=serializers.IntegerField(min_value=1, max_value=MOST),
        required=False,
        help_text="The most words of a category.",
    )

    tokenizer = serializers.CharField(
        max_length=201,
        required=False,
        help_text="Budgets count its tokens; a name from the models directory.",
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Refuse a key that no filter has: left out silently, it would release more than was asked for."""
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError({str(name): [_("A filter has no such key.")] for name in unknown})
        known: dict[str, Any] = super().to_internal_value(data)
        return known


@extend_schema_serializer(examples=[api_examples.BUILD])
class BuildSerializer(Strict):
    """What starts a build; everything may be left out."""

    not_settable = frozenset(VersionDetailSerializer.Meta.fields) | {"number", "dataset", "version", "created_by"}

    name = serializers.CharField(max_length=64, required=False)
    filter = FilterSerializer(required=False)
    licence = serializers.ChoiceField(
        choices=list(LICENCES), required=False, help_text="The version's; by default that of its campaigns."
    )
    formats = serializers.ListField(
        child=serializers.ChoiceField(choices=list(FORMATS)), required=False, max_length=len(FORMATS)
    )

    splits = serializers.CharField(
        max_length=11,
        required=False,
        help_text="Percents of train, validation and test for new records, such as 90/5/5.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Make the filter and the shares."""
        try:
            shares = Shares.parse(attrs["splits"]) if attrs.get("splits") else DEFAULT
            return {**attrs, "filter": Filter.of(attrs.get("filter", {})), "shares": shares}
        except BadShares as error:
            raise serializers.ValidationError({"splits": [str(error)]}) from error
        except BadFilter as error:
            raise serializers.ValidationError({error.field: [str(error)]}) from error


def _person(request: Request) -> Person:
    person = request.user
    assert person.is_authenticated  # noqa: S101 - the permission class saw to it
    return person


def _address(view: str, version: DatasetVersion, *args: str) -> str:
    url = reverse(view, args=[version.label, *args])
    return url if version.name == settings.WOOLGATHER_DATASET_NAME else f"{url}?name={version.name}"


def _versions(name: str | None = None) -> QuerySet[DatasetVersion]:
    versions = DatasetVersion.objects.select_related("dataset", "parent__dataset")
    return versions.filter(dataset__name=name) if name else versions


def found_version(request: Request, label: str) -> DatasetVersion:
    """Return the version that an address means."""
    name = request.query_params.get("name") or settings.WOOLGATHER_DATASET_NAME
    return get_object_or_404(_versions(name), number=int(label[1:]))


class DatasetList(ListAPIView[DatasetVersion]):
    """The versions, newest first; POST freezes and builds the next one (leads and admins)."""

    serializer_class = VersionSerializer
    pagination_class = CursorPages
    required_scopes = {"POST": "admin"}
    parameters = ("name",)

    def get_queryset(self) -> QuerySet[DatasetVersion]:
        """Every version, or those of ``?name=``."""
        return _versions(self.request.query_params.get("name"))

    @extend_schema(parameters=[NAME])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List versions."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=BuildSerializer,
        examples=[api_examples.BUILD, api_examples.STARTED, api_examples.VERSION_DETAIL],
        responses={
            202: OpenApiResponse(VersionDetailSerializer, description="Frozen; its files are being written."),
            200: OpenApiResponse(
                VersionDetailSerializer, description="Nothing changed: the version that holds just this."
            ),
        },
    )
    def post(self, request: Request) -> Response:
        """Start a build."""
        asked = BuildSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        code: int = status.HTTP_202_ACCEPTED
        try:
            version = tasks.start(
                name=asked.validated_data.get("name") or settings.WOOLGATHER_DATASET_NAME,
                filter=asked.validated_data["filter"],
                shares=asked.validated_data["shares"],
                formats=asked.validated_data.get("formats", []),
                licence=asked.validated_data.get("licence", ""),
                by=_person(request),
                now=timezone.now(),
            )
        except actions.NothingChanged as unchanged:
            version, code = unchanged.version, status.HTTP_200_OK
        except actions.TooManyBuilds as error:
            raise Throttled(wait=error.wait, detail=str(error)) from error
        body = VersionDetailSerializer(version, context={"request": request}).data
        return Response(body, status=code, headers={"Location": _address("api-dataset-detail", version)})


class DatasetDetail(APIView):
    """One version."""

    parameters = ("name",)

    @extend_schema(parameters=[NAME], responses=VersionDetailSerializer)
    def get(self, request: Request, version: str) -> Response:
        """Return the version with its files."""
        return Response(VersionDetailSerializer(found_version(request, version), context={"request": request}).data)


class DatasetFile(APIView):
    """One file of a ready version."""

    parameters = ("name",)

    @extend_schema(parameters=[NAME, RANGE], responses={(200, "application/octet-stream"): BINARY})
    def get(self, request: Request, version: str, path: str) -> HttpResponseBase:
        """Hand the file out, or the one range of it that is asked for, and note who got it."""
        found = found_version(request, version)
        try:
            response = downloads.file_response(request=request, version=found, path=path, root=tasks.root())
        except serving.NotServed as error:
            raise Http404(str(error)) from error
        except NoRoomError:
            return busy(request)
        actions.record_download(version=found, path=path, by=_person(request), now=timezone.now())
        return response
