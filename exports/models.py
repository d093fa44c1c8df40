"""Dataset versions, what each of them holds, and why records left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from collector.models import Person, Revision, Submission
from exports import naming, semver
from exports.filters import Filter

if TYPE_CHECKING:
    from datetime import datetime


def validate_dataset_name(value: str) -> None:
    """Refuse a name that can't be a directory everywhere."""
    try:
        naming.valid_name(value)
    except naming.BadName as error:
        raise ValidationError(str(error)) from error


class Dataset(models.Model):
    """A name under which versions are released; ``last_number`` only grows, so that no number comes twice."""

    name = models.CharField(_("name"), max_length=64, unique=True, validators=[validate_dataset_name])
    last_number = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class DatasetVersionQuerySet(models.QuerySet["DatasetVersion"]):
    """Versions by what can be done with them."""

    def named(self, name: str) -> DatasetVersionQuerySet:
        """Those of one dataset."""
        return self.filter(dataset__name=name)

    def ready(self) -> DatasetVersionQuerySet:
        """Those whose files are complete and served."""
        return self.filter(status=DatasetVersion.Status.READY)

    def building(self) -> DatasetVersionQuerySet:
        """Those that are frozen and being written."""
        return self.filter(status=DatasetVersion.Status.BUILDING)

    def abandoned(self, before: datetime) -> DatasetVersionQuerySet:
        """Those that no background job builds, and whose builder has said nothing since ``before``."""
        return self.building().filter(Q(beat_at__lt=before) | Q(beat_at=None, created_at__lt=before), job=None)


class DatasetVersion(models.Model):
    """One release. Its membership is frozen when the row is made; its files are written afterwards from that."""

    class Status(models.TextChoices):
        """A version's life: building → ready → withdrawn, or building → failed → building again."""

        BUILDING = "building", _("Building")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status, default=Status.BUILDING)
    filter = models.JSONField(default=dict)
    filter_hash = models.CharField(max_length=64)
    content_hash = models.CharField(max_length=64, help_text=_("Of the frozen membership; equal when nothing changed."))
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    licence = models.CharField(max_length=40)
    formats = models.JSONField(default=list, blank=True, help_text=_("Asked for beside Parquet and JSONL."))
    rows = models.PositiveIntegerField()
    splits = models.JSONField(default=dict, help_text=_("Rows of each split that is not empty."))
    about = models.JSONField(
        default=dict, help_text=_("What the papers say of campaigns and categories, as it was when frozen.")
    )
    files = models.JSONField(
        default=list, blank=True, help_text=_("Path, sha256, bytes and rows of each file, once ready.")
    )
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    failure = models.TextField(blank=True)
    job = models.UUIDField(null=True, blank=True, help_text=_("The background job that builds it."))
    beat_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When a build without a background job last said that it goes on.")
    )
    created_by = models.ForeignKey(
        Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="dataset_versions"
    )
    created_at = models.DateTimeField()
    frozen_at = models.DateTimeField()
    ready_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    withdrawn_because = models.TextField(blank=True)

    objects = DatasetVersionQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="dataset_version_number_once"),
            models.CheckConstraint(name="dataset_version_number_from_one", condition=Q(number__gte=1)),
            models.CheckConstraint(name="dataset_version_is_never_empty", condition=Q(rows__gte=1)),
            models.CheckConstraint(
                name="dataset_version_status_known",
                condition=Q(status__in=["building", "ready", "failed", "withdrawn"]),
            ),
            models.CheckConstraint(
                name="dataset_version_ready_has_a_manifest",
                condition=Q(status__in=["ready", "withdrawn"], ready_at__isnull=False) & ~Q(manifest_sha256="")
                | Q(status__in=["building", "failed"], ready_at__isnull=True, manifest_sha256=""),
            ),
            models.CheckConstraint(
                name="dataset_version_failed_says_why",
                condition=Q(status="failed") & ~Q(failure="") | ~Q(status="failed") & Q(failure=""),
            ),
            models.CheckConstraint(
                name="dataset_version_withdrawn_says_why",
                condition=Q(status="withdrawn", withdrawn_at__isnull=False) & ~Q(withdrawn_because="")
                | ~Q(status="withdrawn") & Q(withdrawn_at__isnull=True, withdrawn_because=""),
            ),
        ]
        indexes = [models.Index(fields=["dataset", "-number"], name="dataset_version_latest")]

    def __str__(self) -> str:
        return f"{self.dataset.name} {self.label}"

    @property
    def label(self) -> str:
        """Its number as people and paths write it, such as ``v3``."""
        return f"v{self.number}"

    @property
    def name(self) -> str:
        """The dataset's name."""
        return self.dataset.name

    @property
    def filter_in_words(self) -> str:
        """What the version chose, as half a sentence."""
        return Filter.of(self.filter).in_words()

    @property
    def bytes(self) -> int:
        """The size of all its files; 0 until they are there."""
        return sum(entry["bytes"] for entry in self.files)

    @property
    def semantic_version(self) -> str:
        """What its number says about the data since its parent, such as ``1.2.0``."""
        return semver.of(self.about, self.number)

    @property
    def is_ready(self) -> bool:
        """Whether its files may be served."""
        return self.status == self.Status.READY

    @property
    def is_withdrawn(self) -> bool:
        """Whether its files are no longer served; its manifest is."""
        return self.status == self.Status.WITHDRAWN

    @property
    def is_building(self) -> bool:
        """Whether its files are being written."""
        return self.status == self.Status.BUILDING


