"""Asks every operation of the API what nobody would think of, as everybody: schemathesis in this process, over WSGI.

Usage: python benchmarks/ask_api.py [--examples 400] [--each 8] [--seconds 0] [--only submissions] [--seed 1]

For each operation of the OpenAPI document so many requests are made up: half of them fit the document and half don't,
and half of each name things that exist. Each is sent by every caller: nobody, a token that is none, a
contributor's tokens, a reviewer's, a lead's, an admin's, and a session. No answer may be 5xx. What a request wrote is
rolled back, so that each finds the same installation and a fault can be had again.

Before that, bugs of several kinds are planted, one after the other, and each must be found: a search that finds
nothing says something only where it would have found something. It exits with 1 where an answer was 5xx, a planted
bug was missed, or a caller never got through.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from collector.models import Person

# Name, role, and a token's scope; the contributor wrote the submission that requests name.
TOKENS = (
    ("contributor, read", "contributor", "read"),
    ("contributor, write", "contributor", "write"),
    ("reviewer", "reviewer", "review"),
    ("lead", "lead", "admin"),
    ("admin", "admin", "admin"),
)
STRANGERS = {"nobody", "a token that is none"}
BATCH = 50  # requests between two looks at the clock
PLANTED_EXAMPLES = 400  # most that a planted bug may take to be found


@dataclass(frozen=True)
class Caller:
    """Who asks, and what each of their requests carries."""

    name: str
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def is_signed_in(self) -> bool:
        """Whether the site knows them."""
        return self.name not in STRANGERS


def start(folder: str) -> None:
    """Begin with an empty installation in the folder, without rate limits, which would answer 429 and no more."""
    os.environ |= {"WOOLGATHER_VAR": folder, "WOOLGATHER_EMBEDDED": "1", "LOG_LEVEL": "CRITICAL"}
    os.environ |= {f"WOOLGATHER_LIMIT_{kind}": "" for kind in ("WRITES", "IMPORTS", "API", "STRANGERS")}
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    import django

    django.setup()
    logging.disable(logging.CRITICAL)  # what matters is counted
    from django.core import signals
    from django.core.management import call_command
    from django.db import close_old_connections

    # A request here runs inside a transaction, which a closed connection would end.
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    call_command("migrate", verbosity=0)


def set_up(folder: Path) -> tuple[dict[str, dict[str, Any]], list[Caller]]:
    """Make one of everything; returns what stands in addresses and bodies, by the collection, and the callers."""
    from django.utils import timezone

    from collector.actions.campaigns import publish_terms
    from collector.models import Campaign, Category, Passage
    from exports import tasks
    from tests import factories
    from tests.exports.helpers import release
    from tests.training import material
    from training import listing
    from training.runs import Run

    campaign = Campaign.objects.open().get()
    category = Category.objects.get(slug="open_qa")
    people = {role: factories.contributor_in(campaign, roles=[role]) for _name, role, _scope in TOKENS}
    author = people["contributor"]
    known = factories.make_submission(campaign=campaign, category=category, author=author)
    factories.make_submission(campaign=campaign, category=category, author=author, status="approved")
    version = release(tasks.root(), name="woolgather")
    run = listing.list_run(run=Run(material.make_run(folder / "runs")), now=timezone.now())
    publish_terms(campaign=campaign, text="Write your own words.", by=people["admin"], now=timezone.now())
    passage = Passage.objects.filter(is_active=True).first() or factories.PassageFactory.create()
    pair = {"campaign": campaign.slug, "category": category.slug, "passage": passage.slug, "language": "en"}
    things: dict[str, dict[str, Any]] = {
        "categories": {"slug": category.slug},
        "campaigns": {"slug": campaign.slug, "number": 1},
        "passages": {"slug": passage.slug},
        "submissions": {"id": str(known.pk), "pk": str(known.pk), "revision": 1, "decision": "approve", **pair},
        "datasets": {"version": version.label, "path": "manifest.json"},
        "leaderboard": {"campaign": campaign.slug, "category": category.slug},
        "runs": {"id": str(run.pk), "pk": str(run.pk)},
    }
    return things, [*callers(people)]


def callers(people: dict[str, Person]) -> Iterator[Caller]:
    """Make the callers: tokens of each kind and a session, which must send its CSRF token along."""
    from django.conf import settings
    from django.middleware.csrf import _get_new_csrf_string
    from django.test import Client
    from django.utils import timezone

    from collector.actions.tokens import create_token

    yield Caller("nobody")
    yield Caller("a token that is none", {"Authorization": "Bearer wg_none"})
    for name, role, scope in TOKENS:
        person = people[role]
        _token, raw = create_token(person=person, scope=scope, by=person, now=timezone.now())
        yield Caller(name, {"Authorization": f"Bearer {raw}"})
    client, secret = Client(), _get_new_csrf_string()
    client.force_login(people["lead"], backend=settings.AUTHENTICATION_BACKENDS[0])
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    cookies = {settings.SESSION_COOKIE_NAME: session, settings.CSRF_COOKIE_NAME: secret}
    yield Caller("lead, by session", {"X-CSRFToken": secret}, cookies)


class Asker:
    """Makes requests and counts the answers."""

    def __init__(
        self, things: dict[str, dict[str, Any]], who: list[Caller], seed: int, *, each: int | None = None
    ) -> None:
        import schemathesis

        from config.wsgi import application

        headers = next(caller.headers for caller in who if caller.name == "admin")
        self.schema = schemathesis.openapi.from_wsgi("/api/schema/", application, headers=headers)
        self.things, self.who, self.seed = things, who, seed
        self.each = each or len(who)
        self.by_caller: dict[str, Counter[int]] = defaultdict(Counter)
        self.faults: dict[str, str] = {}
        self.sent = 0
        self._raised = ""
        from django.core.signals import got_request_exception

        got_request_exception.connect(self._remember)

    def _remember(self, **_given: Any) -> None:
        """Note what the site's 500 stands for, and where it was raised."""
        _kind, error, _trace = sys.exc_info()
        frames = traceback.extract_tb(error.__traceback__) if error else []
        ours = [frame for frame in frames if "site-packages" not in frame.filename]
        last = (ours or frames)[-1:]
        place = "".join(f" ({Path(frame.filename).name}:{frame.lineno})" for frame in last)
        self._raised = f"{type(error).__name__}: {error}"[:300] + place

    def operations(self, only: str) -> Iterator[Any]:
        """Go through the operations whose method and path hold ``only``."""
        for found in self.schema.get_all_operations():
            operation = cast("Any", found).ok()
            if only in named(operation):
                yield operation

    def ask(self, operation: Any, examples: int, *, seconds: float = 0, until: Callable[[], bool] | None = None) -> int:
        """Ask one operation, until the time is over or ``until`` says so; returns how many requests were made up."""
        from schemathesis import GenerationMode

        kind = operation.path.removeprefix("/api/v1/").partition("/")[0]
        wanted = {parameter.name for parameter in operation.path_parameters}
        known = self.things.get(kind, {})
        ways = [False, True] if known and wanted <= known.keys() else [False]
        # A request with nothing to fill in can't be made wrong.
        free = bool(operation.query or operation.body or operation.headers)
        kinds = [
            (mode, is_known)
            for is_known in ways
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
            if mode == GenerationMode.POSITIVE or free or (wanted and not is_known)
        ]
        began, made = time.monotonic(), 0
        for place, (mode, is_known) in enumerate(kinds):
            left = examples // len(kinds) + (place < examples % len(kinds))
            deadline = began + seconds * (place + 1) / len(kinds) if seconds else float("inf")
            while left > 0 and time.monotonic() < deadline and not (until and until()):
                number = min(BATCH, left)
                names = known if is_known else {}
                made += self._batch(operation, mode, {name: names[name] for name in wanted if names}, names, number)
                left -= number
        return made

    def _batch(self, operation: Any, mode: Any, fixed: dict[str, Any], known: dict[str, Any], number: int) -> int:
        from hypothesis import HealthCheck, Phase, given, seed, settings

        self.seed += 1
        made = 0

        @seed(self.seed)
        @settings(
            max_examples=number,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode, **({"path_parameters": fixed} if fixed else {})))
        def once(case: Any) -> None:
            nonlocal made
            made += 1
            self._name(case.body, known)
            self._name(case.query, known)
            turn = made % len(self.who)
            sent = dict(case.headers or {}), dict(case.cookies or {})
            for caller in (*self.who[turn:], *self.who[:turn])[: self.each]:
                # A call keeps what its caller signed in with; and what is made up must not take that one's place.
                case.headers, case.cookies = dict(sent[0]), {} if caller.is_signed_in else dict(sent[1])
                if caller.is_signed_in:
                    case.headers.pop("Authorization", None)
                self._send(case, caller)

        once()
        return made

    def _name(self, fields: Any, known: dict[str, Any]) -> None:
        """Let a body or a query name things that exist, where it names any: else few would come far."""
        for name in fields.keys() & known.keys() if isinstance(fields, dict) else ():
            if name != "id" and fields[name]:
                fields[name] = [known[name]] if isinstance(fields[name], list) else known[name]

    def _send(self, case: Any, caller: Caller) -> None:
        from django.db import transaction
        from django.test import TestCase

        self._raised = ""
        try:
            with transaction.atomic():
                with TestCase.captureOnCommitCallbacks(execute=True):
                    response = case.call(headers=caller.headers, cookies=caller.cookies)
                transaction.set_rollback(True)
            status, what = response.status_code, self._raised
        except Exception as error:  # noqa: BLE001 - whatever comes out of the site is what is looked for
            status, what = 599, f"{type(error).__name__}: {error}"[:300]
        self.sent += 1
        self.by_caller[caller.name][status] += 1
        if status >= 500:
            curl = case.as_curl_command(headers={**caller.headers, "Cookie": "…"} if caller.cookies else caller.headers)
            self.faults.setdefault(named(case.operation), f"{status} as {caller.name}: {what}\n     {curl[:1500]}")


