"""Asks every route with every method as everybody, and says which answers the table of policies doesn't allow."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.core.handlers.base import BaseHandler
from django.db import connection, transaction
from django.test import RequestFactory
from django.urls import URLPattern, get_resolver

from tests.access.people import DEAD_TOKENS, MEMBERS, OUTSIDERS, ROLES, TOKENS, as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from django.http.response import HttpResponseBase

    from tests.access.people import World

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SAFE = ("GET", "HEAD", "OPTIONS")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
SCOPES = {"token:read": 0, "token:write": 1, "token:review": 2, "token:admin": 3, "token:owner": 1}
SCOPE_ORDER = ("read", "write", "review", "admin")
# A page knows no tokens: whoever has one comes as a stranger, which a few cells show.
BEARERS = frozenset({*TOKENS, *DEAD_TOKENS})
CSRF = "a" * 32
WRITE = re.compile(r"^\s*(?:INSERT (?:OR IGNORE )?INTO|UPDATE|DELETE FROM|REPLACE INTO)\s+\"?(\w+)", re.IGNORECASE)
# A session remembers a choice or a message: nothing that anybody else sees.
SESSION = "django_session"


# -- Policies -----------------------------------------------------------------------------------------------

EVERYBODY = frozenset({*OUTSIDERS, *MEMBERS})
SIGNED_IN = frozenset(MEMBERS)
OWNER = frozenset({"owner"})
READERS = frozenset({"owner", "reviewer", "lead", "admin"})
REVIEWERS = frozenset({"reviewer", "lead", "admin"})
LEADS = frozenset({"lead", "admin"})
ADMINS = frozenset({"admin"})
STRANGERS = frozenset(OUTSIDERS)
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Who may do what at an address; ``refused`` is what those who are signed in and may not are told."""

    reads: frozenset[str] | None = None
    writes: frozenset[str] | None = None
    methods: tuple[str, ...] = ("POST",)
    refused: int = 403
    # Of those who may read: a role that is told something else.
    refusals: Mapping[str, int] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    is_api: bool = False
    scopes: Mapping[str, str] = field(default_factory=dict)
    # Tables that a GET may write to, each with its reason.
    touches: Mapping[str, str] = field(default_factory=dict)
    # A refusal said on the page that one came from: a redirect, nothing written.
    is_told: bool = False
    # Django's admin and allauth take any method for GET; only what is written matters there.
    takes_any_method: bool = False
    in_admin: bool = False
    csrf_exempt: str = ""
    # Another machine's address, with a secret of its own: whoever is known here, or unknown, gets no further.
    has_own_secret: bool = False

    def who(self, method: str) -> frozenset[str] | None:
        """Return who is let in by a method; None where the address has no such method."""
        if method in self.methods:
            return self.writes
        return self.reads if method in {"GET", "HEAD"} else None


Entry = Rule | dict[str, Rule]
"""A route's rule, or one for each thing that its address can name."""


def page(reads: frozenset[str] | None = None, writes: frozenset[str] | None = None, **more: Any) -> Rule:
    """A page; ``writes`` is who may POST to it."""
    return Rule(reads=reads, writes=writes, methods=("POST",) if writes is not None else (), **more)


def api(reads: frozenset[str] | None = None, writes: frozenset[str] | None = None, **more: Any) -> Rule:
    """An address of the API; ``scopes`` says what a token needs where it is not read and write."""
    more.setdefault("methods", ("POST",) if writes is not None else ())
    return Rule(reads=reads, writes=writes, is_api=True, **more)


# -- Routes -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Route:
    """One entry of the URL conf."""

    pattern: str
    callback: Callable[..., Any]

    def path(self, thing: Mapping[str, Any]) -> str:
        """Return the address of a thing."""

        def put(found: re.Match[str]) -> str:
            return str(thing[found["a"] or found["b"]])

        return "/" + re.sub(r"\(\?P<(?P<a>\w+)>[^()]*\)|<(?:\w+:)?(?P<b>\w+)>", put, self.pattern)

    @property
    def has_parameters(self) -> bool:
        """Whether its address names a thing."""
        return "<" in self.pattern


