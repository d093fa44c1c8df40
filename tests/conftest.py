"""Fixtures that every test may use."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as django_settings
from django.db import connection as database
from django.db.backends.signals import connection_created
from django.dispatch import receiver
from django.test import override_settings
from django.utils import translation
from hypothesis import settings as hypothesis_settings
from hypothesis.configuration import set_hypothesis_home_dir

from tests import factories

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client

    from collector.models import Campaign, CampaignCategory, Category, Person


# What the tools remember lies under var/, as all that this project writes.
set_hypothesis_home_dir(Path(__file__).resolve().parent.parent / "var" / "cache" / "hypothesis")
# No test has a clock: how long one example takes says how busy the machine is.
hypothesis_settings.register_profile("house", deadline=None)
hypothesis_settings.load_profile("house")


@receiver(connection_created)
def forget_the_disk(connection: Any, **_sent: object) -> None:
    """No test's own database has to outlive the power; what tests start in other processes keeps to the settings."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=OFF")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the second half of CI ask only what another database could answer otherwise."""
    parser.addoption("--database-only", action="store_true", help="leave out tests that touch no database")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the trainings, and leave out, where that is wanted, what another database would not answer otherwise.

    The trainings are the longest: at the end, one process of tests would be busy with them and the others idle.
    """
    items.sort(key=lambda item: item.get_closest_marker("train") is None)
    if not config.getoption("--database-only"):
        return
    fixtures = {"db", "transactional_db", "live_server"}
    touching = [
        item
        for item in items
        if not item.get_closest_marker("one_database")
        and (item.get_closest_marker("django_db") or fixtures.intersection(getattr(item, "fixturenames", ())))
    ]
    kept = set(touching)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = touching


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fail where groups are not kept together: with a pytest that it does not know, pytest-xdist says nothing of it."""
    if not hasattr(session.config, "workerinput") or not session.config.getoption("loadgroup", default=False):
        return
    for item in session.items:
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid:
            pytest.exit(f"pytest-xdist lost the group of {item.nodeid}: look which pytest it supports", returncode=4)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip ``train`` tests where torch is absent, or fail them where it was promised."""
    if item.get_closest_marker("train") and importlib.util.find_spec("torch") is None:
        if os.environ.get("WOOLGATHER_REQUIRE_TORCH") == "1":
            pytest.fail("WOOLGATHER_REQUIRE_TORCH=1, but torch is not installed: run `make train-deps`")
        pytest.skip("torch is not installed: run `make train-deps`")


@pytest.fixture(autouse=True, scope="session")
def light_settings() -> Iterator[None]:
    """Static files straight from the source, and passwords hashed in no time."""
    storages = django_settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    # Thousands of tests share a few keys of people: without limits, but where a test sets its own.
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with override_settings(STORAGES=storages, PASSWORD_HASHERS=hashers, WOOLGATHER_LIMITS={}):
        yield


@pytest.fixture(autouse=True, scope="session")
def readiness_is_asked_anew() -> Iterator[None]:
    """A test that takes something away asks at once what is left."""
    from config import health

    patch = pytest.MonkeyPatch()
    patch.setattr(health, "FRESH", 0.0)
    yield
    patch.undo()


@pytest.fixture(autouse=True, scope="session")
def audit_can_be_emptied() -> Iterator[None]:
    """Between tests with transactions whole tables are emptied, which the audit's triggers would refuse."""
    from collector import audit_guard

    patch = pytest.MonkeyPatch()
    operations = type(database.ops)
    flush = operations.sql_flush

    def without_triggers(self: Any, *args: Any, **options: Any) -> list[str]:
        emptying = list(flush(self, *args, **options))
        if not emptying:
            return emptying
        return [
            *audit_guard.drop_statements(database.vendor),
            *emptying,
            *audit_guard.statements(database.vendor),
        ]

    patch.setattr(operations, "sql_flush", without_triggers)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """A page that one test read in German leaves the thread German; the next test begins in the site's language."""
    yield
    translation.deactivate()


@pytest.fixture
def campaign(db: None) -> Campaign:
    """An open campaign with terms, in place of the one that a new installation begins with, and plain points."""
    from collector.models import Campaign

    Campaign.objects.all().delete()
    factories.plain_rules()
    return factories.CampaignFactory.create()


@pytest.fixture
def plain_points(db: None) -> None:
    """Points are the category's own, whatever is needed and however it is rated."""
    factories.plain_rules()


@pytest.fixture
def target(campaign: Campaign) -> CampaignCategory:
    """A category of the campaign, with its target."""
    from collector.models import CampaignCategory

    return CampaignCategory.objects.create(campaign=campaign, category=factories.CategoryFactory.create(), target=10)


@pytest.fixture
def category(target: CampaignCategory) -> Category:
    """A category that the campaign collects."""
    return target.category


@pytest.fixture
def author(campaign: Campaign) -> Person:
    """A contributor who accepted the terms."""
    return factories.contributor_in(campaign)


@pytest.fixture
def reviewer(db: None) -> Person:
    """A reviewer."""
    return factories.reviewer()


@pytest.fixture
def admin(db: None) -> Person:
    """An admin."""
    return factories.PersonFactory.create(roles=["admin"], is_staff=True, is_superuser=True)


@pytest.fixture
def sign_in() -> Callable[[Person], Client]:
    """Sign a person in; returns their client, which enforces CSRF nowhere."""
    from django.test import Client

    def sign_in(person: Person) -> Client:
        client = Client()
        client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in