def named(operation: Any) -> str:
    """Return an operation's method and path."""
    return f"{operation.method.upper()} {operation.path}"


def find_planted(things: dict[str, dict[str, Any]], who: list[Caller], seed: int) -> int:
    """Look for each planted bug; returns how many were missed."""
    from benchmarks.planted_bugs import planted

    missed = 0
    admin = [caller for caller in who if caller.name == "admin"]
    for name, where, patch in planted():
        asker, made = Asker(things, admin, seed), 0
        with patch:
            for operation in asker.operations(where):
                if named(operation) == where:
                    made = asker.ask(operation, PLANTED_EXAMPLES, until=lambda faults=asker.faults: bool(faults))  # type: ignore[misc]  # bound now
        missed += not asker.faults
        print(f"planted: {name:34} {'found within' if asker.faults else 'NOT FOUND in'} {made} requests", flush=True)
    return missed


def look(asker: Asker, options: argparse.Namespace) -> int:
    """Ask everything and print what came; returns how many operations there are."""
    number = 0
    for operation in asker.operations(options.only):
        began, before = time.monotonic(), asker.sent
        made = asker.ask(operation, options.examples, seconds=options.seconds)
        took = time.monotonic() - began
        print(
            f"{named(operation):56} {made:5,} x {asker.each} = {asker.sent - before:6,} in {took:4.0f} s",
            flush=True,
        )
        number += 1
    return number


