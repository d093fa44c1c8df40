"""The people and things that the permission matrix asks with, made once through the real actions."""

from __future__ import annotations

import io
import json
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.test import Client, override_settings
from django.utils import timezone

from collector.actions import (
    campaign_life,
    comments,
    gold,
    invitations,
    locks,
    people,
    points,
    sheet,
    sheet_imports,
    tokens,
)
from collector.actions.campaigns import accept_terms, current_terms
from collector.actions.setup import ensure_installation
from collector.actions.subscriptions import unsubscribe_token
from collector.models import (
    ApiToken,
    Campaign,
    CampaignCategory,
    ImportBatch,
    MailKind,
    Notice,
    Passage,
    Person,
    Submission,
)
from exports import actions as exports
from exports.models import Recipe
from jobs import actions as jobs
from jobs.models import WorkerHeartbeat
from tests import factories
from tests.collector import mailing_story
from tests.exports.helpers import freeze, release
from tests.training import material
from training import listing
from training.models import LearningCurve
from training.runs import Run
from webhooks import actions as webhooks

if TYPE_CHECKING:
    from pathlib import Path

    from django.db.models import Model

    from collector.models import Category

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"

# Who asks. The first two hold nothing; the others are signed in, each with no more than its name says.
OUTSIDERS = ("anonymous", "deactivated")
MEMBERS = ("contributor", "owner", "reviewer", "lead", "admin")
# Bearer tokens: an admin's with each scope, so that only the scope limits it, the owner's, and those that ended.
TOKENS = ("token:read", "token:write", "token:review", "token:admin", "token:owner")
DEAD_TOKENS = ("token:expired", "token:revoked", "token:deactivated", "token:unknown")
ROLES = (*OUTSIDERS, *MEMBERS, *TOKENS, *DEAD_TOKENS)


@dataclass
class World:
    """Who there is, how each is known to the site, and what stands in addresses."""

    person: dict[str, Person] = field(default_factory=dict)
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    bearers: dict[str, str] = field(default_factory=dict)
    # By the name that the table uses for a thing: what its address holds.
    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    # By the label of a model of Django's admin: one of its rows.
    rows: dict[str, Model] = field(default_factory=dict)


def build(root: Path) -> World:
    """Make everything; slow things (a version's files, a run's) are the smallest that pass as real."""
    ensure_installation(now=factories.NOW)
    Campaign.objects.all().delete()
    world = World()
    campaign = factories.CampaignFactory.create(slug="spring", reviews_per_item=1)
    category = factories.CategoryFactory.create(slug="kind")
    CampaignCategory.objects.create(campaign=campaign, category=category, target=10)
    _add_people(world, campaign)
    _add_records(world, campaign, category)
    _add_states_beside_the_status(world, campaign, category)
    _add_versions(world, root)
    _add_campaign_life(world, campaign)
    _sign_in(world)
    _add_admin_rows(world)
    return world


def _add_people(world: World, campaign: Campaign) -> None:
    terms = current_terms(campaign)
    assert terms is not None
    for name in ("contributor", "owner", "reviewer", "lead", "admin", "deactivated"):
        role = "contributor" if name in {"owner", "deactivated"} else name
        person = people.add_person(email=f"{name}@example.com", role=role, by=None, now=factories.NOW)
        person.handle = name
        person.save(update_fields=["handle"])
        accept_terms(terms=terms, by=person, now=factories.NOW)
        world.person[name] = Person.objects.get(pk=person.pk)
    world.things["person"] = {"handle": "owner"}


def _add_records(world: World, campaign: Campaign, category: Category) -> None:
    owner, judge = world.person["owner"], factories.reviewer(handle="judge")
    for status in ("draft", "submitted", "approved", "rejected", "changes_requested", "withdrawn"):
        made = factories.make_submission(
            campaign=campaign, category=category, author=owner, status=status, by_reviewer=judge
        )
        world.things[status] = {"pk": str(made.pk)}
    approved = Submission.objects.get(pk=world.things["approved"]["pk"])
    comments.add_comment(submission=approved, text="Well said.", by=judge, now=factories.NOW)
    check = factories.make_submission(campaign=campaign, category=category, status="approved", by_reviewer=judge)
    admin_person = world.person["admin"]
    item = gold.make_gold(submission=check, decision="approve", why="It is right.", by=admin_person, now=factories.NOW)
    world.things["gold"] = {"pk": str(check.pk)}
    world.rows["collector.golditem"] = item
    # The reviewer's own decision, just made, that can be undone; and their own uploaded sheet.
    decided = factories.make_submission(campaign=campaign, category=category)
    review = factories.decide(decided, "approve", by=world.person["reviewer"], now=timezone.now())
    world.things["review"] = {"review": review.pk}
    told = sheet_imports.read_upload(
        file=io.BytesIO(b"id,revision,instruction,context,response\n"),
        file_name="edited.csv",
        by=world.person["reviewer"],
        now=timezone.now(),
    )
    world.things["upload"] = {"pk": str(told.pk)}
    notice = Notice.objects.filter(person=owner).first()
    assert notice is not None
    world.things["notice"] = {"pk": notice.pk}
    passage = factories.PassageFactory.create(slug="tides")
    world.things |= {"passage": {"slug": passage.slug}, "category": {"category": "kind"}, "kind": {"slug": "kind"}}
    sheet.record_download(format="csv", rows=1, detail={}, by=judge, now=factories.NOW)


