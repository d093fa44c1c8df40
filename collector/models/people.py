"""People, their teams, invitations and tokens."""

from __future__ import annotations

import secrets
import zoneinfo
from typing import TYPE_CHECKING, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from collector.text import validate_text

if TYPE_CHECKING:
    from datetime import datetime

PSEUDONYM_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without the letters and digits that read alike


def new_pseudonym() -> str:
    """Return a random pseudonym such as ``c-7k2m9q4x``: stable because it is stored, and derived from nothing."""
    return "c-" + "".join(secrets.choice(PSEUDONYM_ALPHABET) for _i in range(8))


def validate_time_zone(value: str) -> None:
    """Refuse a name that is not an IANA time zone."""
    try:
        zoneinfo.ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValidationError(_("“%(value)s” is not a time zone."), params={"value": value}) from error


class Role(models.TextChoices):
    """What a person may do; each is the name of a Django group (see ``actions.people.ensure_roles``)."""

    CONTRIBUTOR = "contributor", _("Contributor")
    REVIEWER = "reviewer", _("Reviewer")
    LEAD = "lead", _("Campaign lead")
    ADMIN = "admin", _("Admin")


class MailKind(models.TextChoices):
    """A kind of mail that people get until they end it."""

    DIGEST = "digest", _("Daily e-mail")
    ANNOUNCEMENT = "announcement", _("Announcement")
    REMINDER = "reminder", _("Reminder")

    @property
    def wish(self) -> str:
        """The person's field that says whether they want it."""
        return {"digest": "wants_digest", "announcement": "wants_announcements"}.get(self, "wants_reminders")


class Team(models.Model):
    """A group of colleagues that shows on the boards."""

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=100, unique=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class PersonManager(BaseUserManager["Person"]):
    """Makes people; the management commands and allauth come through here."""

    def get_by_natural_key(self, username: str | None) -> Person:
        """Find by e-mail address, whatever its case."""
        return self.get(email__iexact=username)

    def create_user(self, email: str, password: str | None = None, **fields: object) -> Person:
        """Create a person; without a password the account can't sign in by password."""
        person = self.model(email=self.normalize_email(email).lower(), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email: str, password: str | None = None, **fields: object) -> Person:
        """Create a person who may do everything in Django's admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class Person(AbstractBaseUser, PermissionsMixin):
    """Someone who signs in, or the named source of imported submissions (which never signs in)."""

    email = models.EmailField(_("e-mail address"), max_length=254)
    display_name = models.CharField(_("display name"), max_length=80, validators=[validate_text])
    handle = models.CharField(
        _("handle"),
        max_length=40,
        unique=True,
        help_text=_("Your public address here: lower-case letters, digits and hyphens."),
        validators=[
            RegexValidator(
                r"\A[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\Z",
                _("Use lower-case letters, digits and single hyphens."),
            )
        ],
        error_messages={"unique": _("This handle is taken.")},
    )

    class OnBoards(models.TextChoices):
        """How a person stands on the boards."""

        NAME = "name", _("with my name")
        PSEUDONYM = "pseudonym", _("under my pseudonym")
        AWAY = "away", _("not at all")

    pseudonym = models.CharField(max_length=20, unique=True, default=new_pseudonym, editable=False)
    team = models.ForeignKey(
        Team, verbose_name=_("team"), null=True, blank=True, on_delete=models.SET_NULL, related_name="members"
    )
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_time_zone])
    wants_digest = models.BooleanField(
        _("daily e-mail"), default=False, help_text=_("What happened to my work, at most once a day.")
    )
    wants_announcements = models.BooleanField(
        _("announcements"), default=True, help_text=_("What campaign leads write to everybody, by e-mail.")
    )
    wants_reminders = models.BooleanField(
        _("reminders"), default=True, help_text=_("By e-mail, and never on a day on which I contributed already.")
    )
    on_boards = models.CharField(
        _("on the boards"),
        max_length=10,
        choices=OnBoards,
        default=OnBoards.NAME,
        help_text=_("How others see me there. My points count for my team either way."),
    )
    weekends_count = models.BooleanField(
        _("weekends count"),
        default=False,
        help_text=_("A missed Saturday or Sunday ends my streak, as any other day does."),
    )
    wants_celebrations = models.BooleanField(
        _("celebrations"), default=True, help_text=_("A quiet card on my start page for a new badge or level.")
    )
    celebrated_level = models.PositiveSmallIntegerField(default=1, editable=False)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Untick to end all sessions and tokens at once.")
    )
    is_staff = models.BooleanField(_("may open the admin"), default=False)
    is_source = models.BooleanField(_("source of imports"), default=False, editable=False)
    joined_at = models.DateTimeField(_("joined"), auto_now_add=True)
    erased_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text=_("When the account was erased; the pseudonym is all that stays."),
    )

    objects: ClassVar[PersonManager] = PersonManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["display_name", "handle"]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ("display_name", "pk")
        constraints = [
            models.CheckConstraint(
                name="person_on_boards_known", condition=models.Q(on_boards__in=["name", "pseudonym", "away"])
            ),
            models.UniqueConstraint(
                Lower("email"),
                name="person_email_unique",
                violation_error_message=_("This e-mail address is already in use."),
            ),
            models.CheckConstraint(
                name="person_source_cannot_sign_in",
                condition=models.Q(is_source=False) | models.Q(is_active=False, is_staff=False, is_superuser=False),
            ),
        ]

    def __str__(self) -> str:
        return self.display_name

    def get_full_name(self) -> str:
        """Return the name that others see."""
        return self.display_name

    def get_short_name(self) -> str:
        """Return the first word of the name."""
        return self.display_name.split(" ", 1)[0]

    def has_role(self, role: Role | str) -> bool:
        """Say whether the person is in the role's group; an admin or superuser holds every role."""
        if not self.is_active:
            return False
        names = self.role_names
        return self.is_superuser or str(role) in names or Role.ADMIN in names

    @property
    def role_names(self) -> frozenset[str]:
        """The names of the person's groups, read once an instance."""
        names: frozenset[str] | None = self.__dict__.get("_role_names")
        if names is None:
            names = frozenset(self.groups.values_list("name", flat=True))
            self.__dict__["_role_names"] = names
        return names


