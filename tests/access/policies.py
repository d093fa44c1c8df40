"""Who may do what at every address: the table that the permission matrix holds the site to.

A new route needs one line here. The key is the route as the URL conf spells it (without ``^``, ``$`` and ``\\``);
``at(thing=rule)`` names the things of ``tests/access/people.py`` that its address can name, each with its rule.
"""

from __future__ import annotations

from typing import Any

from tests.access.admin_policies import ADMIN, of_models
from tests.access.matrix import (
    ADMINS,
    EVERYBODY,
    LEADS,
    NOBODY,
    OWNER,
    READERS,
    REVIEWERS,
    SIGNED_IN,
    Entry,
    Rule,
    api,
    page,
)

LEASE = {"collector_reviewlease": "looking at the queue takes an item, as a lease that runs out"}
GIVEN = {"collector_auditentry": "a download is recorded"}


def at(**rules: Rule) -> dict[str, Rule]:
    """Name the things that a route's address is asked for; underscores stand for spaces."""
    return {name.replace("_", " "): rule for name, rule in rules.items()}


def states(states: str, rule: Rule, **others: Rule) -> dict[str, Rule]:
    """The same rule for several states of a submission or a version."""
    return dict.fromkeys(states.split(), rule) | at(**others)


# The author sees the item elsewhere, so that "not yours to judge" tells them nothing new.
NOT_OWN = page(None, REVIEWERS, refused=404, refusals={"owner": 403})
ELSEWHERE = {"lead": 404, "admin": 404}
SUBMITTED = "submitted approved rejected changes_requested withdrawn locked disputed closed"
UNSERVED = "withdrawn_version failed_version building_version"
VERSIONS = f"version {UNSERVED}"

# Another machine speaks here, with a secret that is no person's.
MACHINE = page(has_own_secret=True)
SCIM = page(has_own_secret=True, is_api=True)

