"""Takes screenshots of the demonstration: ``make screenshots`` (``--all`` for every page and shape).

Serves a fresh demonstration from a temporary directory, so that the pictures never show anybody's real work.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.browser.shapes import FLAGS, find_chromium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
PASSWORD = "a demonstration password"
README_PAGES = {
    "home": "/?campaign=spring-dataset",
    "write": "/write/summarization/",
    "review": "/review/",
    "leaderboard": "/leaderboard/?period=all",
}
ALL_PAGES = README_PAGES | {
    "mine": "/mine/",
    "write-plain": "/write/brainstorming/",
    "datasets": "/datasets/",
    "dataset": "/datasets/v1/",
    "changes": "/datasets/v1/changes/",
    "sheet": "/review/grid/",
    "agreement": "/review/agreement/",
    "insights": "/insights/",
    "rules": "/leaderboard/rules/",
    "rules-change": "/leaderboard/rules/change/",
    "points": "/leaderboard/points/",
    "contests": "/leaderboard/contests/",
    "teams": "/leaderboard/?board=teams",
    "wall": "/leaderboard/?display=wall",
    "campaigns": "/campaigns/",
    "campaign": "/campaigns/spring-dataset/",
    "campaign-settings": "/campaigns/spring-dataset/settings/",
    "invitations": "/invitations/",
    "mailings": "/mailings/",
    "mailing": "/mailings/1/",
    "mailing-edit": "/mailings/1/edit/",
    "passages": "/passages/",
    "notices": "/notices/",
    "person": "/people/{handle}/",
    "components": "/ui/",
    "profile": "/profile/",
    "status": "/operations/status/",
    "webhooks": "/webhooks/",
    "admin": "/admin/",
}
WIDTHS = {"wide": (1440, 900), "phone": (390, 844)}


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(var: Path, port: int) -> subprocess.Popen[bytes]:
    """Fill a database with the demonstration and serve it; returns once it answers."""
    environment = os.environ | {"WOOLGATHER_VAR": str(var), "SITE_URL": f"http://localhost:{port}"}
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "--verbosity=0"], cwd=ROOT, env=environment, check=True)
    subprocess.run([*manage, "collectstatic", "--noinput", "--verbosity=0"], cwd=ROOT, env=environment, check=True)
    subprocess.run(
        [*manage, "seed_demo", "--password-stdin"], cwd=ROOT, env=environment, check=True, input=PASSWORD.encode()
    )
    server = subprocess.Popen(
        [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "config.wsgi:application"],
        cwd=ROOT,
        env=environment,
    )
    for _attempt in range(100):
        try:
            urllib.request.urlopen(f"http://localhost:{port}/healthz", timeout=2)
            return server
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    server.kill()
    raise SystemExit("The server did not start.")


def admin(var: Path) -> tuple[str, str]:
    """Return the e-mail address and the handle of the demonstration's admin."""
    program = (
        "from collector.models import Person; "
        "person = Person.objects.get(groups__name='admin'); print(person.email, person.handle)"
    )
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", program],
        cwd=ROOT,
        env=os.environ | {"WOOLGATHER_VAR": str(var)},
        capture_output=True,
        text=True,
        check=True,
    )
    email, handle = done.stdout.split()
    return email, handle


def pages(
    browser: Browser, address: str, email: str, width: tuple[int, int], scheme: str, language: str
) -> Iterator[Page]:
    """Yield one signed-in page."""
    context = browser.new_context(
        locale=language,
        viewport={"width": width[0], "height": width[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
    )
    page = context.new_page()
    page.goto(f"{address}/accounts/login/")
    page.locator("input[name=login]").fill(email)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(f"{address}/")
    yield page
    context.close()


def show(page: Page, address: str, path: str) -> None:
    """Open a page, accepting the terms on the way where it asks for them."""
    page.goto(f"{address}{path}")
    if "/terms/" in page.url:
        page.locator("main form button[type=submit]").click()
    page.wait_for_load_state("networkidle")


def take(var: Path, target: Path, *, everything: bool, language: str) -> None:
    """Take the pictures into ``target``."""
    port = free_port()
    server = serve(var, port)
    address = f"http://localhost:{port}"
    email, handle = admin(var)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
            shapes = [(w, s) for w in WIDTHS for s in ("light", "dark")] if everything else [("wide", "light")]
            for shape, scheme in shapes:
                for page in pages(browser, address, email, WIDTHS[shape], scheme, language):
                    for name, path in (ALL_PAGES if everything else README_PAGES).items():
                        show(page, address, path.format(handle=handle))
                        file = f"{name}-{shape}-{scheme}.png" if everything else f"{name}.png"
                        page.screenshot(path=target / file, full_page=everything)
            browser.close()
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Read the arguments and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="every page, wide and phone, light and dark")
    parser.add_argument("--language", default="en", help="the browser's language (en)")
    parser.add_argument("--into", type=Path, default=IMAGES)
    arguments = parser.parse_args()
    arguments.into.mkdir(parents=True, exist_ok=True)
    var = Path(tempfile.mkdtemp(prefix="woolgather-pictures-"))
    try:
        take(var, arguments.into, everything=arguments.all, language=arguments.language)
    finally:
        shutil.rmtree(var, ignore_errors=True)


if __name__ == "__main__":
    main()
