"""What the core's API reads and writes; what a body may hold is said here, what it means by the actions."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from collector import api_examples
from collector.languages import validate_language
from collector.models import (
    Campaign,
    CampaignCategory,
    Category,
    CategoryExample,
    Passage,
    Review,
    ReviewReason,
    Submission,
    Team,
)
from collector.text import printable, validate_text, validate_web_address

MAX_REVISION = 2**31 - 1
MAX_REASONS = 50


# -- Fields that coerce nothing ---------------------------------------------------------------------------


class ExactText(serializers.CharField):
    """A string, kept to the last space; NUL and lone surrogates are refused with their position."""

    def __init__(self, **options: Any) -> None:
        options = {"trim_whitespace": False, "allow_blank": True, **options}
        super().__init__(**options)
        theirs = [check for check in self.validators if "Prohibit" not in type(check).__name__]
        self.validators = [validate_text, *theirs]

    def to_internal_value(self, data: Any) -> str:
        """Take a JSON string and nothing that merely looks like one."""
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class ClientId(serializers.UUIDField):
    """A UUID as text; its message does not repeat what was sent, which may hold anything."""

    default_error_messages = {"invalid": _("This is not a UUID.")}

    def to_internal_value(self, data: Any) -> uuid.UUID:
        """Read the usual forms of a UUID."""
        try:
            return uuid.UUID(data)
        except (ValueError, TypeError, AttributeError):
            self.fail("invalid")


class WholeNumber(serializers.IntegerField):
    """A JSON number without a fraction; no text, no truth value."""

    def to_internal_value(self, data: Any) -> int:
        """Take an integer as it is."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class Strict(serializers.Serializer[dict[str, Any]]):
    """A body that may hold the declared fields and no other: one that is not ours to set is named, not ignored."""

    not_settable: frozenset[str] = frozenset()

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Refuse every undeclared key, then read the others."""
        if isinstance(data, Mapping):
            extra = [key for key in data if key not in self.fields]
            if extra:
                raise serializers.ValidationError({printable(key): [self._why(key)] for key in extra})
        result: dict[str, Any] = super().to_internal_value(data)
        return result

    def _why(self, key: str) -> Any:
        if key in self.not_settable:
            return _("This can't be set: it follows from what people do.")
        return _("There is no such field.")


# -- Read: categories, campaigns, passages ----------------------------------------------------------------


class ExampleSerializer(serializers.ModelSerializer[CategoryExample]):
    """A pair that shows what good looks like, and why."""

    class Meta:
        model = CategoryExample
        fields = ("instruction", "context", "response", "why")
        read_only_fields = fields


@extend_schema_serializer(examples=[api_examples.CATEGORY])
class CategorySerializer(serializers.ModelSerializer[Category]):
    """A kind of task with its guidelines (Markdown), lengths in words, points and examples."""

    examples = ExampleSerializer(many=True, read_only=True)

    class Meta:
        model = Category
        fields = (
            *("slug", "name", "tagline", "context", "guidelines", "points"),
            *("instruction_words_min", "instruction_words_max", "response_words_min", "response_words_max"),
            "examples",
        )
        read_only_fields = fields


class TargetSerializer(serializers.ModelSerializer[CampaignCategory]):
    """A category of a campaign, with the approved submissions wanted of it."""

    category = serializers.CharField(source="category.slug", read_only=True)

    class Meta:
        model = CampaignCategory
        fields = ("category", "target")
        read_only_fields = fields


@extend_schema_serializer(examples=[api_examples.CAMPAIGN])
class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    """A campaign and what it collects."""

    targets = TargetSerializer(many=True, read_only=True)
    languages = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text="BCP 47 tags for pairs, the usual one first.",
    )
    teams = serializers.SlugRelatedField[Team](
        slug_field="slug", many=True, read_only=True, help_text="Whose members write; empty: everybody's."
    )

    class Meta:
        model = Campaign
        fields = (
            *("slug", "name", "description", "guidelines", "status", "data_licence", "language", "time_zone"),
            *("languages", "teams", "approvals_required", "starts_on", "ends_on", "targets"),
        )
        read_only_fields = fields


@extend_schema_serializer(examples=[api_examples.PASSAGE])
class PassageSerializer(serializers.ModelSerializer[Passage]):
    """Reference text with its source and licence."""

    class Meta:
        model = Passage
        fields = ("slug", "title", "url", "licence", "language", "text")
        read_only_fields = fields


# -- Submissions ------------------------------------------------------------------------------------------


@extend_schema_serializer(examples=[api_examples.SUBMISSION])
class SubmissionSerializer(serializers.ModelSerializer[Submission]):
    """A submission and what it says now; a draft's unsent text is shown to its author alone.

    The rows come through ``queries.with_text``, which gives each its ``text``.
    """

    campaign = serializers.CharField(source="campaign.slug", read_only=True)
    category = serializers.CharField(source="category.slug", read_only=True)
    passage = serializers.CharField(source="passage.slug", read_only=True, default="", help_text="A slug, or empty.")
    author = serializers.SerializerMethodField(help_text="The author's handle; null where review is blind.")
    revision = serializers.IntegerField(source="revision_number", read_only=True, help_text="0 while a draft.")
    instruction = serializers.CharField(source="text.instruction", read_only=True, default="")
    context = serializers.CharField(source="text.context", read_only=True, default="")  # type: ignore[assignment]  # the record's own name
    response = serializers.CharField(source="text.response", read_only=True, default="")
    language = serializers.SerializerMethodField()

    class Meta:
        model = Submission
        fields = (
            *("id", "campaign", "category", "passage", "author", "status", "revision"),
            *("instruction", "context", "response", "language", "licence", "source_title", "source_url"),
            *("created_at", "submitted_at", "approved_at", "disputed_at", "locked_at", "updated_at"),
        )
        read_only_fields = fields

    def get_author(self, submission: Submission) -> str | None:
        """Return the handle, for those who may know it."""
        reader = self.context["request"].user  # type: ignore[index]  # DRF's context: the field of that name is no attribute
        return submission.author.handle if submission.shows_author_to(reader) else None

    def get_language(self, submission: Submission) -> str:
        """Return the BCP 47 tag: the revision's own, or for a draft the campaign's."""
        own: str = getattr(submission.text, "language", "")  # type: ignore[attr-defined]  # from with_text
        return own or submission.campaign.language


@extend_schema_serializer(examples=[api_examples.SUBMISSION_SENT])
class SubmissionInput(Strict):
    """A pair to submit. Texts are stored exactly as sent, but for CR LF, which becomes LF."""

    not_settable = frozenset(SubmissionSerializer.Meta.fields) | {"points", "terms", "import_batch"}

    id = ClientId(required=False, help_text="Made by the client, so that a resend is recognised.")
    campaign = ExactText(required=False, max_length=64, help_text="A slug; may be left out while one campaign is open.")
    category = ExactText(max_length=64, help_text="A slug.")
    passage = ExactText(required=False, max_length=80, help_text="The slug of the passage that the pair works from.")
    instruction = ExactText()
    context = ExactText(required=False)  # type: ignore[assignment]  # the record's own name
    response = ExactText()
    language = ExactText(required=False, max_length=35, help_text="A BCP 47 tag; the campaign's language if left out.")
    source_title = ExactText(required=False, max_length=300)
    source_url = ExactText(required=False, max_length=1000)

    def validate_language(self, value: str) -> str:
        """Take a BCP 47 tag or nothing."""
        if value:
            validate_language(value)
        return value

    def validate_source_url(self, value: str) -> str:
        """Take an address of the web: it becomes a link."""
        if value:
            validate_web_address(value)
        return value


# -- Reviews ----------------------------------------------------------------------------------------------


@extend_schema_serializer(examples=[api_examples.REVIEW])
class ReviewSerializer(serializers.ModelSerializer[Review]):
    """A decision on one revision; ``voided_at`` says that its reviewer undid it or an admin took its effect away."""

    revision = serializers.IntegerField(source="revision.number", read_only=True)
    reviewer = serializers.CharField(source="reviewer.handle", read_only=True)
    reasons = serializers.ListField(child=serializers.ChoiceField(choices=ReviewReason.choices), read_only=True)

    class Meta:
        model = Review
        fields = (
            *("id", "revision", "reviewer", "decision", "is_last_word"),
            *("rating", "rating_instruction", "rating_response", "reasons", "comment", "created_at", "voided_at"),
        )
        read_only_fields = fields


@extend_schema_serializer(examples=[api_examples.REVIEW_SENT])
class ReviewInput(Strict):
    """A decision on the revision that the reviewer saw."""

    not_settable = frozenset(ReviewSerializer.Meta.fields) | {"author", "submission", "voided_by", "seconds", "batch"}

    revision = WholeNumber(min_value=1, max_value=MAX_REVISION, help_text="The number of the revision judged.")
    decision = ExactText(max_length=20, help_text="approve, reject or request_changes.")
    rating = WholeNumber(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=5,
        help_text="Overall; left out, the rounded mean of the two parts where both are given.",
    )
    rating_instruction = WholeNumber(required=False, allow_null=True, min_value=1, max_value=5)
    rating_response = WholeNumber(required=False, allow_null=True, min_value=1, max_value=5)
    reasons = serializers.ListField(
        child=ExactText(max_length=40), required=False, max_length=MAX_REASONS, help_text="Codes of reasons."
    )
    comment = ExactText(required=False)