class Recipe(models.Model):
    """A named way to choose: what the composer keeps, and `export_dataset --recipe` builds."""

    name = models.CharField(_("name"), max_length=64, unique=True, validators=[validate_dataset_name])
    dataset = models.CharField(max_length=64, validators=[validate_dataset_name])
    filter = models.JSONField(default=dict)
    shares = models.CharField(max_length=11)
    formats = models.JSONField(default=list, blank=True)
    licence = models.CharField(max_length=40, blank=True)
    saved_by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def filter_in_words(self) -> str:
        """What it chooses, as half a sentence."""
        return Filter.of(self.filter).in_words()


class FrozenDataset(models.QuerySet["DatasetRecord"]):
    """Frozen records by what changed between two versions."""

    def of(self, version: DatasetVersion) -> FrozenDataset:
        """Those of one version, in its order."""
        return self.filter(version=version).order_by("position")

    def not_in(self, other: DatasetVersion | None) -> FrozenDataset:
        """Those whose submission the other version does not hold; all of them where there is no other."""
        if other is None:
            return self
        return self.exclude(submission__in=DatasetRecord.objects.filter(version=other).values("submission"))

    def edited_since(self, other: DatasetVersion) -> FrozenDataset:
        """Those whose submission the other version holds too, but with another revision or other details."""
        same = {name: models.OuterRef(name) for name in ("submission", "revision", *FROZEN_FACTS)}
        there = DatasetRecord.objects.filter(version=other)
        return self.filter(models.Exists(there.filter(submission=models.OuterRef("submission")))).exclude(
            models.Exists(there.filter(**same))
        )


# What is frozen beside the text: any of it may change later in the core's tables.
FROZEN_FACTS = (
    "category",
    "campaign",
    "licence",
    "source_title",
    "source_url",
    "contributor",
    "approvals",
    "approved_at",
)