PAGES: dict[str, Entry] = {
    "": page(SIGNED_IN),
    "write/<str:category>/": at(category=page(SIGNED_IN, SIGNED_IN)),
    "write/<str:category>/draft/": at(category=page(None, SIGNED_IN)),
    "write/<str:category>/notes/": at(category=page(None, SIGNED_IN)),
    "insights/": page(LEADS),
    "campaigns/": page(SIGNED_IN),
    "campaigns/new/": page(LEADS, LEADS),
    "campaigns/<str:slug>/": at(campaign=page(SIGNED_IN), over=page(SIGNED_IN), planned=page(LEADS, refused=404)),
    "campaigns/<str:slug>/settings/": at(
        campaign=page(LEADS, LEADS), over=page(LEADS, LEADS), planned=page(LEADS, LEADS)
    ),
    "campaigns/<str:slug>/status/": at(
        campaign=page(None, LEADS, body={"to": "paused"}, is_told=True),
        over=page(None, ADMINS, body={"to": "paused"}, is_told=True),
        planned=page(None, LEADS, refused=404),
    ),
    "invitations/": page(LEADS, LEADS),
    "invitations/<int:pk>/revoke/": at(invitation=page(None, LEADS)),
    "invitations/<int:pk>/mail/": at(invitation=page(None, LEADS)),
    "invitations/links/<int:pk>/revoke/": at(link=page(None, LEADS)),
    "mailings/": page(LEADS),
    "mailings/new/": page(LEADS, LEADS),
    "mailings/<int:pk>/": at(mailing=page(LEADS)),
    "mailings/<int:pk>/edit/": at(mailing=page(LEADS, LEADS)),
    "mailings/<int:pk>/act/": at(mailing=page(None, LEADS, body={"do": "remove"})),
    "passages/": page(LEADS, refused=404),
    "mine/": page(SIGNED_IN),
    "submissions/<uuid:pk>/": states(SUBMITTED, page(READERS, refused=404), draft=page(OWNER, refused=404)),
    "submissions/<uuid:pk>/edit/": states(f"{SUBMITTED} draft", page(OWNER, OWNER, refused=404)),
    "submissions/<uuid:pk>/edit/draft/": states(f"{SUBMITTED} draft", page(None, OWNER, refused=404)),
    "submissions/<uuid:pk>/discard/": states(f"{SUBMITTED} draft", page(None, OWNER, refused=404)),
    "submissions/<uuid:pk>/withdraw/": states(f"{SUBMITTED} draft", page(None, OWNER, refused=404)),
    "submissions/<uuid:pk>/comments/": states(
        SUBMITTED, page(None, READERS, refused=404, body={"text": "Why?"}), draft=page(None, OWNER, refused=404)
    ),
    "notices/": page(SIGNED_IN),
    "notices/read/": page(None, SIGNED_IN),
    "notices/<int:pk>/open/": at(notice=page(None, OWNER, refused=404)),
    "unsubscribe/<str:token>/": at(
        unsubscribe=page(EVERYBODY, EVERYBODY, csrf_exempt="the signed link in a mail is what counts (RFC 8058)")
    ),
    "digest/unsubscribe/<str:token>/": at(
        unsubscribe=page(EVERYBODY, EVERYBODY, csrf_exempt="the signed link in a mail is what counts (RFC 8058)")
    ),
    "celebration/": page(None, SIGNED_IN),
    "terms/<str:campaign>/": at(
        terms=page(SIGNED_IN, SIGNED_IN),
        terms_of_over=page(SIGNED_IN, SIGNED_IN),
        planned_terms=page(NOBODY, NOBODY, refused=404),
    ),
    "profile/": page(SIGNED_IN, SIGNED_IN),
    "profile/data/": page(SIGNED_IN, SIGNED_IN),
    "profile/tokens/": page(SIGNED_IN, SIGNED_IN),
    "profile/tokens/<int:pk>/revoke/": at(token=page(None, OWNER, refused=404)),
    "profile/erase/": page(SIGNED_IN, SIGNED_IN),
    "audit/": page(ADMINS),
    "audit/audit.csv": page(ADMINS, touches=GIVEN),
    "i18n/": page(None, EVERYBODY, takes_any_method=True),
    "ui/": page(LEADS, refused=404),
    "operations/status/": page(ADMINS),
    "webhooks/": page(ADMINS),
    "webhooks/new/": page(ADMINS, ADMINS),
    "webhooks/<int:pk>/": at(webhook=page(ADMINS)),
    "webhooks/<int:pk>/edit/": at(webhook=page(ADMINS, ADMINS)),
    "webhooks/<int:pk>/act/": at(webhook=page(None, ADMINS, body={"act": "turn_off"})),
    "webhooks/deliveries/<int:pk>/": at(delivery=page(ADMINS)),
    "webhooks/deliveries/<int:pk>/again/": at(delivery=page(None, ADMINS)),
    "metrics": MACHINE,
    "scim/v2/Users": SCIM,
    "scim/v2/Users/<str:pk>": at(scim_user=SCIM),
    "scim/v2/Groups": SCIM,
    "scim/v2/Groups/<str:pk>": at(scim_group=SCIM),
    "scim/v2/ResourceTypes": SCIM,
    "scim/v2/Schemas": SCIM,
    "scim/v2/ServiceProviderConfig": SCIM,
    "healthz": page(EVERYBODY),
    "readyz": page(EVERYBODY),
}

