"""Every page of the site, read from its addresses: a page that is added later is looked at without a word here.

A route is visited with every argument that ``make_world`` has under the argument's name, by each kind of person. What
answers with a whole HTML document is a page. A route that nobody could open, or whose arguments are unknown, fails the
test that uses ``find_pages``: give ``make_world`` something to show, or ``EXCEPTIONS`` a reason.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, resolve, reverse
from django.utils import timezone

from collector.actions import gold, invitations, sheet_imports, submissions, subscriptions
from collector.actions.demo import demo_admin
from collector.models import Campaign, CampaignCategory, Category, Mailing, MailKind, Person, SheetImport, Submission
from collector.pairs import Text
from exports import actions
from exports.filters import Filter
from tests import factories
from tests.training import curve_material, material
from training import curve_listing, listing
from training.runs import Run
from webhooks import actions as webhooks
from webhooks.models import Kind
from webhooks.sending import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from playwright.sync_api import BrowserContext
    from pytest_django.fixtures import Settings
    from pytest_django.live_server_helper import LiveServer

    from webhooks.models import Delivery

LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
PASSWORD = "a long and quiet password"
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
MOST_PAGES_OF_A_ROUTE = 4

# Branches whose pages are other people's work.
OTHERS = {
    "admin/": "Django's own admin",
    "api/": "JSON, and Swagger UI for its docs",
    "scim/": "JSON for the company's directory",
}
EXCEPTIONS = {
    "metrics": "for Prometheus, which shows a token",
    "set_language": "a form's address; a GET leads home",
    "account_confirm_login_code": "sign-in by a code is off; the address leads to the sign-in form",
    "mfa_authenticate": "between the password and the second step; tests/browser/test_passkeys.py comes there",
    **dict.fromkeys(("mfa_edit_webauthn", "mfa_remove_webauthn"), "needs a passkey, which only a browser makes"),
    "socialaccount_signup": "nobody is asked for more than the provider says; the address leads to the sign-in form",
    **dict.fromkeys(
        ("openid_connect_login", "openid_connect_callback", "saml_login", "saml_acs", "saml_finish_acs"),
        "leads to the company's provider or back; none is set up here",
    ),
    **dict.fromkeys(("saml_metadata", "saml_sls"), "belongs to the company's provider; none is set up here"),
    **dict.fromkeys(
        (f"accounts/social/{tail}/" for tail in ("login/cancelled", "login/error", "signup", "connections")),
        "a former address of allauth, which leads on",
    ),
}
# Answered with a page that explains, though not with 200.
REFUSALS = {
    "socialaccount_login_error",
    "unsubscribe",
    "digest-unsubscribe",
    "sign-in-link",
    "invitation",
    "account_confirm_email",
    "account_reset_password_from_key",
}
# For an argument that nothing is known of: enough to learn that the route takes no GET.
ANYTHING = (1, "00000000-0000-4000-8000-000000000000", "unknown")
GATES = {"account_login", "terms"}
ALSO = ("/there-is-nothing-here/",)


@dataclass(frozen=True)
class World:
    """Who looks at the pages, and what there is to see by the name of a route's argument."""

    people: dict[str, Person | None]
    arguments: dict[str, Sequence[object]]  # ``route.argument`` goes before ``argument``


@dataclass(frozen=True)
class Visit:
    """One page as one kind of person sees it."""

    role: str
    path: str