def _add_states_beside_the_status(world: World, campaign: Campaign, category: Category) -> None:
    """Records that are locked, wait for a lead's last word, or lie in a campaign that is over."""
    owner, lead = world.person["owner"], world.person["lead"]
    locked = factories.make_submission(campaign=campaign, category=category, author=owner, status="approved")
    locks.lock(submission=locked, by=lead, now=factories.NOW)
    twice = factories.CampaignFactory.create(slug="twice", reviews_per_item=2, approvals_required=2)
    disputed = factories.make_submission(campaign=twice, category=category, author=owner)
    for decision in ("approve", "reject"):
        factories.decide(disputed, decision, by=factories.reviewer())
    over = factories.CampaignFactory.create(slug="over")
    closed = factories.make_submission(campaign=over, category=category, author=owner)
    campaign_life.change_status(campaign=over, to="closed", by=lead, now=factories.NOW)
    for record in (locked, disputed, closed):
        record.refresh_from_db()
    assert locked.locked_at
    assert disputed.disputed_at
    assert closed.status == "submitted"
    world.things |= {
        "locked": {"pk": str(locked.pk)},
        "disputed": {"pk": str(disputed.pk)},
        "closed": {"pk": str(closed.pk)},
        "over": {"slug": over.slug},
        "terms of over": {"campaign": over.slug},
    }


def _add_versions(world: World, root: Path) -> None:
    version = release(root / "datasets", name="set")
    world.things["version"] = {"version": version.label}
    withdrawn = release(root / "datasets", name="set", formats=["alpaca"])
    exports.withdraw_version(version=withdrawn, reason="Wrong.", by=world.person["admin"], now=factories.NOW)
    failed = freeze(formats=["sharegpt"])
    exports.fail_version(version=failed, reason="The disk was full.", now=factories.NOW)
    building = freeze(formats=["dolly"])
    world.things |= {
        "withdrawn_version": {"version": withdrawn.label},
        "failed_version": {"version": failed.label},
        "building_version": {"version": building.label},
        "withdrawn file": {"version": withdrawn.label, "path": "README.md"},
        "failed file": {"version": failed.label, "path": "README.md"},
    }
    world.things["file"] = {"version": version.label, "path": "README.md"}
    recipe = Recipe.objects.create(name="all", dataset="set", shares="90/5/5", saved_at=factories.NOW)
    world.things["recipe"] = {"pk": recipe.pk}
    run = listing.list_run(run=Run(material.make_run(root / "runs")), now=timezone.now())
    curve = LearningCurve.objects.create(name="curve", created_at=timezone.now(), seen_at=timezone.now())
    world.things |= {"run": {"pk": str(run.pk)}, "curve": {"pk": str(curve.pk)}}


def _add_campaign_life(world: World, campaign: Campaign) -> None:
    lead, now = world.person["lead"], timezone.now()
    draft = factories.CampaignFactory.create(slug="planned", status="draft")
    world.things |= {
        "campaign": {"slug": campaign.slug},
        "planned": {"slug": draft.slug},
        "terms": {"campaign": campaign.slug},
        "planned terms": {"campaign": draft.slug},
    }
    contest = points.plan_contest(
        campaign=campaign,
        name="May",
        starts_on=date(2099, 5, 1),
        ends_on=date(2099, 5, 31),
        by=lead,
        now=now,
    )
    world.things["contest"] = {"pk": contest.pk}
    world.things["mailing"] = {"pk": mailing_story.write(campaign, lead).pk}
    invited, token = people.invite(email="new@example.com", by=lead, now=now)
    link, link_token = invitations.make_link(role="contributor", team=None, most_uses=5, note="", by=lead, now=now)
    world.things |= {
        "invitation": {"pk": invited.pk},
        "link": {"pk": link.pk},
        "invitation token": {"token": token},
        "link token": {"token": link_token},
        "no token": {"token": "nothing"},
        "unsubscribe": {"token": unsubscribe_token(person=world.person["owner"], kind=MailKind.DIGEST)},
        "sign-in": {"token": people.sign_in_link(person=world.person["contributor"], base="http://x").split("/")[-2]},
    }