REVIEW: dict[str, Entry] = {
    "review/": page(REVIEWERS, touches=LEASE),
    "review/agreement/": page(LEADS | {"reviewer"}),
    "review/<uuid:pk>/": states(
        SUBMITTED,
        page(
            REVIEWERS,
            REVIEWERS,
            refused=404,
            refusals={"owner": 403},
            body={"decision": "approve", "revision": 1},
            touches=LEASE,
        ),
        draft=page(NOBODY, NOBODY, refused=404),
    ),
    "review/<uuid:pk>/renew/": states(SUBMITTED, NOT_OWN),
    "review/<uuid:pk>/skip/": states(SUBMITTED, NOT_OWN),
    "review/<uuid:pk>/answer/": at(gold=page(NOBODY, refused=404), submitted=page(NOBODY, refused=404)),
    "review/<uuid:pk>/lock/": states(SUBMITTED, page(None, LEADS, refused=404, is_told=True)),
    "review/<uuid:pk>/unlock/": states(SUBMITTED, page(None, LEADS, refused=404, is_told=True)),
    "review/<uuid:pk>/gold/": states(
        SUBMITTED,
        page(None, LEADS, refused=404, is_told=True, body={"decision": "approve", "why": "So it is."}),
    ),
    "review/<uuid:pk>/gold/retire/": at(gold=page(None, LEADS, refused=404, is_told=True)),
    "review/undo/<int:review>/": at(review=page(None, frozenset({"reviewer"}), refused=404)),
    "review/grid/": page(REVIEWERS),
    "review/grid/index/": page(REVIEWERS),
    "review/grid/rows/": page(REVIEWERS),
    "review/grid/decide/": page(None, REVIEWERS),
    "review/grid/undo/": page(None, REVIEWERS),
    "review/grid/lock/": page(None, LEADS, is_told=True),
    "review/grid/sheet.csv": page(REVIEWERS, touches=GIVEN),
    "review/grid/sheet.xlsx": page(REVIEWERS, touches=GIVEN),
    "review/grid/upload/": page(REVIEWERS, REVIEWERS),
    "review/grid/upload/<uuid:pk>/": at(
        upload=page(frozenset({"reviewer"}), frozenset({"reviewer"}), refusals=ELSEWHERE)
    ),
    "review/grid/upload/<uuid:pk>/discard/": at(upload=page(None, frozenset({"reviewer"}), refusals=ELSEWHERE)),
    "review/grid/<uuid:pk>/": states(
        SUBMITTED, page(REVIEWERS, REVIEWERS), draft=page(NOBODY, NOBODY, refusals=ELSEWHERE | {"reviewer": 404})
    ),
}

BOARDS_AND_VERSIONS: dict[str, Entry] = {
    "leaderboard/": page(SIGNED_IN),
    "leaderboard/rules/": page(SIGNED_IN),
    "leaderboard/rules/change/": page(LEADS, LEADS),
    "leaderboard/points/": page(SIGNED_IN),
    "leaderboard/contests/": page(SIGNED_IN),
    "leaderboard/contests/new/": page(LEADS, LEADS),
    "leaderboard/contests/<int:pk>/": at(contest=page(LEADS, LEADS)),
    "leaderboard/contests/<int:pk>/remove/": at(contest=page(None, LEADS)),
    "people/<slug:handle>/": at(person=page(SIGNED_IN)),
    "datasets/": page(SIGNED_IN, LEADS),
    "datasets/compose/": page(LEADS, LEADS),
    "datasets/recipes/<int:pk>/delete/": at(recipe=page(None, LEADS)),
    "datasets/(?P<version>v[1-9][0-9]{0,8})/": states(VERSIONS, page(SIGNED_IN)),
    "datasets/(?P<version>v[1-9][0-9]{0,8})/changes/": states(VERSIONS, page(SIGNED_IN)),
    "datasets/(?P<version>v[1-9][0-9]{0,8})/retry/": states(VERSIONS, page(None, LEADS)),
    "datasets/(?P<version>v[1-9][0-9]{0,8})/withdraw/": states(VERSIONS, page(None, ADMINS, body={"reason": "Wrong."})),
    "datasets/(?P<version>v[1-9][0-9]{0,8})/all.zip": at(version=page(SIGNED_IN, touches=GIVEN))
    | states(UNSERVED, page(NOBODY, refused=404)),
    "datasets/(?P<version>v[1-9][0-9]{0,8})/files/(?P<path>.+)": at(
        file=page(SIGNED_IN, touches=GIVEN),
        withdrawn_file=page(NOBODY, refused=404),
        failed_file=page(NOBODY, refused=404),
    ),
    "runs/": page(SIGNED_IN),
    "runs/new/": page(LEADS, LEADS),
    "runs/<uuid:pk>/": at(run=page(SIGNED_IN)),
    "runs/<uuid:pk>/samples/": at(run=page(SIGNED_IN)),
    "runs/<uuid:pk>/stop/": at(run=page(None, LEADS)),
    "runs/<uuid:pk>/resume/": at(run=page(None, LEADS)),
    "runs/curves/": page(SIGNED_IN),
    "runs/curves/new/": page(LEADS, LEADS),
    "runs/curves/<uuid:pk>/": at(curve=page(SIGNED_IN)),
    "runs/curves/<uuid:pk>/stop/": at(curve=page(None, LEADS)),
    "runs/curves/<uuid:pk>/resume/": at(curve=page(None, LEADS)),
}