def make_world(settings: Settings, directory: Path) -> World:
    """Fill the database with the demonstration, and with texts that try to break out of their boxes.

    Args:
        directory: where the dataset versions go.
    """
    settings.WOOLGATHER_DATASETS = directory
    call_command("seed_demo", "--json", "--force", stdout=io.StringIO())
    admin = demo_admin()
    admin.set_password(PASSWORD)
    admin.save()
    campaign = Campaign.objects.filter(is_demo=True).first()
    assert campaign is not None
    judge = factories.reviewer(display_name="Rita Reviewer", password=PASSWORD)
    writer = factories.contributor_in(campaign, display_name=f"Wilma {LONG_WORD}", password=PASSWORD)
    newcomer = factories.contributor_in(campaign, display_name="Nia Newcomer")
    TOTP.activate(newcomer, "A" * 32)
    RecoveryCodes.activate(newcomer)
    target = CampaignCategory.objects.filter(campaign=campaign).select_related("category")[0]
    for status in Submission.Status.values:
        for author in (writer, admin):
            factories.make_submission(
                campaign=campaign,
                category=target.category,
                author=author,
                status=status,
                instruction=f"{author.pk} {status} {LONG_WORD}?",
                context=LONG_WORD * 3,
                response=f"{LONG_WORD}\n\u202e" + "A line of a pair.\n" * 40,
                by_reviewer=judge,
                now=timezone.now(),
            )
    check = factories.make_submission(
        campaign=campaign, category=target.category, author=writer, status=Submission.Status.APPROVED
    )
    item = gold.make_gold(submission=check, decision="approve", why="It is right.", by=admin, now=timezone.now())
    gold.answer(gold=item, decision="approve", by=judge, now=timezone.now())
    invitations.make_link(role="reviewer", team=None, most_uses=5, note=LONG_WORD[:110], by=admin, now=timezone.now())
    factories.CampaignFactory.create(status="closed", name=LONG_WORD[:110], more_languages=["de", "fr-CA"])
    Campaign.objects.filter(pk=campaign.pk).update(more_languages=["de-CH"])
    released = Submission.objects.approved().filter(dataset_records__isnull=False).order_by("pk")
    for left, one in enumerate(released[:2]):
        if left:
            submissions.withdraw(submission=one, by=one.author, now=timezone.now())
        else:
            text = Text.of(f"What is {LONG_WORD}?", LONG_WORD, f"{LONG_WORD}\n\u202eand more of it.")
            submissions.resubmit(submission=one, base_revision=1, text=text, by=one.author, now=timezone.now())
            factories.decide(one, "approve", by=judge, now=timezone.now())
    # The second version stays unbuilt: its page shows the progress. Against the first, it has every kind of change.
    actions.request_version(
        name=settings.WOOLGATHER_DATASET_NAME, filter=Filter(), formats=[], by=admin, now=timezone.now()
    )
    mine = Submission.objects.filter(author__in=[writer, admin]).order_by("-status", "pk")
    waiting = Submission.objects.filter(status=Submission.Status.SUBMITTED)
    runs = _list_runs(directory.parent / "runs")
    curves = _list_curves(directory.parent / "curves")
    told = _tell_a_webhook(settings, admin)
    people = {"admin": admin, "reviewer": judge, "contributor": writer, "newcomer": newcomer, "nobody": None}
    arguments: dict[str, Sequence[object]] = {
        "pk": [*mine.values_list("pk", flat=True), *waiting.values_list("pk", flat=True)[:2], 1],
        "category": [*Category.objects.order_by("-context").values_list("slug", flat=True)],
        "campaign": [campaign.slug],
        "slug": [*Campaign.objects.order_by("status").values_list("slug", flat=True)],
        "mailing.pk": [*Mailing.objects.values_list("pk", flat=True)],
        "mailing-edit.pk": [*Mailing.objects.values_list("pk", flat=True)],
        "handle": [writer.handle, admin.handle, newcomer.handle],
        "version": ["v1", "v2"],
        "path": ["README.md"],
        "token": ["wrong"],
        "key": ["wrong"],
        "uidb36": ["1"],
        "unsubscribe.token": [subscriptions.unsubscribe_token(person=writer, kind=MailKind.REMINDER), "wrong"],
        "digest-unsubscribe.token": [subscriptions.unsubscribe_token(person=writer, kind=MailKind.DIGEST), "wrong"],
        "review-answer.pk": [check.pk],
        "sheet-preview.pk": [_upload_edited_sheet(judge).pk],
        **{f"webhook{page}.pk": [told.endpoint_id] for page in ("", "-edit", "-act")},
        **{f"webhook-{page}.pk": [told.pk] for page in ("delivery", "send-again")},
        **{f"run-{page}.pk": runs for page in ("detail", "samples", "stop", "resume")},
        **{f"curve-{page}.pk": curves for page in ("detail", "stop", "resume")},
    }
    return World(people, arguments)


def _tell_a_webhook(settings: Settings, admin: Person) -> Delivery:
    """Add a webhook whose other side answers at length that it can't; return the message."""
    settings.WOOLGATHER_WEBHOOK_HOSTS = ["hooks.example.com"]
    now, url = timezone.now(), f"https://hooks.example.com/{'a-long-name-' * 20}"
    kinds = [kind for kind, _label in Kind.subscribable()]
    endpoint, _secret = webhooks.add_endpoint(
        name=LONG_WORD[:80], url=url, style="standard", kinds=kinds, by=admin, now=now
    )
    delivery = webhooks.claim(delivery_id=webhooks.ping(endpoint=endpoint, now=now).pk, now=now)
    assert delivery is not None
    webhooks.settle(delivery=delivery, answer=Answer(503, LONG_WORD * 3, "It did not take the message.", 0.2), now=now)
    return delivery


def _list_runs(directory: Path) -> list[object]:
    """Put a finished run, one that goes on and one that failed on the list; return their ids."""
    told: dict[str, Any] = {"run": LONG_WORD[:100], "base_model": {"id": f"company/{LONG_WORD}"}}
    made = [
        material.make_run(directory, "finished", **told),
        material.make_run(directory, "running", steps=8, done=3, warnings=[LONG_WORD]),
        material.make_run(directory, "failed", steps=8, done=1, status="failed", error=f"{LONG_WORD} is missing."),
    ]
    samples = made[0] / "samples.jsonl"
    samples.write_text(samples.read_text().replace("By the river.", LONG_WORD * 3 + "\\u202eand more"))
    return [listing.list_run(run=Run(path), now=timezone.now()).pk for path in made]