def routes() -> list[Route]:
    """Walk the whole URL conf."""
    return list(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: Iterable[Any], before: str) -> Iterator[Route]:
    for one in patterns:
        said = before + str(one.pattern).replace("^", "").replace("$", "").replace("\\.", ".")
        if isinstance(one, URLPattern):
            # Which apps the admin shows follows from what is registered there.
            yield Route(re.sub(r"\(\?P<app_label>[^()]*\)", "<app_label>", said), one.callback)
        else:
            yield from _walk(one.url_patterns, said)


# -- Asking -------------------------------------------------------------------------------------------------


@dataclass
class Answer:
    """What came back and what was written meanwhile."""

    status: int
    location: str
    written: Counter[str]
    headers: Mapping[str, str]

    @property
    def outcome(self) -> str:
        """In one word: in, login, 403, 404, 405 or error."""
        if self.status >= 500:
            return "error"
        if self.status == 401 or (
            self.status in {301, 302} and self.location.startswith(("/accounts/login/", "/admin/login/"))
        ):
            return "login"
        return str(self.status) if self.status in {403, 404, 405} else "in"


class Asker:
    """Asks through the whole middleware, in a savepoint that is rolled back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.factory = RequestFactory()
        self.handler = BaseHandler()
        self.handler.load_middleware()

    def ask(self, role: str, method: str, path: str, rule: Rule, *, with_csrf: bool = True) -> Answer:
        """Ask as ``role``; the body is the rule's."""
        headers = {"Accept": "application/json, */*" if rule.is_api else "text/html"}
        if role in self.world.bearers:
            headers["Authorization"] = f"Bearer {self.world.bearers[role]}"
        body, kind = b"", "application/x-www-form-urlencoded"
        if method in UNSAFE:
            kind = "application/json" if rule.is_api else kind
            body = as_json(dict(rule.body)) if rule.is_api else urlencode(dict(rule.body), doseq=True).encode()
        if with_csrf:
            headers["X-CSRFToken"] = CSRF
        request = self.factory.generic(method, path, body, content_type=kind, headers=headers)
        request.COOKIES.update(self.world.cookies.get(role, {}))
        if with_csrf:
            request.COOKIES["csrftoken"] = CSRF
        with transaction.atomic(), watched() as written:
            response = self.handler.get_response(request)
            transaction.set_rollback(True)
        _finish(response)
        return Answer(response.status_code, response.headers.get("Location", ""), written, response.headers)


def _finish(response: HttpResponseBase) -> None:
    closers: list[Callable[[], None]] = vars(response)["_resource_closers"]
    for close in closers:
        close()


@contextmanager
def watched() -> Iterator[Counter[str]]:
    """Count the rows' tables that statements write to."""
    written: Counter[str] = Counter()

    def look(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if found := WRITE.match(sql):
            written[found[1]] += 1
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield written


# -- Judging ------------------------------------------------------------------------------------------------


@dataclass
class Report:
    """How many cells were asked, and those whose answer is not allowed."""

    cells: int = 0
    leaks: list[str] = field(default_factory=list)
    # What the rules' own POSTs did for those who may: an address where nobody's writes shows nothing.
    wrote: dict[str, bool] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.cells} cells, {len(self.leaks)} leaks" + "".join(f"\n  {leak}" for leak in self.leaks)