def main() -> int:
    """Read the arguments and ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=400, help="requests made up for each operation (400)")
    parser.add_argument("--each", type=int, help="so many callers send each request, in turn (all)")
    parser.add_argument("--seconds", type=float, default=0, help="most time for one operation (0: no limit)")
    parser.add_argument("--only", default="", metavar="TEXT", help="operations whose method and path hold this")
    parser.add_argument("--seed", type=int, default=1, help="another one makes up other requests (1)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start(folder)
        things, who = set_up(Path(folder))
        missed = find_planted(things, who, options.seed)
        asker, began = Asker(things, who, options.seed, each=options.each), time.monotonic()
        number = look(asker, options)
        took = time.monotonic() - began
    print()
    shut_out = 0
    for caller in who:
        answers = asker.by_caller[caller.name]
        through = sum(count for status, count in answers.items() if 200 <= status < 300)
        shut_out += not options.only and (through > 0) != caller.is_signed_in
        statuses = ", ".join(f"{status}: {count:,}" for status, count in sorted(answers.items()))
        print(f"{caller.name:22} {statuses}")
    for operation, what in asker.faults.items():
        print(f"FAULT {operation}\n    {what}")
    print(
        f"\n{number} operations, {asker.sent:,} requests in {took:.0f} s: {len(asker.faults)} operations with server"
        f" errors, {missed} planted bugs not found, {shut_out} callers let in or kept out wrongly"
    )
    return 1 if asker.faults or missed or shut_out else 0


if __name__ == "__main__":
    sys.exit(main())
