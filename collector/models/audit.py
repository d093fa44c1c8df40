"""Who did what to whom, in rows that are only ever added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from collector.models.people import Person
from ui.addresses import current_address

if TYPE_CHECKING:
    from datetime import datetime


class AppendOnly(Exception):
    """Something tried to change or remove an entry of the audit."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    """Entries to read and add; the two ways to take something out of them have names."""

    def update(self, **_values: Any) -> NoReturn:
        """Refuse: an entry says what was."""
        raise AppendOnly("Audit entries are never changed.")

    def delete(self) -> NoReturn:
        """Refuse: an entry says what was."""
        raise AppendOnly("Audit entries are never removed.")

    def bulk_update(self, *_args: Any, **_options: Any) -> NoReturn:
        """Refuse: an entry says what was."""
        raise AppendOnly("Audit entries are never changed.")

    def forget_addresses(self) -> int:
        """Forget where requests came from: what the retention setting and erasure do; nothing else of an entry goes."""
        return models.QuerySet.update(self.exclude(ip=None), ip=None)

    def redact(self, *, target: str, now: datetime) -> int:
        """Take an erased person's name out of entries about them; each says when that was done."""
        return models.QuerySet.update(self, target=target, detail={}, ip=None, redacted_at=now)


class AuditEntry(models.Model):
    """Who did what to whom, when and from where: what is not a submission's own history (roles, tokens, downloads…).

    Append-only, in the database too (``collector.audit_guard``): no entry is deleted; verb, person and time never
    change; the address may be forgotten, and what names an erased person be redacted, which the entry then says.
    """

    by = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="+")
    verb = models.CharField(max_length=60)
    target = models.CharField(max_length=200)
    detail = models.JSONField(default=dict)
    ip = models.GenericIPAddressField(null=True, blank=True, default=current_address, help_text=_("Of the request."))
    at = models.DateTimeField(db_index=True)
    redacted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[models.Manager[AuditEntry]] = AuditQuerySet.as_manager()

    class Meta:
        ordering = ("-at", "-pk")
        verbose_name_plural = "audit entries"
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["verb", "-at"], name="audit_by_verb"),
            models.Index(fields=["target", "-at"], name="audit_by_target"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.target}"

    def save(self, **options: Any) -> None:
        """Add the entry; one that exists stays as it is."""
        if not self._state.adding:
            raise AppendOnly("Audit entries are never changed.")
        super().save(**options)

    def delete(self, *_args: Any, **_options: Any) -> NoReturn:
        """Refuse: an entry says what was."""
        raise AppendOnly("Audit entries are never removed.")
