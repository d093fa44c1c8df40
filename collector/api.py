"""The core over the API: what there is to write for, submitting, withdrawing and reviewing."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView
from rest_framework.response import Response

from collector.actions import reviews, submissions
from collector.api_auth import CursorPages
from collector.models import Campaign, Category, Passage, Review, Submission
from collector.pairs import Text
from collector.queries import with_text
from collector.serializers import (
    CampaignSerializer,
    CategorySerializer,
    PassageSerializer,
    ReviewInput,
    ReviewSerializer,
    SubmissionInput,
    SubmissionSerializer,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from rest_framework.request import Request


def _problem(description: str, **example: Any) -> OpenApiResponse:
    value = {"type": "about:blank", **example}
    return OpenApiResponse(
        OpenApiTypes.OBJECT, description=description, examples=[OpenApiExample(description, value=value)]
    )


BAD_FIELDS = _problem(
    "Some fields are not right; nothing was stored.",
    title="Bad Request",
    status=400,
    detail="Some fields are not right; see “errors”.",
    errors={"response": ["Write a response."]},
)
CONFLICT = _problem(
    "It changed in the meantime, or the id stands for another text.",
    title="Conflict",
    status=409,
    detail="This pair was already submitted with another text.",
    code="id_taken",
)


# -- Pages and parameters ---------------------------------------------------------------------------------


class BySlug(CursorPages):
    """In the order of the slugs."""

    ordering = ("slug",)


class ByPosition(CursorPages):
    """In the order that the pages show them."""

    ordering = ("position", "slug")


class NewestFirst(CursorPages):
    """The newest first."""

    ordering = ("-created_at", "-pk")


# -- What there is to write for ---------------------------------------------------------------------------


class CategoryList(ListAPIView[Category]):
    """The categories with their guidelines and examples."""

    queryset = Category.objects.prefetch_related("examples")
    serializer_class = CategorySerializer
    pagination_class = ByPosition


class CategoryDetail(RetrieveAPIView[Category]):
    """One category."""

    queryset = Category.objects.prefetch_related("examples")
    serializer_class = CategorySerializer
    lookup_field = "slug"


class CampaignList(ListAPIView[Campaign]):
    """The campaigns that contributors see, with their targets."""

    queryset = Campaign.objects.visible().prefetch_related("targets__category", "teams")
    serializer_class = CampaignSerializer
    pagination_class = BySlug


class CampaignDetail(RetrieveAPIView[Campaign]):
    """One campaign."""

    queryset = Campaign.objects.visible().prefetch_related("targets__category", "teams")
    serializer_class = CampaignSerializer
    lookup_field = "slug"


class PassageList(ListAPIView[Passage]):
    """The passages in use."""

    queryset = Passage.objects.filter(is_active=True)
    serializer_class = PassageSerializer
    pagination_class = BySlug


class PassageDetail(RetrieveAPIView[Passage]):
    """One passage."""

    queryset = Passage.objects.filter(is_active=True)
    serializer_class = PassageSerializer
    lookup_field = "slug"


# -- Submissions ------------------------------------------------------------------------------------------

FILTERS = [
    OpenApiParameter("status", OpenApiTypes.STR, enum=Submission.Status.values, many=True, description="Any of these."),
    OpenApiParameter("category", OpenApiTypes.STR, many=True, description="Slugs: any of these."),
    OpenApiParameter("campaign", OpenApiTypes.STR, many=True, description="Slugs: any of these."),
]


def visible(request: Request) -> QuerySet[Submission]:
    """Return the submissions that the person may read: for all others, anything else does not exist."""
    everything = Submission.objects.visible_to(request.user)  # type: ignore[arg-type]  # the permission saw to a sign-in
    return everything.select_related("campaign", "category", "passage", "author", "draft")


def _answer(submission: Submission, request: Request, code: int = status.HTTP_200_OK) -> Response:
    """Answer with the submission as the database now has it."""
    row = with_text([visible(request).get(pk=submission.pk)])[0]
    headers = {"Location": reverse("api-submission", args=[row.pk])} if code == status.HTTP_201_CREATED else {}
    return Response(SubmissionSerializer(row, context={"request": request}).data, status=code, headers=headers)


def _chosen_campaign(fields: dict[str, Any]) -> Campaign:
    slug = fields.get("campaign", "")
    if slug:
        campaign = Campaign.objects.visible().filter(slug=slug).first()
        if campaign is None:
            raise serializers.ValidationError({"campaign": [_("There is no such campaign.")]})
        return campaign
    is_open = list(Campaign.objects.open().order_by("slug"))
    if len(is_open) == 1:
        return is_open[0]
    names = ", ".join(campaign.slug for campaign in is_open)
    message = _("Say which campaign: %(slugs)s.") % {"slugs": names} if is_open else _("No campaign is open now.")
    raise serializers.ValidationError({"campaign": [message]})


def _chosen_passage(fields: dict[str, Any]) -> Passage | None:
    slug = fields.get("passage", "")
    if not slug:
        return None
    passage = Passage.objects.filter(slug=slug, is_active=True).first()
    if passage is None:
        raise serializers.ValidationError({"passage": [_("There is no such passage.")]})
    return passage


class SubmissionList(ListAPIView[Submission]):
    """One's own submissions; for reviewers and leads, whatever has been submitted."""

    serializer_class = SubmissionSerializer
    pagination_class = NewestFirst
    required_scopes = {"GET": "read", "POST": "write"}
    parameters = ("status", "category", "campaign")

    def get_queryset(self) -> QuerySet[Submission]:
        """Filter by the allowed parameters; an unknown status is refused."""
        rows = visible(self.request)
        params = self.request.query_params
        wanted = params.getlist("status")
        if set(wanted) - set(Submission.Status.values):
            choices = ", ".join(Submission.Status.values)
            raise serializers.ValidationError({"status": [_("Choose of: %(choices)s.") % {"choices": choices}]})
        if wanted:
            rows = rows.filter(status__in=wanted)
        for name in ("category", "campaign"):
            if slugs := params.getlist(name):
                rows = rows.filter(**{f"{name}__slug__in": slugs})
        return rows

    def paginate_queryset(self, queryset: QuerySet[Any] | Sequence[Any]) -> list[Any] | None:
        """Give each row of the page its text; one query for all."""
        return with_text(super().paginate_queryset(queryset) or [])

    @extend_schema(parameters=FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List submissions, the newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=SubmissionInput,
        responses={
            201: OpenApiResponse(SubmissionSerializer, description="Submitted; it waits for review."),
            200: OpenApiResponse(SubmissionSerializer, description="This id and text were submitted before."),
            400: BAD_FIELDS,
            409: CONFLICT,
        },
    )
    def post(self, request: Request) -> Response:
        """Submit a pair. Sent twice with the same id it is one submission."""
        body = SubmissionInput(data=request.data)
        body.is_valid(raise_exception=True)
        fields = body.validated_data
        category = Category.objects.filter(slug=fields["category"]).first()
        if category is None:
            raise serializers.ValidationError({"category": [_("There is no such category.")]})
        now = timezone.now()
        submission = submissions.submit(
            id=fields.get("id") or uuid.uuid4(),
            campaign=_chosen_campaign(fields),
            category=category,
            passage=_chosen_passage(fields),
            text=Text.of(
                fields["instruction"], fields.get("context", ""), fields["response"], fields.get("language", "")
            ),
            source_title=fields.get("source_title", ""),
            source_url=fields.get("source_url", ""),
            by=request.user,  # type: ignore[arg-type]  # the permission saw to a sign-in
            now=now,
        )
        is_new = submission.revision_number == 1 and submission.submitted_at == now
        return _answer(submission, request, status.HTTP_201_CREATED if is_new else status.HTTP_200_OK)