A_REVIEW: dict[str, Any] = {
    "refusals": {"owner": 403},
    "scopes": {"POST": "review"},
    "body": {"revision": 1, "decision": "approve"},
}
A_PAIR = {"campaign": "spring", "category": "kind", "instruction": "Why?", "response": "Because it does."}

API: dict[str, Entry] = {
    "api/v1/categories/": api(SIGNED_IN),
    "api/v1/categories/<str:slug>/": at(kind=api(SIGNED_IN)),
    "api/v1/campaigns/": api(SIGNED_IN),
    "api/v1/campaigns/<str:slug>/": at(campaign=api(SIGNED_IN), over=api(SIGNED_IN), planned=api(NOBODY, refused=404)),
    "api/v1/campaigns/<str:slug>/terms/": at(
        campaign=api(SIGNED_IN, SIGNED_IN, body={"number": 1}),
        over=api(SIGNED_IN, SIGNED_IN, body={"number": 1}),
        planned=api(NOBODY, NOBODY, refused=404, body={"number": 1}),
    ),
    "api/v1/passages/": api(SIGNED_IN),
    "api/v1/passages/<str:slug>/": at(passage=api(SIGNED_IN)),
    "api/v1/submissions/": api(SIGNED_IN, SIGNED_IN, body=A_PAIR),
    "api/v1/submissions/<uuid:pk>/": states(SUBMITTED, api(READERS, refused=404), draft=api(OWNER, refused=404)),
    "api/v1/submissions/<uuid:pk>/withdraw/": states(
        SUBMITTED,
        api(None, OWNER, refused=404, refusals=dict.fromkeys(REVIEWERS, 403)),
        draft=api(None, OWNER, refused=404),
    ),
    "api/v1/submissions/<uuid:pk>/reviews/": states(
        SUBMITTED,
        api(
            READERS,
            REVIEWERS,
            refused=404,
            **A_REVIEW,
        ),
        draft=api(OWNER, NOBODY, refused=404, **A_REVIEW),
    ),
    "api/v1/leaderboard/": api(SIGNED_IN),
    "api/v1/datasets/": api(SIGNED_IN, LEADS, scopes={"POST": "admin"}),
    "api/v1/datasets/(?P<version>v[1-9][0-9]{0,8})/": states(VERSIONS, api(SIGNED_IN)),
    "api/v1/datasets/(?P<version>v[1-9][0-9]{0,8})/changes/": states(VERSIONS, api(SIGNED_IN)),
    "api/v1/datasets/(?P<version>v[1-9][0-9]{0,8})/files/(?P<path>.+)": at(
        file=api(SIGNED_IN, touches=GIVEN),
        withdrawn_file=api(NOBODY, refused=404),
        failed_file=api(NOBODY, refused=404),
    ),
    "api/v1/runs/": api(SIGNED_IN),
    "api/v1/runs/<uuid:pk>/": at(run=api(SIGNED_IN)),
    "api/schema/": api(SIGNED_IN),
    "api/docs/": api(SIGNED_IN),
}

NOTED = {"account_emailaddress": "allauth notes the address of an account that has no row for it yet"}
OPEN = page(EVERYBODY, EVERYBODY, takes_any_method=True)
OWN_ACCOUNT = page(SIGNED_IN, SIGNED_IN, takes_any_method=True)
# Of people without a password and a second factor there is nothing to ask again, and no factor to take away.
NOTHING_TO_ASK = page(NOBODY, NOBODY, takes_any_method=True)
NOT_THERE = page(NOBODY, NOBODY, refused=404, takes_any_method=True)