def _sign_in(world: World) -> None:
    """Make a session for each member and a token for each scope; what ended does so after it was handed out."""
    now = timezone.now()
    for name in (*MEMBERS, "deactivated"):
        client = Client()
        client.force_login(world.person[name], backend=BACKEND)
        world.cookies[name] = {"sessionid": client.cookies["sessionid"].value}
    holder = world.person["admin"]

    def token(person: Person, scope: str, **dates: Any) -> str:
        made, raw = tokens.create_token(person=person, scope=scope, by=person, now=now)
        # Used later than any request of this test, so that none notes its use.
        ApiToken.objects.filter(pk=made.pk).update(last_used_at=now + timedelta(days=1), **dates)
        return raw

    for scope in ("read", "write", "review", "admin"):
        world.bearers[f"token:{scope}"] = token(holder, scope)
    world.bearers["token:owner"] = token(world.person["owner"], "write")
    world.things["token"] = {"pk": ApiToken.objects.get(person=world.person["owner"]).pk}
    world.bearers["token:expired"] = token(holder, "admin", expires_at=now - timedelta(seconds=1))
    world.bearers["token:revoked"] = token(holder, "admin", revoked_at=now)
    world.bearers["token:unknown"] = "wg_" + "0" * 43
    world.bearers["token:deactivated"] = token(world.person["deactivated"], "write")
    # Not through the action, which ends sessions and tokens itself: they must be dead by the flag alone.
    Person.objects.filter(pk=world.person["deactivated"].pk).update(is_active=False)


def _add_webhook(world: World) -> None:
    now = timezone.now()
    endpoint, _secret = webhooks.add_endpoint(
        name="chat",
        url="https://hooks.example.com/x",
        style="standard",
        kinds=["submission.decided"],
        by=world.person["admin"],
        now=now,
    )
    delivery = webhooks.ping(endpoint=endpoint, now=now)
    world.things |= {"webhook": {"pk": endpoint.pk}, "delivery": {"pk": delivery.pk}}


def _add_admin_rows(world: World) -> None:
    """Find a row of each model that the admin shows, making those that nothing above made."""
    now = timezone.now()
    ImportBatch.objects.create(
        file_name="x.jsonl", format="jsonl", campaign=Campaign.objects.get(slug="spring"), started_at=now
    )
    jobs.enqueue(kind="collector.digests", payload={}, by=None, now=now)
    WorkerHeartbeat.objects.create(worker="w@host", started_at=now, seen_at=now)
    factories.TeamFactory.create()
    for model in admin.site._registry:
        label = model._meta.label_lower
        if label == "collector.submission":
            world.rows[label] = Submission.objects.get(pk=world.things["approved"]["pk"])
        elif label == "collector.person":
            world.rows[label] = world.person["owner"]
        elif label not in world.rows:
            found = model._default_manager.first()
            world.rows.setdefault(label, found if found is not None else made_up(model))
    _add_webhook(world)
    world.things |= {
        "key of nobody": {"pk": 10**6},
        "no provider": {"provider_id": "nobody", "organization_slug": "nobody"},
        "scim user": {"pk": str(world.person["owner"].pk)},
        "scim group": {"pk": "reviewer"},
        "key": {"key": "abc"},
        "reset": {"uidb36": "1", "key": "set-password"},
        "app": {"app_label": "collector"},
        "url": {"url": "nowhere"},
    }
    world.things["content type"] = {
        "content_type_id": ContentType.objects.get_for_model(Passage).pk,
        "object_id": Passage.objects.values_list("pk", flat=True)[0],
    }


def made_up(model: type[Model]) -> Model:
    """Return a row that is not there: its address answers as any unknown one does."""
    row = model()
    row.pk = 10**6 if not isinstance(model._meta.pk.to_python(None), uuid.UUID) else uuid.uuid4()
    return row


def settings_of(root: Path) -> override_settings:
    """The settings that the matrix runs under: directories of its own, and no rate limits, which would answer 429."""
    return override_settings(
        WOOLGATHER_DATASETS=root / "datasets",
        WOOLGATHER_RUNS=root / "runs",
        WOOLGATHER_MODELS=root / "models",
        WOOLGATHER_DATASET_NAME="set",
        CACHES={name: {"BACKEND": "django.core.cache.backends.dummy.DummyCache"} for name in settings.CACHES},
        WOOLGATHER_LIMITS={},
        WOOLGATHER_WEBHOOK_HOSTS=["hooks.example.com"],
        WOOLGATHER_METRICS_TOKEN="m" * 40,
        WOOLGATHER_SCIM_TOKEN="s" * 40,
    )


def as_json(body: Any) -> bytes:
    """Return a body for the API."""
    return json.dumps(body).encode()