class DatasetRecord(models.Model):
    """That a version holds a revision, and everything beside its text that its row says. Never changed."""

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="records")
    position = models.PositiveIntegerField(help_text=_("From 1: the splits one after the other, each by its ids."))
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="dataset_records")
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="dataset_records")
    split = models.CharField(max_length=10)
    size = models.PositiveIntegerField(
        default=0, help_text=_("Bytes of the three texts in UTF-8: where a row group ends.")
    )
    category = models.CharField(max_length=64)
    campaign = models.CharField(max_length=64)
    licence = models.CharField(max_length=40)
    source_title = models.CharField(max_length=300, blank=True)
    source_url = models.CharField(max_length=1000, blank=True)
    contributor = models.CharField(max_length=20)
    approvals = models.PositiveSmallIntegerField()
    approved_at = models.DateTimeField()

    objects = FrozenDataset.as_manager()

    class Meta:
        ordering = ("version", "position")
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="dataset_record_position_once"),
            models.UniqueConstraint(fields=["version", "submission"], name="dataset_record_submission_once"),
            models.CheckConstraint(
                name="dataset_record_split_known", condition=Q(split__in=["train", "validation", "test"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version_id} {self.submission_id}"


class Chosen(models.Model):
    """What the filter chose at one moment: a temporary table that lives as long as the freezing transaction.

    What a version holds is decided by several queries; all of them read this, so that nobody's work between two of
    them makes a difference.
    """

    revision = models.OneToOneField(Revision, primary_key=True, on_delete=models.DO_NOTHING, related_name="+")
    submission = models.ForeignKey(Submission, on_delete=models.DO_NOTHING, related_name="+")
    prompt = models.CharField(max_length=64)
    pair = models.CharField(max_length=64)
    language = models.CharField(max_length=35)
    words = models.IntegerField()
    response_words = models.IntegerField()
    size = models.IntegerField()
    category = models.CharField(max_length=64)
    campaign = models.CharField(max_length=64)
    campaign_licence = models.CharField(max_length=40)
    licence = models.CharField(max_length=40)
    source_title = models.CharField(max_length=300)
    source_url = models.CharField(max_length=1000)
    contributor = models.CharField(max_length=20)
    approvals = models.PositiveSmallIntegerField()
    approved_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "exports_chosen"

    def __str__(self) -> str:
        return f"{self.submission_id} {self.revision_id}"


class DatasetPreference(models.Model):
    """That a version shows a turned-down response beside a record's approved one. Never changed."""

    record = models.ForeignKey(DatasetRecord, on_delete=models.CASCADE, related_name="preferences")
    rejected = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("record", "rejected")
        constraints = [models.UniqueConstraint(fields=["record", "rejected"], name="dataset_preference_once")]

    def __str__(self) -> str:
        return f"{self.record} > {self.rejected}"


class DatasetPlacement(models.Model):
    """What a version decided about a submission apart from the rule: another split, or why it is left out."""

    class Reason(models.TextChoices):
        """Why a record that the filter chose is left out."""

        EXACT_DUPLICATE = "exact_duplicate", _("an exact duplicate")
        NEAR_DUPLICATE = "near_duplicate", _("a near-duplicate")
        CONTRIBUTOR = "contributor", _("too many from one contributor")
        BUDGET = "budget", _("beyond its category's budget")
        STRADDLES = "straddles", _("near-duplicates in two splits")

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="placements")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="+")
    split = models.CharField(max_length=10, blank=True)
    reason = models.CharField(max_length=20, choices=Reason, blank=True)
    twin = models.ForeignKey(
        Submission,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("What it is a duplicate of."),
    )

    class Meta:
        ordering = ("version", "submission")
        constraints = [
            models.UniqueConstraint(fields=["version", "submission"], name="dataset_placement_submission_once"),
            models.CheckConstraint(
                name="dataset_placement_in_or_out",
                condition=Q(split__in=["train", "validation", "test"], reason="")
                | Q(
                    split="",
                    reason__in=["exact_duplicate", "near_duplicate", "contributor", "budget", "straddles"],
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.submission_id} {self.split or self.reason}"


class DatasetRemoval(models.Model):
    """That a record of the parent version is no longer in this one, with the reason as it was when frozen."""

    class Reason(models.TextChoices):
        """Why a record left."""

        WITHDRAWN = "withdrawn", _("withdrawn by its author")
        TAKEN_OUT = "taken_out", _("taken out at a person's request")
        REJECTED = "rejected", _("rejected")
        IN_REVIEW = "in_review", _("back in review")
        FILTERED = "filtered", _("no longer chosen by the filter")

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="removals")
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=10, choices=Reason)

    class Meta:
        ordering = ("version", "submission")
        constraints = [
            models.UniqueConstraint(fields=["version", "submission"], name="dataset_removal_once"),
            models.CheckConstraint(
                name="dataset_removal_reason_known",
                condition=Q(reason__in=["withdrawn", "taken_out", "rejected", "in_review", "filtered"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.submission_id} {self.reason}"