class SubmissionDetail(GenericAPIView[Submission]):
    """One submission."""

    serializer_class = SubmissionSerializer

    def get(self, request: Request, pk: uuid.UUID) -> Response:
        """Return what it says now."""
        return _answer(get_object_or_404(visible(request), pk=pk), request)


class SubmissionWithdraw(GenericAPIView[Submission]):
    """Takes a submission back."""

    serializer_class = SubmissionSerializer
    required_scopes = {"POST": "write"}

    @extend_schema(request=None, responses=SubmissionSerializer)
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Withdraw one's own submission, in any state; twice is the same as once."""
        submission = get_object_or_404(visible(request), pk=pk)
        submissions.withdraw(submission=submission, by=request.user, now=timezone.now())  # type: ignore[arg-type]  # signed in
        return _answer(submission, request)


class ReviewList(ListAPIView[Review]):
    """The reviews of a submission, for its author, reviewers and leads; independent ones once there is a verdict."""

    serializer_class = ReviewSerializer
    pagination_class = NewestFirst
    required_scopes = {"GET": "read", "POST": "review"}

    def get_queryset(self) -> QuerySet[Review]:
        """Those of the submission named in the address."""
        if getattr(self, "swagger_fake_view", False):
            return Review.objects.none()
        submission = get_object_or_404(visible(self.request), pk=self.kwargs["pk"])
        readable = submission.reviews.readable_by(self.request.user)  # type: ignore[arg-type]  # the permission saw to a sign-in
        return readable.select_related("revision", "reviewer")

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List reviews, the newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        request=ReviewInput,
        responses={
            201: ReviewSerializer,
            200: OpenApiResponse(ReviewSerializer, description="Just this was decided before, by the same person."),
            400: BAD_FIELDS,
            409: CONFLICT,
        },
    )
    def post(self, request: Request, pk: uuid.UUID) -> Response:
        """Decide the revision that was seen (reviewers; nobody their own work). Sent twice it is one decision."""
        submission = get_object_or_404(visible(request), pk=pk)
        body = ReviewInput(data=request.data)
        body.is_valid(raise_exception=True)
        fields = dict(body.validated_data)
        now = timezone.now()
        review = reviews.decide(
            submission=submission,
            revision_number=fields.pop("revision"),
            by=request.user,  # type: ignore[arg-type]  # the permission saw to a sign-in
            now=now,
            **fields,
        )
        code = status.HTTP_201_CREATED if review.created_at == now else status.HTTP_200_OK
        return Response(ReviewSerializer(review).data, status=code)
