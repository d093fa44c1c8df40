"""Who may do what in Django's admin: the part of the table in ``policies.py`` that follows from its models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.access.matrix import ADMINS, EVERYBODY, LEADS, NOBODY, STRANGERS, Entry, Rule, page

if TYPE_CHECKING:
    from collections.abc import Mapping

STAFF_PAGE = page(LEADS, LEADS, in_admin=True, takes_any_method=True)

ADMIN: dict[str, Entry] = {
    "admin/": STAFF_PAGE,
    "admin/login/": page(STRANGERS, STRANGERS, takes_any_method=True),
    "admin/logout/": page(EVERYBODY, EVERYBODY, takes_any_method=True),
    "admin/password_change/": STAFF_PAGE,
    "admin/password_change/done/": STAFF_PAGE,
    "admin/autocomplete/": page(NOBODY, in_admin=True),
    "admin/jsi18n/": STAFF_PAGE,
    "admin/r/<path:content_type_id>/<path:object_id>/": {"content type": page(NOBODY, refused=404, in_admin=True)},
    "admin/<app_label>/": {"app": STAFF_PAGE},
    "admin/(?P<url>.*)": {"url": page(NOBODY, NOBODY, refused=404, in_admin=True)},
}


def staff(
    view: frozenset[str],
    *,
    add: frozenset[str] = NOBODY,
    change: frozenset[str] = NOBODY,
    delete: frozenset[str] = NOBODY,
    **acts: frozenset[str],
) -> dict[str, Rule]:
    """Return the rules of a model's pages in Django's admin; ``acts`` are those beside saving."""
    in_admin: dict[str, Any] = {"in_admin": True, "takes_any_method": True}
    return {
        "": page(view, view, **in_admin),
        "add/": page(add, add, **in_admin),
        "<path:object_id>/history/": page(view, view, **in_admin),
        "<path:object_id>/delete/": page(delete, delete, **in_admin),
        "<path:object_id>/change/": page(view, change, **in_admin),
        "<path:object_id>/": page(LEADS, LEADS, **in_admin),
        **{f"<path:object_id>/{name.replace('_', '-')}/": page(who, who, **in_admin) for name, who in acts.items()},
    }


TO_LOOK_AT = staff(LEADS)
SET_UP = staff(LEADS, add=LEADS, change=LEADS)

ADMIN_MODELS: Mapping[str, dict[str, Rule]] = {
    "collector.submission": staff(LEADS, revoke=ADMINS, take_out=ADMINS, lock=LEADS, unlock=NOBODY, gold=LEADS),
    "collector.golditem": staff(LEADS, retire=LEADS),
    "collector.auditentry": staff(ADMINS),
    "collector.campaign": staff(LEADS, add=LEADS, change=LEADS, terms=LEADS),
    "collector.category": SET_UP,
    "collector.cannedreason": staff(LEADS, add=LEADS, change=LEADS, delete=LEADS),
    "collector.passage": SET_UP,
    "collector.team": staff(LEADS, add=LEADS, change=LEADS, delete=ADMINS),
    "collector.person": staff(
        ADMINS, change=ADMINS, deactivate=ADMINS, reactivate=NOBODY, erase=ADMINS, second_factor=NOBODY
    ),
    "collector.invitation": staff(LEADS, add=LEADS, delete=ADMINS),
    "jobs.job": staff(ADMINS),
    "jobs.workerheartbeat": staff(ADMINS),
    **dict.fromkeys(
        (
            "collector.revision",
            "collector.review",
            "collector.goldanswer",
            "collector.passageskip",
            "collector.award",
            "collector.pointrules",
            "collector.event",
            "collector.importbatch",
        ),
        TO_LOOK_AT,
    ),
}


def of_models() -> dict[str, Entry]:
    """Return the routes of the admin's models."""
    return {
        f"admin/{label.replace('.', '/')}/{rest}": {f"row {label}": rule} if "<" in rest else rule
        for label, rules in ADMIN_MODELS.items()
        for rest, rule in rules.items()
    }
