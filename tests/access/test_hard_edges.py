"""Headers, cookies and settings that hold for every page, and versions that must not fall behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.test import Client, override_settings
from packaging.version import Version

from tests.access.people import BACKEND

if TYPE_CHECKING:
    from collector.models import Campaign, Person

ROOT = Path(__file__).resolve().parent.parent.parent
FLOORS = {"djangorestframework": "3.17.2", "django-allauth": "65.14.1", "django": "5.2"}
SECRET = "a-Key_0f.production" * 4
# One page of each kind: plain, with a form, of the admin, of the API, its documents, of allauth, an error.
PAGES = [
    "/",
    "/profile/",
    "/audit/",
    "/review/grid/",
    "/admin/",
    "/admin/collector/person/",
    "/api/v1/categories/",
    "/api/docs/",
    "/accounts/email/",
    "/nothing-here/",
    "/healthz",
]


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES)
def test_every_page_tells_the_browser_what_it_may_do(campaign: Campaign, admin: Person, path: str) -> None:
    client = Client()
    client.force_login(admin, backend=BACKEND)
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe-" not in policy
    for directive in ("default-src 'self'", "frame-ancestors 'none'", "object-src 'none'", "base-uri 'none'"):
        assert directive in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Cache-Control"] == "private, no-store"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/profile/", "/mine/", "/audit/", "/datasets/", "/api/v1/submissions/"])
def test_no_address_can_be_made_to_look_like_a_file_that_caches_keep(admin: Person, path: str) -> None:
    client = Client()
    client.force_login(admin, backend=BACKEND)
    for probe in ("lib.js", "x.css", "%2e%2e/lib.js", ";lib.js"):
        assert client.get(path + probe).status_code in {404, 400}


@pytest.mark.django_db
def test_cookies_travel_over_https_alone_and_no_script_reads_the_session(author: Person) -> None:
    author.set_password("correct horse battery staple")
    author.save()
    with override_settings(SESSION_COOKIE_SECURE=True, CSRF_COOKIE_SECURE=True):
        client = Client()
        client.get("/accounts/login/", secure=True)
        sent = {"login": author.email, "password": "correct horse battery staple"}
        answer = client.post("/accounts/login/", sent, secure=True)
    session, csrf = answer.cookies["sessionid"], answer.cookies["csrftoken"]
    assert session["secure"]
    assert session["httponly"]
    assert session["samesite"] == "Lax"
    assert csrf["secure"]
    assert csrf["samesite"] == "Lax"


def _production(tmp_path: Path, **changed: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return plain | {
        "WOOLGATHER_VAR": str(tmp_path),
        "DATABASE_URL": "postgres://woolgather@db/woolgather",
        "REDIS_URL": "redis://redis:6379/0",
        "SECRET_KEY": SECRET,
        "ALLOWED_HOSTS": "data.example.com",
        "CSRF_TRUSTED_ORIGINS": "https://data.example.com",
        "SITE_URL": "https://data.example.com",
        "WOOLGATHER_BEHIND_PROXY": "1",
        **changed,
    }


def _manage(*args: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *args], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_the_deployment_check_finds_nothing(tmp_path: Path) -> None:
    done = _manage("check", "--deploy", "--fail-level", "WARNING", environment=_production(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize("key", ["", "short", "django-insecure-" + "x" * 60])
def test_production_does_not_start_without_a_key_of_its_own(tmp_path: Path, key: str) -> None:
    done = _manage("check", environment=_production(tmp_path, SECRET_KEY=key))
    assert done.returncode != 0
    assert "SECRET_KEY" in done.stderr


@pytest.mark.parametrize("lock", sorted(path.name for path in (ROOT / "requirements").glob("*.lock")))
def test_the_locks_hold_versions_without_known_holes(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([a-z0-9-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", text, flags=re.MULTILINE))
    for name, floor in FLOORS.items():
        if name in pins or lock in {"core.lock", "dev.lock"}:
            assert Version(pins[name]) >= Version(floor), name
