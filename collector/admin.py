"""Django's admin for leads and admins: set up campaigns, look after people, look things up.

What the rules of review decide (submissions, reviews, awards, their history) can be looked at and not touched;
whatever is changed here leaves an audit entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from collector import admin_records  # noqa: F401 - its pages belong to the admin too
from collector.actions.campaigns import current_terms, publish_terms
from collector.actions.erasure import SIGN_IN_APPS, erase_person
from collector.actions.people import deactivate_person, invite, main_role, reactivate_person, set_role
from collector.actions.provisioning import reset_second_factor
from collector.admin_base import EXACT_TEXT, Act, Audited, ExactTextField, Untouchable, person_of
from collector.forms import EraseForm
from collector.models import (
    Campaign,
    CampaignCategory,
    CannedReason,
    Category,
    CategoryExample,
    Invitation,
    Passage,
    Person,
    Role,
    Team,
    Terms,
)

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

# -- Campaigns and what they are made of ------------------------------------------------------------------


class TargetInline(admin.TabularInline[CampaignCategory, Campaign]):
    """What the campaign collects."""

    model = CampaignCategory
    extra = 0


class TermsInline(Untouchable, admin.StackedInline[Terms, Campaign]):
    """The terms so far, to look at."""

    model = Terms
    extra = 0
    fields = ("number", "published_at", "text")
    readonly_fields = fields


@admin.register(Campaign)
class CampaignAdmin(Audited):
    """Campaigns with their targets and terms; their life, teams and languages are settled on their own pages."""

    list_display = ("name", "slug", "status", "data_licence", "language", "starts_on", "ends_on")
    list_filter = ("status",)
    search_fields = ("name", "slug")
    inlines = (TargetInline, TermsInline)
    readonly_fields = ("status",)
    exclude = ("more_languages", "teams")

    def acts(self, request: HttpRequest, item: Any) -> list[Act]:
        """Offer new terms to those who may change the campaign."""
        if not self.has_change_permission(request, item):
            return []
        return [self.act(item, "terms", _("Publish new terms"))]

    def get_urls(self) -> list[Any]:
        """Add the page for new terms."""
        return [self.act_path("terms", self.terms_view), *super().get_urls()]

    def terms_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Publish the next version of the terms."""
        campaign = self.get_object(request, object_id)
        terms = current_terms(campaign) if isinstance(campaign, Campaign) else None
        form = TermsForm(request.POST or None, initial={"text": terms.text if terms else ""})
        return self.run_act(
            request,
            object_id,
            explanation=_("Everybody accepts the new text before their next contribution."),
            form=form,
            do=lambda item, fields: publish_terms(
                campaign=item, text=fields["text"], by=person_of(request), now=timezone.now()
            ),
        )


class TermsForm(forms.Form):
    """The next version of a campaign's terms."""

    text = ExactTextField(label=gettext_lazy("Terms, in Markdown"), widget=forms.Textarea(attrs={"rows": 24}))


class ExampleInline(admin.StackedInline[CategoryExample, Category]):
    """Pairs that show what good looks like."""

    model = CategoryExample
    extra = 0
    formfield_overrides = EXACT_TEXT


class CannedReasonInline(admin.TabularInline[CannedReason, Category]):
    """Words that reviewers need again and again in this category."""

    model = CannedReason
    extra = 0
    formfield_overrides = EXACT_TEXT

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may change the category: nothing else refers to these words."""
        return self.has_change_permission(request, obj)


@admin.register(Category)
class CategoryAdmin(Audited):
    """Kinds of tasks with their guidelines and examples."""

    list_display = ("name", "slug", "context", "points", "position")
    search_fields = ("name", "slug")
    inlines = (ExampleInline, CannedReasonInline)


@admin.register(CannedReason)
class CannedReasonAdmin(Audited):
    """Reviewers' ready words: those without a category are offered in all."""

    list_display = ("label", "category", "reason", "position")
    list_filter = ("reason", "category")
    list_select_related = ("category",)
    search_fields = ("label", "text")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may change them: nothing else refers to these words."""
        return self.has_change_permission(request, obj)


@admin.register(Passage)
class PassageAdmin(Audited):
    """Reference texts; one that is no longer wanted is taken out of use."""

    list_display = ("title", "slug", "language", "licence", "is_active")
    list_filter = ("is_active", "language", "licence")
    search_fields = ("title", "slug")


@admin.register(Team)
class TeamAdmin(Audited):
    """Teams."""

    list_display = ("name", "slug")
    search_fields = ("name", "slug")
    deletable = True


# -- People -----------------------------------------------------------------------------------------------


class PersonForm(forms.ModelForm[Person]):
    """A person's public face, and their role."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role.choices)

    class Meta:
        model = Person
        fields = ("display_name", "handle", "email", "team", "time_zone")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields and self.instance.pk:
            self.initial["role"] = self.fields["role"].initial = main_role(self.instance).value