class Invitation(models.Model):
    """Permission for one e-mail address to sign up, whatever its domain; the link carries the token once."""

    email = models.EmailField(max_length=254)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    role = models.CharField(max_length=20, choices=Role, default=Role.CONTRIBUTOR)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL)
    invited_by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="invitations_sent")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # A mail makes a token of its own, so that none has to be kept until it is sent.
    mail_wanted = models.BooleanField(default=False, editable=False)
    mailed_at = models.DateTimeField(null=True, blank=True, editable=False)
    mail_failures = models.PositiveSmallIntegerField(default=0, editable=False)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.OneToOneField(
        Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="invitation"
    )

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.email


class InvitationLink(models.Model):
    """Permission for whoever has the link to sign up, a number of times at most; only its hash is kept."""

    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False, help_text=_("The first characters, to tell links apart."))
    note = models.CharField(max_length=120, blank=True, validators=[validate_text])
    role = models.CharField(max_length=20, choices=Role, default=Role.CONTRIBUTOR)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL)
    made_by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    most_uses = models.PositiveIntegerField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    people = models.ManyToManyField(Person, blank=True, related_name="invitation_links")

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints = [
            models.CheckConstraint(
                name="invitation_link_role", condition=models.Q(role__in=["contributor", "reviewer"])
            )
        ]

    def __str__(self) -> str:
        return f"{self.hint}…"


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Reads of tokens."""

    def live(self, now: datetime) -> Self:
        """Return those that work now."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=now), revoked_at=None)


class ApiToken(models.Model):
    """A personal bearer token; only its hash is kept."""

    class Scope(models.TextChoices):
        """What the bearer may do, each scope holding those before it."""

        READ = "read", _("Read")
        WRITE = "write", _("Write")
        REVIEW = "review", _("Review")
        ADMIN = "admin", _("Admin")

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(max_length=12, editable=False, help_text=_("The first characters, to tell tokens apart."))
    name = models.CharField(max_length=80, blank=True, validators=[validate_text])
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.READ)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    # Coarse: written at most every ten minutes, so that reading by the API stays reading.
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at",)
        constraints = [
            models.CheckConstraint(
                name="api_token_scope_known",
                condition=models.Q(scope__in=["read", "write", "review", "admin"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.hint}… ({self.scope})"


class DirectoryAccount(models.Model):
    """What the company's directory calls a person; SCIM finds people by it."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, related_name="directory_account")
    user_name = models.CharField(max_length=254)
    external_id = models.CharField(max_length=254, blank=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(Lower("user_name"), name="directory_account_user_name_unique")]

    def __str__(self) -> str:
        return self.user_name