def _list_curves(directory: Path) -> list[object]:
    """Put a finished learning curve, one that goes on and one that failed on the list; return their ids."""
    odd = curve_material.result()["curves"]
    odd[1]["category"] = LONG_WORD
    made = [
        curve_material.make_curve(directory, "finished", curve=LONG_WORD[:100], curves=odd, notes=[LONG_WORD]),
        curve_material.make_curve(directory, "running", done=2),
        curve_material.make_curve(directory, "failed", done=1, status="failed", error=f"{LONG_WORD} is missing."),
    ]
    for path in directory.iterdir():
        if (path / "run.json").is_file():
            listing.list_run(run=Run(path), now=timezone.now())
    return [curve_listing.list_curve(path=path, now=timezone.now()).pk for path in made]


def _upload_edited_sheet(person: Person) -> SheetImport:
    """Take the sheet out as CSV, change one response, and send it back as far as the preview."""
    client = Client()
    client.force_login(person, backend=BACKEND)
    content = client.get(reverse("sheet-csv")).getvalue().decode("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(content))
    rows[0][head.index("response")] += " And one more sentence."
    edited = io.StringIO()
    csv.writer(edited).writerows([head, *rows])
    return sheet_imports.read_upload(
        file=io.BytesIO(edited.getvalue().encode()), file_name="edited.csv", by=person, now=timezone.now()
    )


def routes() -> Iterator[tuple[str, list[str]]]:
    """Yield each route's name and its arguments' names."""

    def walk(patterns: Sequence[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, list[str]]]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if route.startswith(tuple(OTHERS)):
                continue
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, route)
            else:
                names = [*getattr(pattern.pattern, "converters", {}), *pattern.pattern.regex.groupindex]
                yield pattern.name or route, list(dict.fromkeys(names))

    return walk(get_resolver().url_patterns, "")


def sign_in(context: BrowserContext, server: LiveServer, person: Person | None) -> None:
    """Make the browser this person's, without the form."""
    context.clear_cookies()
    if person is not None:
        client = Client()
        client.force_login(person, backend=BACKEND)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": server.url}])


def find_pages(world: World) -> list[Visit]:
    """Ask every route for a page as every kind of person; return what answered with one, and each content once.

    Raises:
        AssertionError: everybody is refused there or sent to sign in.
    """
    visits = {Visit(role, path): None for role in ("admin", "nobody") for path in ALSO}  # a dict keeps the order
    silent = {name for name, _arguments in routes() if name not in EXCEPTIONS}
    without_pages: set[str] = set()  # files, parts of pages, and forms' addresses are that for everybody
    contents: set[str] = set()
    for role, person in world.people.items():
        client = Client()
        if person is not None:
            client.force_login(person, backend=BACKEND)
        for name, names in routes():
            if name in without_pages:
                continue
            for answer in _answers(client, world, name, names):
                silent.discard(name)
                if answer.kind == "no page":
                    without_pages.add(name)
                elif answer.content not in contents:
                    contents.add(answer.content)
                    visits[Visit(role, answer.place)] = None
    assert not silent, f"nobody gets a page from {sorted(silent)}"
    return list(visits)


def _answers(client: Client, world: World, name: str, names: list[str]) -> Iterator[Found]:
    """Yield a route's first pages for this person, or one answer that is no page."""
    pages = 0
    for path in _paths(world, name, names):
        answer = _ask(client, name, path)
        if answer.kind == "refused":
            continue
        yield answer
        pages += 1
        if answer.kind == "no page" or pages == MOST_PAGES_OF_A_ROUTE:
            return


def _paths(world: World, name: str, names: list[str]) -> Iterator[str]:
    given = [world.arguments.get(f"{name}.{argument}", world.arguments.get(argument, ANYTHING)) for argument in names]
    for values in itertools.product(*given):
        # A number where the route wants a UUID, or the other way round, is no address.
        with suppress(NoReverseMatch):
            yield reverse(name, kwargs=dict(zip(names, values, strict=True)))


@dataclass(frozen=True)
class Found:
    """What a route answers a GET with (page, refused, no page), the page's own path, and what it shows."""

    kind: str
    place: str
    content: str = ""


def _ask(client: Client, name: str, path: str) -> Found:
    answer = client.get(path)
    assert answer.status_code < 500, f"{path} answers {answer.status_code}"
    if answer.status_code == 405:
        return Found("no page", path)
    if 300 <= answer.status_code < 400:
        place = answer.headers["location"]
        is_gate = resolve(place.partition("?")[0]).view_name in GATES
        return Found("refused", path) if is_gate else Found("page", place, place)
    text = b"".join(answer) if answer.streaming else answer.content
    is_page = "html" in answer.headers["content-type"] and b"<!doctype html" in text[:200].lower()
    if answer.status_code >= 400 and name not in REFUSALS:
        return Found("refused", path)
    return Found("page", path, _content(text.decode())) if is_page else Found("no page", path)


def _content(text: str) -> str:
    """Return what a page shows, without the token that is another one each time."""
    _head, _main, main = text.rpartition("<main")
    return re.sub(r'csrfmiddlewaretoken. value="[^"]+"', "", main.partition("</main>")[0])
