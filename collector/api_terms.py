"""Contributor terms over the API: a program that submits accepts them as a person does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response

from collector import api_examples
from collector.actions.campaigns import accept_shown_terms, current_terms
from collector.models import Campaign, Terms
from collector.serializers import Strict

if TYPE_CHECKING:
    from rest_framework.request import Request


@extend_schema_serializer(examples=[api_examples.TERMS])
class TermsSerializer(serializers.Serializer[Terms]):
    """One version of a campaign's terms, and when the caller accepted it."""

    number = serializers.IntegerField(read_only=True)
    text = serializers.CharField(read_only=True, help_text="Markdown.")
    published_at = serializers.DateTimeField(read_only=True)
    accepted_at = serializers.SerializerMethodField()

    def get_accepted_at(self, terms: Terms) -> str | None:
        """Return when the caller accepted it, null where they have not."""
        acceptance = terms.acceptances.filter(person=self.context["request"].user).first()
        return None if acceptance is None else acceptance.accepted_at.isoformat()


@extend_schema_serializer(examples=[api_examples.TERMS_SENT])
class TermsInput(Strict):
    """Which version the caller has read."""

    not_settable = frozenset(TermsSerializer().fields) | {"person"}

    number = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class CampaignTerms(GenericAPIView[Terms]):
    """A campaign's current contributor terms."""

    serializer_class = TermsSerializer
    queryset = Terms.objects.none()

    def _campaign(self) -> Campaign:
        return get_object_or_404(Campaign.objects.visible(), slug=self.kwargs["slug"])

    def _answer(self, terms: Terms) -> Response:
        return Response(TermsSerializer(terms, context=self.get_serializer_context()).data)

    @extend_schema(responses=TermsSerializer)
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002 - as DRF calls it
        """Read the terms before accepting them."""
        terms = current_terms(self._campaign())
        if terms is None:
            raise NotFound(_("This campaign has no contributor terms yet. Ask its lead to publish them."))
        return self._answer(terms)

    @extend_schema(
        request=TermsInput,
        responses={
            200: TermsSerializer,
            409: OpenApiResponse(description="The terms were replaced; read the new ones."),
        },
    )
    def post(self, request: Request, slug: str) -> Response:  # noqa: ARG002 - as DRF calls it
        """Accept the terms with this number; they must be the current ones. Accepting twice is accepting once."""
        body = TermsInput(data=request.data)
        body.is_valid(raise_exception=True)
        acceptance = accept_shown_terms(
            campaign=self._campaign(),
            number=body.validated_data["number"],
            by=request.user,  # type: ignore[arg-type]  # the permission saw to a sign-in
            now=timezone.now(),
        )
        return self._answer(acceptance.terms)