def allowed(rule: Rule, role: str, method: str) -> frozenset[str]:
    """Return the outcomes that the policy allows in one cell."""
    if rule.has_own_secret:
        return frozenset({"login", "403", "404", "405"})
    who, outside = rule.who(method), _outside(rule, role)
    if who is None:
        return _other_method(rule, outside=outside, method=method)
    head = {"405"} if method == "HEAD" else set()
    if _may(rule, role, method):
        # What is open to everybody may send somebody on to the sign-in; a page may know fewer methods than the table.
        onward = {"login"} if "anonymous" in who else set()
        return frozenset({"in"} | head | onward | ({"405"} if rule.takes_any_method else set()))
    if outside:
        return frozenset({"login"})
    if role in TOKENS and _lacks_scope(rule, role, method):
        return frozenset({"403"})
    is_write = method in rule.methods
    refused = rule.refusals.get(_holder(role)) or rule.refused
    return frozenset({str(refused)} | ({"in"} if rule.is_told and is_write else set()) | head)


def _holder(role: str) -> str:
    if role == "token:owner":
        return "owner"
    return "admin" if role in TOKENS else role


def _lacks_scope(rule: Rule, role: str, method: str) -> bool:
    needed = rule.scopes.get(method, "read" if method in SAFE else "write")
    return SCOPES[role] < SCOPE_ORDER.index(needed)


def _other_method(rule: Rule, *, outside: bool, method: str) -> frozenset[str]:
    """Without a policy for it a method leads nowhere: not to be told apart from a refusal, never in."""
    is_open = rule.reads is not None and "anonymous" in rule.reads
    closed = {"login", "403", "404", "405"} if outside or rule.in_admin or is_open else {"403", "404", "405"}
    if rule.takes_any_method or (method == "OPTIONS" and rule.is_api):
        return frozenset(closed | {"in"})
    return frozenset(closed)


def _outside(rule: Rule, role: str) -> bool:
    """Whether the address takes this role for nobody."""
    if rule.in_admin and role in {"contributor", "owner", "reviewer"}:
        return True
    if role in OUTSIDERS or role in DEAD_TOKENS:
        return True
    return role in TOKENS and not rule.is_api


def _may(rule: Rule, role: str, method: str) -> bool:
    who = rule.who(method)
    if who is None:
        return False
    if role in DEAD_TOKENS and rule.is_api:
        return False
    if role in TOKENS or role in DEAD_TOKENS:
        if not rule.is_api:
            return "anonymous" in who
        return _holder(role) in who and not _lacks_scope(rule, role, method)
    return role in who


def check(asker: Asker, name: str, path: str, rule: Rule, report: Report) -> None:
    """Ask at one address as everybody with every method, with a CSRF token and without."""
    for role in ROLES:
        for method in METHODS if rule.is_api or role not in BEARERS else SAFE[:1] + rule.methods:
            answer = asker.ask(role, method, path, rule)
            report.cells += 1
            fault = _fault(rule, role, method, answer)
            if fault:
                report.leaks.append(f"{method} {path} ({name}) as {role}: {fault}")
            if method in rule.methods and _may(rule, role, method):
                report.wrote[name] = report.wrote.get(name, False) or bool(set(answer.written) - {SESSION})
    if rule.csrf_exempt or rule.has_own_secret:
        return
    for role in ("anonymous", "owner", "admin"):
        for method in UNSAFE:
            answer = asker.ask(role, method, path, rule, with_csrf=False)
            report.cells += 1
            if answer.outcome in {"in", "error"} or set(answer.written) - {SESSION}:
                report.leaks.append(f"{method} {path} ({name}) as {role} without a CSRF token: {answer.status}")


def _fault(rule: Rule, role: str, method: str, answer: Answer) -> str:
    can = allowed(rule, role, method)
    if answer.outcome not in can:
        return f"answered {answer.status}, the table allows {' or '.join(sorted(can))}"
    written = set(answer.written) - {SESSION}
    if method in SAFE or rule.who(method) is None or answer.outcome != "in":
        stray = written - set(rule.touches)
    else:
        stray = set() if _may(rule, role, method) else written
    return f"wrote to {', '.join(sorted(stray))}" if stray else ""