ACCOUNTS: dict[str, Entry] = {
    "sign-in/<str:token>/": {"sign-in": page(EVERYBODY, EVERYBODY), "no token": page(EVERYBODY, EVERYBODY)},
    "invitation/<str:token>/": {
        "invitation token": page(EVERYBODY),
        "link token": page(EVERYBODY),
        "no token": page(EVERYBODY),
    },
    "accounts/login/": OPEN,
    "accounts/logout/": OPEN,
    "accounts/inactive/": OPEN,
    "accounts/signup/": OPEN,
    "accounts/reauthenticate/": NOTHING_TO_ASK,
    "accounts/email/": page(SIGNED_IN, SIGNED_IN, takes_any_method=True, touches=NOTED),
    "accounts/confirm-email/": OPEN,
    "accounts/confirm-email/(?P<key>[-:\\w]+)/": at(key=page(EVERYBODY, takes_any_method=True)),
    "accounts/password/change/": OWN_ACCOUNT,
    "accounts/password/set/": OWN_ACCOUNT,
    "accounts/password/reset/": OPEN,
    "accounts/password/reset/done/": OPEN,
    "accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/": at(reset=OPEN),
    "accounts/password/reset/key/done/": OPEN,
    "accounts/login/code/confirm/": OPEN,
    "accounts/2fa/": OWN_ACCOUNT,
    "accounts/2fa/authenticate/": OPEN,
    "accounts/2fa/reauthenticate/": NOTHING_TO_ASK,
    "accounts/2fa/totp/activate/": OWN_ACCOUNT,
    "accounts/2fa/totp/deactivate/": NOT_THERE,
    "accounts/2fa/recovery-codes/": page(NOBODY, refused=404, takes_any_method=True),
    "accounts/2fa/recovery-codes/download/": NOT_THERE,
    "accounts/2fa/recovery-codes/generate/": OWN_ACCOUNT,
    "accounts/2fa/webauthn/": OWN_ACCOUNT,
    "accounts/2fa/webauthn/add/": OWN_ACCOUNT,
    "accounts/2fa/webauthn/keys/<int:pk>/edit/": at(key_of_nobody=NOT_THERE),
    "accounts/2fa/webauthn/keys/<int:pk>/remove/": at(key_of_nobody=NOT_THERE),
    "accounts/2fa/webauthn/login/": OPEN,
    "accounts/2fa/webauthn/reauthenticate/": NOTHING_TO_ASK,
    "accounts/3rdparty/": OWN_ACCOUNT,
    "accounts/3rdparty/login/cancelled/": OPEN,
    "accounts/3rdparty/login/error/": OPEN,
    "accounts/3rdparty/signup/": OPEN,
    "accounts/social/connections/": OWN_ACCOUNT,
    "accounts/social/login/cancelled/": OPEN,
    "accounts/social/login/error/": OPEN,
    "accounts/social/signup/": OPEN,
    # Providers that nobody set up: what they do where they are is tested with real ones (tests/config).
    "accounts/oidc/<slug:provider_id>/login/": at(no_provider=MACHINE),
    "accounts/oidc/<slug:provider_id>/login/callback/": at(no_provider=MACHINE),
    "accounts/saml/<slug:organization_slug>/acs/": at(no_provider=MACHINE),
    "accounts/saml/<slug:organization_slug>/acs/finish/": at(no_provider=MACHINE),
    "accounts/saml/<slug:organization_slug>/login/": at(no_provider=MACHINE),
    "accounts/saml/<slug:organization_slug>/metadata/": at(no_provider=MACHINE),
    "accounts/saml/<slug:organization_slug>/sls/": at(no_provider=MACHINE),
}

TABLE: dict[str, Entry] = {
    **PAGES,
    **REVIEW,
    **BOARDS_AND_VERSIONS,
    **API,
    **ACCOUNTS,
    **ADMIN,
    **of_models(),
}
