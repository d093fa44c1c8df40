"""Webhooks as admins meet them: off until allowed, a secret shown once, a log, and an audit of what they did."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core import mail
from django.utils import timezone
from standardwebhooks import Webhook

from collector.models import AuditEntry
from jobs import runner
from jobs.models import Job
from operations import webhook_tasks as tasks
from tests import factories
from tests.webhooks.receiver import Receiver, receiving
from webhooks import actions, queries
from webhooks.models import Delivery, Endpoint
from webhooks.sending import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client
    from pytest_django.fixtures import Settings

    from collector.models import Campaign, Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    with receiving() as receiver:
        settings.WOOLGATHER_WEBHOOK_HOSTS = [f"http://localhost:{receiver.port}"]
        settings.WOOLGATHER_WEBHOOK_NETWORKS = ["127.0.0.0/8", "::1/128"]
        yield receiver


@pytest.fixture
def desk(admin: Person, sign_in: Callable[[Person], Client]) -> Client:
    return sign_in(admin)


def form(receiver: Receiver, **values: object) -> dict[str, object]:
    kinds = ["submission.submitted", "run.finished"]
    return {"name": "Warehouse", "style": "standard", "url": receiver.url, "kinds": kinds, **values}


@pytest.fixture
def endpoint(desk: Client, receiver: Receiver) -> Endpoint:
    assert desk.post("/webhooks/new/", form(receiver)).status_code == 200
    return Endpoint.objects.get()


def work() -> None:
    for job in Job.objects.active():
        runner.execute(job_id=job.pk, worker="w", beat=False)


PATHS = ["/webhooks/", "/webhooks/new/", "/webhooks/{0}/", "/webhooks/{0}/edit/", "/webhooks/deliveries/{1}/"]
POSTS = ["/webhooks/new/", "/webhooks/{0}/edit/", "/webhooks/{0}/act/", "/webhooks/deliveries/{1}/again/"]


@pytest.mark.parametrize("role", ["contributor", "reviewer", "lead"])
def test_others_see_and_do_nothing(role: str, endpoint: Endpoint, sign_in: Callable[[Person], Client]) -> None:
    delivery = actions.ping(endpoint=endpoint, now=timezone.now())
    client = sign_in(factories.PersonFactory.create(roles=[role]))
    for path in PATHS:
        assert client.get(path.format(endpoint.pk, delivery.pk)).status_code == 403
    for path in POSTS:
        assert client.post(path.format(endpoint.pk, delivery.pk), {"do": "remove"}).status_code == 403
    assert Endpoint.objects.present().count() == 1


def test_off_until_the_operator_allows_a_host(desk: Client) -> None:
    page = desk.get("/webhooks/").content.decode()
    assert "Webhooks are off on this server." in page
    assert "Add a webhook" not in page
    assert desk.get("/webhooks/new/").headers["Location"] == "/webhooks/"
    desk.post("/webhooks/new/", {"name": "x", "style": "slack", "url": "https://a.example/", "kinds": ["run.finished"]})
    assert Endpoint.objects.count() == 0


def test_the_secret_is_shown_once(desk: Client, receiver: Receiver) -> None:
    answer = desk.post("/webhooks/new/", form(receiver))
    found = re.search(r"whsec_[A-Za-z0-9+/=]{44}", answer.content.decode())
    assert found
    assert answer.headers["Cache-Control"] == "private, no-store"
    endpoint = Endpoint.objects.get()
    for path in ("/webhooks/", f"/webhooks/{endpoint.pk}/", f"/webhooks/{endpoint.pk}/edit/"):
        assert "whsec_" not in desk.get(path).content.decode()
    desk.post(f"/webhooks/{endpoint.pk}/act/", {"do": "ping"})
    work()
    [message] = receiver.messages
    Webhook(found[0]).verify(message.body, message.headers)
    assert "whsec_" not in json.dumps(list(AuditEntry.objects.values("verb", "target", "detail")))


def test_a_host_that_is_not_allowed_is_refused_at_its_field(desk: Client, receiver: Receiver) -> None:
    answer = desk.post("/webhooks/new/", form(receiver, url="https://169.254.169.254/latest/"))
    assert answer.status_code == 400
    assert "169.254.169.254 is not among the hosts that the operator allowed" in answer.content.decode()
    assert Endpoint.objects.count() == 0


def test_what_is_missing_is_said(desk: Client, receiver: Receiver) -> None:
    answer = desk.post("/webhooks/new/", {"name": "", "style": "fax", "url": "", "kinds": ["webhook.ping"]})
    assert answer.status_code == 400
    assert answer.content.decode().count("field-error") >= 4


def test_a_slack_address_is_a_secret(desk: Client, receiver: Receiver) -> None:
    answer = desk.post("/webhooks/new/", form(receiver, style="slack", url=f"{receiver.url}/T0/B0/abcdef"))
    endpoint = Endpoint.objects.get()
    assert answer.headers["Location"] == f"/webhooks/{endpoint.pk}/"
    for path in ("/webhooks/", f"/webhooks/{endpoint.pk}/", f"/webhooks/{endpoint.pk}/edit/"):
        assert "abcdef" not in desk.get(path).content.decode()
    assert "abcdef" not in json.dumps(list(AuditEntry.objects.values("target", "detail")))
    desk.post(f"/webhooks/{endpoint.pk}/edit/", {"name": "Chat", "url": "", "kinds": ["run.finished"]})
    desk.post(f"/webhooks/{endpoint.pk}/act/", {"do": "ping"})
    work()
    assert [message.path for message in receiver.messages] == ["/hook/T0/B0/abcdef"]
    refused = desk.post(f"/webhooks/{endpoint.pk}/act/", {"do": "rotate"})
    assert (refused.status_code, "its secret is the address itself" in refused.content.decode()) == (409, True)


def test_the_log_shows_attempts_and_sends_again(
    desk: Client, endpoint: Endpoint, receiver: Receiver, campaign: Campaign
) -> None:
    receiver.codes, receiver.body = [503], b"<script>alert(1)</script>"
    factories.make_submission(campaign=campaign, now=timezone.now(), instruction="Not for others")
    from webhooks import tasks as webhook_tasks

    webhook_tasks.queue(endpoint_id=endpoint.pk, by=None, now=timezone.now())
    work()
    delivery = Delivery.objects.get()
    log = desk.get(f"/webhooks/{endpoint.pk}/").content.decode()
    assert "A pair was submitted" in log
    assert 'hx-trigger="every 4s"' in log
    page = desk.get(f"/webhooks/deliveries/{delivery.pk}/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert delivery.event.message_id in page
    assert "Not for others" not in page
    assert desk.post(f"/webhooks/deliveries/{delivery.pk}/again/").status_code == 302
    work()
    delivery.refresh_from_db()
    assert delivery.status == "delivered"
    assert len({message.headers["webhook-id"] for message in receiver.messages}) == 1
    fragment = desk.get(f"/webhooks/{endpoint.pk}/", headers={"HX-Request": "true", "HX-Target": "log"})
    assert fragment.content.decode().strip().startswith('<div id="log">')


def test_what_admins_do_is_in_the_audit(desk: Client, endpoint: Endpoint, receiver: Receiver, admin: Person) -> None:
    act = f"/webhooks/{endpoint.pk}/act/"
    desk.post(f"/webhooks/{endpoint.pk}/edit/", {"name": "Store", "url": "", "kinds": ["run.finished"]})
    for what in ("ping", "rotate", "off", "on", "remove"):
        assert desk.post(act, {"do": what}).status_code in {200, 302}
    verbs = list(AuditEntry.objects.filter(by=admin).order_by("pk").values_list("verb", flat=True))
    assert verbs == [
        *("webhook.added", "webhook.changed", "webhook.tested", "webhook.secret_rotated", "webhook.turned_off"),
        *("webhook.turned_on", "webhook.removed"),
    ]
    assert desk.post(act, {"do": "on"}).status_code == 404
    assert "Store" not in desk.get("/webhooks/").content.decode()


def test_nonsense_does_nothing(desk: Client, endpoint: Endpoint) -> None:
    assert desk.post(f"/webhooks/{endpoint.pk}/act/", {"do": "explode"}).status_code == 409
    assert desk.get(f"/webhooks/{endpoint.pk}/act/").status_code == 405
    off = desk.post(f"/webhooks/{endpoint.pk}/act/", {"do": "off"})
    assert off.status_code == 302
    ping = desk.post(f"/webhooks/{endpoint.pk}/act/", {"do": "ping"})
    assert (ping.status_code, "Turn it on first." in ping.content.decode()) == (409, True)
    assert AuditEntry.objects.filter(verb="webhook.tested").count() == 0


def test_admins_are_mailed_once_when_one_is_turned_off_by_itself(endpoint: Endpoint, admin: Person) -> None:
    factories.PersonFactory.create(roles=["lead"])
    second = factories.PersonFactory.create(roles=["admin"])
    delivery = actions.ping(endpoint=endpoint, now=timezone.now())
    claimed = actions.claim(delivery_id=delivery.pk, now=timezone.now())
    assert claimed is not None
    actions.settle(delivery=claimed, answer=Answer(410, "", "It did not take the message.", 0.1), now=timezone.now())
    assert tasks.has_turned_off(timezone.now())
    job = Job.objects.create(kind=tasks.WEBHOOKS_OFF, created_at=timezone.now(), next_ring_at=timezone.now())
    assert runner.execute(job_id=job.pk, worker="w", beat=False) == "succeeded"
    assert sorted(message.to[0] for message in mail.outbox) == sorted([admin.email, second.email])
    assert "410" in mail.outbox[0].body
    assert f"/webhooks/{endpoint.pk}/" in mail.outbox[0].body
    assert not tasks.has_turned_off(timezone.now())


def test_a_mail_server_that_refuses_leaves_the_notice_for_later(
    endpoint: Endpoint, admin: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    Endpoint.objects.update(disabled_at=timezone.now(), disabled_because="It failed.", told_at=None)

    def refuse(*_args: object, **_options: object) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    job = Job.objects.create(kind=tasks.WEBHOOKS_OFF, created_at=timezone.now(), next_ring_at=timezone.now())
    runner.execute(job_id=job.pk, worker="w", beat=False)
    assert queries.turned_off_untold().count() == 1


def test_turned_off_by_a_person_is_no_news(desk: Client, endpoint: Endpoint) -> None:
    desk.post(f"/webhooks/{endpoint.pk}/act/", {"do": "off"})
    assert not tasks.has_turned_off(timezone.now() + timedelta(days=1))
