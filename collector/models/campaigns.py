"""Campaigns, their categories, passages and terms."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from collector.languages import validate_language
from collector.models.people import Person, Team, validate_time_zone
from collector.text import validate_text

validate_slug_path = RegexValidator(
    r"\A[a-z0-9][a-z0-9._-]{0,63}\Z", _("Use lower-case letters, digits, hyphens, dots and underscores.")
)


MOST_LANGUAGES = 20


def validate_languages(value: object) -> None:
    """Refuse what is not a list of different BCP 47 tags."""
    if not isinstance(value, list) or len(value) > MOST_LANGUAGES or len(set(map(str, value))) != len(value):
        raise ValidationError(_("Give at most 20 different languages."))
    for tag in value:
        validate_language(str(tag))


class Licence(models.TextChoices):
    """Data licences a record may carry, by SPDX identifier."""

    CC_BY_SA_4 = "CC-BY-SA-4.0", "CC BY-SA 4.0"
    CC_BY_SA_3 = "CC-BY-SA-3.0", "CC BY-SA 3.0"
    CC_BY_4 = "CC-BY-4.0", "CC BY 4.0"
    CC_BY_3 = "CC-BY-3.0", "CC BY 3.0"
    CC0 = "CC0-1.0", "CC0 1.0"
    ODC_BY = "ODC-By-1.0", "ODC-By 1.0"
    APACHE_2 = "Apache-2.0", "Apache 2.0"
    MIT = "MIT", "MIT"
    PROPRIETARY = "LicenseRef-Proprietary", _("Company-internal")


class Category(models.Model):
    """A kind of task. Without a campaign it is one of the installation's own and any campaign may use it."""

    class Context(models.TextChoices):
        """Whether a pair of this category works from a reference text."""

        REQUIRED = "required", _("Required")
        OPTIONAL = "optional", _("Optional")
        NONE = "none", _("None")

    slug = models.CharField(max_length=64, unique=True, validators=[validate_slug_path])
    name = models.CharField(max_length=80)
    tagline = models.CharField(max_length=200, blank=True)
    context = models.CharField(max_length=10, choices=Context, default=Context.NONE)
    guidelines = models.TextField(blank=True, help_text=_("What good looks like, in Markdown."))
    points = models.PositiveSmallIntegerField(default=10, help_text=_("For an approved submission."))
    instruction_words_min = models.PositiveIntegerField(default=5)
    instruction_words_max = models.PositiveIntegerField(default=60)
    response_words_min = models.PositiveIntegerField(default=20)
    response_words_max = models.PositiveIntegerField(default=300)
    position = models.PositiveSmallIntegerField(default=100)

    class Meta:
        ordering = ("position", "slug")
        verbose_name_plural = "categories"
        constraints = [
            models.CheckConstraint(
                name="category_context_known",
                condition=models.Q(context__in=["required", "optional", "none"]),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class CategoryExample(models.Model):
    """A pair that shows what good looks like."""

    category = models.ForeignKey(Category, on_delete=models.CASCADE, related_name="examples")
    instruction = models.TextField()
    context = models.TextField(blank=True)
    response = models.TextField()
    why = models.TextField(blank=True, help_text=_("Why this is a good pair."))
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("position", "pk")

    def __str__(self) -> str:
        return self.instruction[:60]


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """Campaigns by what can be done in them."""

    def open(self) -> CampaignQuerySet:
        """Those that take submissions and reviews."""
        return self.filter(status=Campaign.Status.OPEN)

    def visible(self) -> CampaignQuerySet:
        """Those that contributors see."""
        return self.exclude(status=Campaign.Status.DRAFT)


class Campaign(models.Model):
    """A dated drive with guidelines, a data licence, contributor terms, targets and a review policy."""

    class QueueOrder(models.TextChoices):
        """Which waiting item a reviewer gets next."""

        OLDEST = "oldest", _("Oldest first")
        NEEDED = "needed", _("Most needed category first")
        UNCERTAIN = "uncertain", _("Most uncertain first, where reviewers of similar items disagreed")

    class Status(models.TextChoices):
        """A campaign's life."""

        DRAFT = "draft", _("Draft")
        OPEN = "open", _("Open")
        PAUSED = "paused", _("Paused")
        CLOSED = "closed", _("Closed")

    class OnErasure(models.TextChoices):
        """What happens to somebody's records that no version holds yet, once they erase their account."""

        KEEP = "keep", _("Their records stay, under the pseudonym")
        WITHDRAW = "withdraw", _("What is not released yet is withdrawn and blanked")

    slug = models.CharField(max_length=64, unique=True, validators=[validate_slug_path])
    name = models.CharField(max_length=120, validators=[validate_text])
    description = models.TextField(blank=True)
    guidelines = models.TextField(blank=True, help_text=_("In Markdown."))
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    data_licence = models.CharField(max_length=40, choices=Licence, default=Licence.CC_BY_SA_4)
    language = models.CharField(max_length=35, default="en", validators=[validate_language])
    more_languages = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_languages],
        help_text=_("Other languages that pairs may be in, as a list of BCP 47 tags."),
    )
    teams = models.ManyToManyField(
        Team, blank=True, related_name="campaigns", help_text=_("Only their members write here; none: everybody does.")
    )
    time_zone = models.CharField(max_length=64, default="UTC", validators=[validate_time_zone])
    approvals_required = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text=_("How many reviewers must approve a submission."),
    )
    lease_minutes = models.PositiveSmallIntegerField(
        default=15, help_text=_("How long the queue keeps an item for one reviewer.")
    )
    reviews_per_item = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
        help_text=_(
            "How many reviewers decide each item without seeing each other's decisions. "
            "With two or more, a campaign lead has the last word where they disagree."
        ),
    )
    is_blind = models.BooleanField(_("blind"), default=True, help_text=_("Reviewers don't see who wrote a text."))
    queue_order = models.CharField(max_length=10, choices=QueueOrder, default=QueueOrder.OLDEST)
    gold_percent = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(50)],
        help_text=_("How many of a hundred items in a reviewer's queue are gold items, whose right decision is known."),
    )
    on_erasure = models.CharField(
        _("when a contributor erases their account"),
        max_length=10,
        choices=OnErasure,
        default=OnErasure.KEEP,
        help_text=_("As the contributor terms say it. What a version holds stays in it, under the pseudonym."),
    )
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    is_demo = models.BooleanField(default=False, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    categories = models.ManyToManyField(Category, through="CampaignCategory", related_name="campaigns")

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ("-starts_on", "slug")
        constraints = [
            models.CheckConstraint(
                name="campaign_status_known",
                condition=models.Q(status__in=["draft", "open", "paused", "closed"]),
            ),
            models.CheckConstraint(
                name="campaign_on_erasure_known", condition=models.Q(on_erasure__in=["keep", "withdraw"])
            ),
            models.CheckConstraint(
                name="campaign_approvals_in_range",
                condition=models.Q(approvals_required__gte=1, approvals_required__lte=5),
                violation_error_message=_("A submission needs one to five approvals."),
            ),
            models.CheckConstraint(
                name="campaign_reviews_in_range",
                condition=models.Q(reviews_per_item__gte=1, reviews_per_item__lte=5),
                violation_error_message=_("An item gets one to five reviews."),
            ),
            models.CheckConstraint(
                name="campaign_gold_percent_in_range",
                condition=models.Q(gold_percent__lte=50),
                violation_error_message=_("At most half of a queue can be gold items."),
            ),
            models.CheckConstraint(
                name="campaign_queue_order_known",
                condition=models.Q(queue_order__in=["oldest", "needed", "uncertain"]),
            ),
            models.CheckConstraint(
                name="campaign_ends_after_it_starts",
                condition=models.Q(starts_on__isnull=True)
                | models.Q(ends_on__isnull=True)
                | models.Q(ends_on__gte=models.F("starts_on")),
                violation_error_message=_("A campaign can't end before it starts."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reviews_wanted(self) -> int:
        """How many standing decisions an item needs before its verdict, where none ends it at once."""
        return max(self.reviews_per_item, self.approvals_required)

    @property
    def languages(self) -> list[str]:
        """The languages that pairs may be in, the usual one first."""
        return [self.language, *self.more_languages]

    def expected_language(self, chosen: str) -> str:
        """Return the language that a text should be in: the chosen one if the campaign has it, else its usual one."""
        return chosen if chosen in self.more_languages else self.language

    @property
    def is_independent(self) -> bool:
        """Whether reviewers decide without seeing each other's decisions, and disagreement goes to a lead."""
        return self.reviews_per_item > 1


class CampaignCategory(models.Model):
    """A category in a campaign, with how many approved submissions the campaign wants of it."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="targets")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="targets")
    target = models.PositiveIntegerField(default=100, help_text=_("Approved submissions wanted."))

    class Meta:
        ordering = ("category__position", "category__slug")
        verbose_name = _("target")
        constraints = [models.UniqueConstraint(fields=["campaign", "category"], name="campaign_category_once")]

    def __str__(self) -> str:
        return f"{self.category_id}: {self.target}"


class Terms(models.Model):
    """One version of a campaign's contributor terms; a changed text is a new version."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="terms")
    number = models.PositiveIntegerField()
    text = models.TextField(help_text=_("In Markdown."))
    published_at = models.DateTimeField()

    class Meta:
        ordering = ("campaign", "-number")
        verbose_name_plural = "terms"
        constraints = [models.UniqueConstraint(fields=["campaign", "number"], name="terms_number_once")]

    def __str__(self) -> str:
        return f"{self.campaign} {self.number}"


class TermsAcceptance(models.Model):
    """That a person accepted one version of the terms, and when."""

    terms = models.ForeignKey(Terms, on_delete=models.PROTECT, related_name="acceptances")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="acceptances")
    accepted_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["terms", "person"], name="terms_accepted_once")]

    def __str__(self) -> str:
        return f"{self.person} {self.terms}"


class Passage(models.Model):
    """Reference text with its source and licence, that a contributor works from."""

    slug = models.CharField(max_length=80, unique=True, validators=[validate_slug_path])
    title = models.CharField(max_length=300, validators=[validate_text])
    url = models.URLField(max_length=1000, blank=True)
    licence = models.CharField(max_length=40, choices=Licence, default=Licence.CC_BY_SA_4)
    language = models.CharField(max_length=35, default="en", validators=[validate_language])
    text = models.TextField(validators=[validate_text])
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("title", "pk")

    def __str__(self) -> str:
        return self.title


class PassageSkip(models.Model):
    """That a contributor didn't want to work from a passage, and why: the lead reads it and mends the passages."""

    class Reason(models.TextChoices):
        """Why a passage was passed by."""

        TOO_HARD = "too_hard", _("Too hard for me")
        NOT_INTERESTING = "not_interesting", _("Nothing to ask about it")
        UNCLEAR = "unclear", _("Unclear or badly written")
        WRONG = "wrong", _("Something in it is wrong or outdated")
        UNSUITABLE = "unsuitable", _("Offensive, personal or confidential")
        OTHER = "other", _("Something else")

    passage = models.ForeignKey(Passage, on_delete=models.CASCADE, related_name="skips")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="passage_skips")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="passage_skips")
    category = models.ForeignKey(Category, on_delete=models.CASCADE, related_name="passage_skips")
    reason = models.CharField(max_length=20, choices=Reason)
    note = models.CharField(max_length=500, blank=True, validators=[validate_text])
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at", "-pk")
        constraints = [
            models.CheckConstraint(
                name="passage_skip_reason_known",
                condition=models.Q(
                    reason__in=["too_hard", "not_interesting", "unclear", "wrong", "unsuitable", "other"]
                ),
            ),
            models.UniqueConstraint(fields=["passage", "person", "category"], name="passage_skipped_once"),
        ]

    def __str__(self) -> str:
        return f"{self.passage} {self.reason}"
