"""What the admin's pages share: an audit entry for every change, acts beside saving, and rows nobody may touch."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import Http404, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from collector.errors import Refused
from collector.models import AuditEntry, Person, Role
from collector.text import normalize_newlines, validate_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

AUDIT_TEXT = 500  # characters of a long text that an audit entry keeps


def person_of(request: HttpRequest) -> Person:
    """Return who is signed in; the admin lets nobody else in."""
    return cast("Person", request.user)


# -- Audit ------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    if isinstance(value, models.Model):
        return value.pk
    if isinstance(value, date | datetime):
        return value.isoformat()
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)[:AUDIT_TEXT]


def audit(*, verb: str, target: models.Model, by: Person, form: Any = None, detail: Any = None) -> None:
    """Record who did what here, with the fields of ``form`` before and after."""
    if form is not None:
        detail = {
            "before": {name: _plain(form.initial.get(name)) for name in form.changed_data},
            "after": {name: _plain(form.cleaned_data.get(name)) for name in form.changed_data},
        }
    name = f"{type(target).__name__.lower()} {getattr(target, 'slug', '') or target.pk}"
    AuditEntry.objects.create(by=by, verb=f"admin.{verb}", target=name[:200], detail=detail or {}, at=timezone.now())


class ExactTextField(forms.CharField):
    """A long text, kept to the last space, with our newlines."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "strip": False})
        self.validators = [validate_text]

    def to_python(self, value: Any) -> str:
        """Make the newlines of browsers ours."""
        return normalize_newlines(super().to_python(value) or "")


EXACT_TEXT: dict[Any, Any] = {
    models.TextField: {"form_class": ExactTextField},
    models.URLField: {"assume_scheme": "https"},
}


class Act(NamedTuple):
    """Something that can be done beside saving: a link at the top of an object's page."""

    url: str
    label: str


class Acting(admin.ModelAdmin[Any]):
    """Pages that do one thing to one object, through an action."""

    change_form_template = "admin/change_form_acts.html"

    def acts(self, request: HttpRequest, item: Any) -> list[Act]:
        """Return what this person can do to the object now."""
        return []

    def act(self, item: models.Model, name: str, label: Any) -> Act:
        """Return the link to one of ``get_urls``' pages."""
        return Act(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=[item.pk]), str(label))

    def act_path(self, name: str, view: Callable[..., HttpResponse]) -> URLPattern:
        """Return the address of such a page."""
        return path(
            f"<path:object_id>/{name}/",
            self.admin_site.admin_view(view),
            name=f"{self.opts.app_label}_{self.opts.model_name}_{name}",
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the object with its acts."""
        item = self.get_object(request, object_id)
        acts = self.acts(request, item) if item is not None else []
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "acts": acts})

    def run_act(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        explanation: str,
        form: forms.Form,
        do: Callable[[Any, dict[str, Any]], object],
    ) -> HttpResponse:
        """Ask with ``form``, then ``do``; what the action refuses is said where it was asked."""
        item = self.get_object(request, object_id)
        if item is None:
            raise Http404
        back = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[item.pk])
        chosen = next((act for act in self.acts(request, item) if act.url == request.path), None)
        if chosen is None:
            raise PermissionDenied(_("This isn't possible here now."))
        if request.method == "POST" and form.is_valid():
            try:
                do(item, form.cleaned_data)
            except (Refused, ValidationError) as error:
                form.add_error(None, error.messages if isinstance(error, ValidationError) else str(error))
            else:
                messages.success(request, _("Done: %(act)s.") % {"act": chosen.label})
                return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": chosen.label,
            "subtitle": str(item),
            "opts": self.opts,
            "explanation": explanation,
            "form": form,
            "back": back,
        }
        return TemplateResponse(request, "admin/act.html", context, status=400 if form.errors else 200)


class Audited(Acting):
    """Every change leaves an audit entry; names in addresses stay as they are once made."""

    formfield_overrides = EXACT_TEXT
    deletable = False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Keep a slug that others may have linked to or released."""
        fixed = [str(name) for name in super().get_readonly_fields(request, obj)]
        return [*fixed, "slug"] if obj is not None and hasattr(obj, "slug") else fixed

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Delete only what nothing else is made of."""
        return self.deletable and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save and record."""
        super().save_model(request, obj, form, change)
        if form.changed_data or not change:
            audit(verb="changed" if change else "added", target=obj, by=person_of(request), form=form)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Save an inline's rows and record each that changed."""
        super().save_formset(request, form, formset, change)
        for row in formset.forms:
            if row.instance.pk and row.changed_data and row not in formset.deleted_forms:
                audit(verb="changed", target=row.instance, by=person_of(request), form=row)
        for gone in formset.deleted_objects:
            audit(verb="deleted", target=gone, by=person_of(request))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Record and delete."""
        audit(verb="deleted", target=obj, by=person_of(request))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Record each and delete."""
        for item in queryset:
            audit(verb="deleted", target=item, by=person_of(request))
        super().delete_queryset(request, queryset)


class Untouchable:
    """To look at: no adding, no changing, no deleting, whatever the permissions."""

    viewer = Role.LEAD

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Leads and admins."""
        return person_of(request).has_role(self.viewer)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Leads and admins."""
        return person_of(request).has_role(self.viewer)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: the actions do it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody: the actions do it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False
