"""The matrix is worth what it notices: guards of different kinds are taken out, and it must report each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib import admin

from collector.models import AuditEntry, Submission
from collector.text import token_hash
from tests.access import matrix
from tests.access.matrix import Report, routes
from tests.access.test_matrix import asker, cells

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.access.matrix import Asker

__all__ = ["asker"]  # the module's own world, for these tests, too

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def look_at(asker: Asker, pattern: str) -> Report:
    report = Report()
    found = [route for route in routes() if route.pattern == pattern]
    assert found
    for name, path, rule in cells(asker.world, found[0]):
        matrix.check(asker, name, path, rule, report)
    return report


def without_scope(patch: pytest.MonkeyPatch) -> None:
    """Querysets are no longer scoped to the person."""
    everything = type(Submission.objects.all())
    patch.setattr(everything, "visible_to", lambda self, _person: self)


def without_role(patch: pytest.MonkeyPatch) -> None:
    """A page forgets to ask for the role."""
    patch.setattr("collector.views.audit._require_admin", lambda _request: None)


def without_role_in_the_action(patch: pytest.MonkeyPatch) -> None:
    """The service layer forgets it, where the view relies on it."""
    patch.setattr("collector.actions.locks.require_lead", lambda _person: None, raising=False)
    patch.setattr("collector.actions.locks._require_lead", lambda _by: None, raising=False)


def without_sign_in(patch: pytest.MonkeyPatch) -> None:
    """A page is open to strangers."""
    from collector.views import mine

    patch.setattr(mine.mine, "login_required", False, raising=False)


def without_scopes_of_tokens(patch: pytest.MonkeyPatch) -> None:
    """A token to read may write."""
    patch.setattr("collector.api_auth.SCOPE_ORDER", ["admin", "review", "write", "read"])


def without_expiry(patch: pytest.MonkeyPatch) -> None:
    """A token that ended still opens."""
    from collector.models import ApiToken

    def find(*, raw: str, now: Any) -> ApiToken | None:
        return ApiToken.objects.select_related("person").filter(token_hash=token_hash(raw)).first()

    patch.setattr("collector.api_auth.find_token", find)


def without_deactivation(patch: pytest.MonkeyPatch) -> None:
    """Whoever is deactivated stays signed in."""
    from django.contrib.auth.backends import ModelBackend

    patch.setattr(ModelBackend, "user_can_authenticate", lambda _self, _user: True)


def without_csrf(patch: pytest.MonkeyPatch) -> None:
    """A form takes what another site sends."""
    from collector.views import home

    patch.setattr(home.put_away, "csrf_exempt", True, raising=False)


def with_a_writing_get(patch: pytest.MonkeyPatch) -> None:
    """Looking changes something."""
    from django.utils import timezone

    from collector.views import common

    real = common.visible_campaigns

    def noted(request: Any) -> Any:
        AuditEntry.objects.create(verb="looked", target="campaigns", at=timezone.now())
        return real(request)

    patch.setattr("collector.views.common.visible_campaigns", noted)


def without_the_admin_s_refusal(patch: pytest.MonkeyPatch) -> None:
    """Django's admin lets reviews be edited past the rules."""
    from collector.models import Review

    patch.setattr(type(admin.site._registry[Review]), "has_change_permission", lambda *_args: True)


PLANTED: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str, str]] = {
    "queryset scoping": (without_scope, "submissions/<uuid:pk>/", "as contributor"),
    "queryset scoping of the API": (without_scope, "api/v1/submissions/<uuid:pk>/", "as contributor"),
    "role in the view": (without_role, "audit/", "as lead"),
    "role in the action": (without_role_in_the_action, "review/<uuid:pk>/lock/", "as reviewer"),
    "sign-in": (without_sign_in, "mine/", "as anonymous"),
    "scope of a token": (without_scopes_of_tokens, "api/v1/submissions/", "as token:read"),
    "end of a token": (without_expiry, "api/v1/categories/", "as token:expired"),
    "deactivation": (without_deactivation, "mine/", "as deactivated"),
    "CSRF": (without_csrf, "celebration/", "without a CSRF token"),
    "a GET that writes": (with_a_writing_get, "campaigns/", "wrote to collector_auditentry"),
    "read-only admin": (
        without_the_admin_s_refusal,
        "admin/collector/review/<path:object_id>/change/",
        "as admin",
    ),
}


@pytest.mark.parametrize("what", PLANTED)
def test_a_guard_that_is_gone_is_reported(asker: Asker, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    remove, pattern, expected = PLANTED[what]
    assert look_at(asker, pattern).leaks == []
    remove(monkeypatch)
    leaks = look_at(asker, pattern).leaks
    assert any(expected in leak for leak in leaks), f"the matrix did not notice; it saw {leaks}"
