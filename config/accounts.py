"""Who may sign up and how a one-time link signs in: the wiring between allauth and the core's actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from collector.actions import invitations, people
from collector.errors import Refused
from collector.forms import LINK_SESSION_KEY

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from collector.forms import SignupForm
    from collector.models import InvitationLink, Person

INVITATION_SESSION_KEY = "invitation"


class AccountAdapter(DefaultAccountAdapter):
    """Lets in whom the settings' domains or an invitation allow."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Show the form where anybody could use it."""
        return people.signup_is_open() or INVITATION_SESSION_KEY in request.session or _link_of(request) is not None

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Person | None:
        """Take a password only where the settings do."""
        if not settings.WOOLGATHER_PASSWORD_SIGN_IN:
            raise ValidationError(_("Passwords are off here. Sign in with your company account."))
        found: Person | None = super().authenticate(request, **credentials)
        return found

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that the trusted proxies saw; one that came past them is taken as it is."""
        try:
            address: str = super().get_client_ip(request)
        except ImproperlyConfigured:
            address = request.META["REMOTE_ADDR"]
        return address

    def clean_email(self, email: str) -> str:
        """Refuse addresses of other domains, saying what to do."""
        cleaned: str = super().clean_email(email)
        path = self.request.path if self.request is not None else ""
        if not path.endswith(("/signup/", "/email/")) or people.signup_allowed(cleaned, now=timezone.now()):
            return cleaned
        if path.endswith("/signup/") and self.request is not None and _link_of(self.request) is not None:
            return cleaned
        if path.endswith("/email/"):
            raise ValidationError(_("Use one of the company's own addresses, or one that was invited."))
        raise ValidationError(
            _(
                "Sign-up is for the company's own addresses or by invitation. "
                "Ask your campaign lead to invite this address."
            )
        )

    def save_user(self, request: HttpRequest, user: Person, form: SignupForm, commit: bool = True) -> Person:
        """Give the new account its name and a free handle before it is first saved."""
        user.display_name = form.cleaned_data["display_name"]
        user.handle = people.new_handle(user.display_name)
        saved: Person = super().save_user(request, user, form, commit)
        return saved


@login_not_required
@require_http_methods(["GET", "POST"])
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in by a one-time link; the button keeps mail scanners, which follow links, from using it up."""
    if request.method == "GET":
        return render(request, "account/sign_in_link.html", {"token": token})
    try:
        person = people.use_sign_in_link(token=token, now=timezone.now())
    except Refused as refused:
        return render(request, "account/sign_in_link.html", {"error": str(refused)}, status=410)
    wants_password = settings.WOOLGATHER_PASSWORD_SIGN_IN and not person.has_usable_password()
    if wants_password:
        messages.info(request, _("Welcome! Set a password so that you can sign in again."))
    # Through allauth's own stages: the link stands for a password, never for a second factor.
    response: HttpResponse = perform_login(
        request,
        person,
        email_verification="none",
        redirect_url=reverse("account_set_password" if wants_password else "home"),
    )
    return response


@login_not_required
@require_http_methods(["GET"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Remember the invitation and show the sign-up form; signing up with the invited address uses it."""
    found = people.find_invitation(token=token, now=timezone.now())
    if found is not None:
        request.session[INVITATION_SESSION_KEY] = found.email
        return redirect("account_signup")
    if invitations.find_link(token=token, now=timezone.now()) is None:
        return render(request, "account/invitation_invalid.html", status=410)
    request.session[LINK_SESSION_KEY] = token
    return redirect("account_signup")


def _link_of(request: HttpRequest) -> InvitationLink | None:
    token = request.session.get(LINK_SESSION_KEY, "")
    return invitations.find_link(token=token, now=timezone.now()) if token else None