@admin.register(Person)
class PersonAdmin(Audited):
    """People: nobody is added (invite them) or deleted (what they wrote stays: end their access)."""

    form = PersonForm
    fields = ("display_name", "handle", "email", "team", "time_zone", "role", "is_active", "pseudonym", "last_login")
    readonly_fields = ("is_active", "pseudonym", "last_login")
    list_display = ("display_name", "email", "handle", "team", "is_active", "is_staff", "joined_at")
    list_filter = ("is_active", "groups", "team")
    list_select_related = ("team",)
    search_fields = ("display_name", "handle", "email")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody is added: an invitation lets them choose their own name and password."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Admins; a source of imports stays as the import made it."""
        if isinstance(obj, Person) and obj.is_source:
            return False
        return super().has_change_permission(request, obj) and person_of(request).has_role(Role.ADMIN)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Nobody changes their own role: a site always keeps the admin who looks after it."""
        fixed = super().get_readonly_fields(request, obj)
        return [*fixed, "role"] if obj is not None and obj.pk == person_of(request).pk else fixed

    @admin.display(description=gettext_lazy("Role"))
    def role(self, person: Person) -> str:
        """Show the role where it can't be chosen."""
        return str(main_role(person).label)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, and give a new role through the action, which records it."""
        super().save_model(request, obj, form, change)
        if "email" in form.changed_data:
            # Else the old address would still sign in; the new one is proved at the next sign-in.
            EmailAddress.objects.filter(user=obj).delete()
        if "role" in form.changed_data:
            set_role(person=obj, role=form.cleaned_data["role"], by=person_of(request), now=timezone.now())

    def acts(self, request: HttpRequest, item: Any) -> list[Act]:
        """Offer to end or give back another person's access."""
        if not self.has_change_permission(request, item) or item.pk == person_of(request).pk:
            return []
        if item.erased_at is not None:
            return []
        erase = self.act(item, "erase", _("Erase the account"))
        if item.is_active:
            acts = [self.act(item, "deactivate", _("Deactivate"))]
            if Authenticator.objects.filter(user=item).exists():
                acts.append(self.act(item, "second-factor", _("Reset the second factor")))
            return [*acts, erase]
        return [self.act(item, "reactivate", _("Reactivate")), erase]

    def get_urls(self) -> list[Any]:
        """Add the pages of the acts."""
        views = {
            "deactivate": self.deactivate_view,
            "reactivate": self.reactivate_view,
            "second-factor": self.second_factor_view,
            "erase": self.erase_view,
        }
        own = [self.act_path(name, view) for name, view in views.items()]
        return [*own, *super().get_urls()]

    def deactivate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End a person's access."""
        return self.run_act(
            request,
            object_id,
            explanation=_("Their sessions and tokens end at once. What they wrote stays, under their name."),
            form=forms.Form(request.POST or None),
            do=lambda item, _fields: deactivate_person(person=item, by=person_of(request), now=timezone.now()),
        )

    def erase_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Erase somebody's account at their request."""
        found = self.get_object(request, object_id)
        return self.run_act(
            request,
            object_id,
            explanation=_(
                "Name, address, ways to sign in, drafts and notices go for good. What they wrote stays under their "
                "pseudonym, or is withdrawn, as each campaign has it. This can't be undone."
            ),
            form=EraseForm(request.POST or None, expected=found.email if isinstance(found, Person) else ""),
            do=lambda item, _fields: erase_person(person=item, by=person_of(request), now=timezone.now()),
        )

    def reactivate_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Give the access back, with the role that they had."""
        return self.run_act(
            request,
            object_id,
            explanation=_("They can sign in again, with the role they had."),
            form=forms.Form(request.POST or None),
            do=lambda item, _fields: reactivate_person(person=item, by=person_of(request), now=timezone.now()),
        )

    def second_factor_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take the second factors of somebody who lost them."""
        return self.run_act(
            request,
            object_id,
            explanation=_("Their passkeys, app and recovery codes stop working. Be sure that it is them who asks."),
            form=forms.Form(request.POST or None),
            do=lambda item, _fields: reset_second_factor(person=item, by=person_of(request), now=timezone.now()),
        )


class InvitationForm(forms.ModelForm[Invitation]):
    """Whom to invite as what."""

    class Meta:
        model = Invitation
        fields = ("email", "role", "team")

    def clean_email(self) -> str:
        """Refuse an address that is here already."""
        email: str = self.cleaned_data["email"]
        if Person.objects.filter(email__iexact=email).exists():
            raise ValidationError(_("This address already has an account."))
        return email


@admin.register(Invitation)
class InvitationAdmin(Audited):
    """Invitations; deleting one makes its link useless."""

    form = InvitationForm
    fields = ("email", "role", "team")
    list_display = ("email", "role", "team", "invited_by", "created_at", "expires_at", "accepted_at")
    list_select_related = ("team", "invited_by")
    search_fields = ("email",)
    deletable = True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An invitation that was sent says what it says."""
        return False

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A lead makes contributors and reviewers; only an admin makes leads and admins."""
        if db_field.name == "role" and not person_of(request).has_role(Role.ADMIN):
            kwargs["choices"] = [(role.value, role.label) for role in (Role.CONTRIBUTOR, Role.REVIEWER)]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Invite, and show the link: its token is kept nowhere."""
        made, token = invite(email=obj.email, role=obj.role, team=obj.team, by=person_of(request), now=timezone.now())
        obj.__dict__.update(made.__dict__)
        link = request.build_absolute_uri(reverse("invitation", args=[token]))
        messages.warning(
            request,
            _("Send this link to %(email)s; it is shown only now: %(link)s") % {"email": obj.email, "link": link},
        )


# A role is given to a person, through the action; what a role may do is not a setting.
admin.site.unregister(Group)
# Nor are ways to sign in rows to edit: an address is changed on its person's page, which leaves an audit entry.
for _model in [model for model, _page in admin.site._registry.items() if model._meta.app_label in SIGN_IN_APPS]:  # noqa: SLF001 - there is no other way to ask
    admin.site.unregister(_model)
