"""The sheet at 100,000 records: first row, scrolling, windows, bulk decisions, files; beside plain baselines.

Usage: python benchmarks/bench_sheet.py [--rows 100000] [--decide 1000]

Everything runs on a fresh SQLite database in a temporary directory, behind the real server, in the real Chromium.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

PASSWORD = "a long and quiet password"
PORT = 8990
WORDS = ["lamp", "oak", "table", "light", "wood", "glue", "colour", "evening", "letter", "river", "stone", "window"]
BATCH = 5000
START = datetime(2026, 3, 2, 9, tzinfo=UTC)

# Frame times while a page scrolls by 120 pixels a frame, as a wheel does.
SCROLL = """async ([selector, frames]) => {
  const box = selector ? document.querySelector(selector) : document.scrollingElement;
  const times = [];
  let last = await new Promise(requestAnimationFrame);
  for (let i = 0; i < frames; i += 1) {
    box.scrollTop += selector === null ? 0 : 120;
    const now = await new Promise(requestAnimationFrame);
    times.push(now - last);
    last = now;
  }
  return times;
}"""
JUMP = """async (share) => {
  const box = document.querySelector(".tabulator-tableholder");
  const began = performance.now();
  box.scrollTop = box.scrollHeight * share;
  await new Promise(requestAnimationFrame);
  const ready = () => !document.querySelector(".tabulator-row .sheet-loading");
  while (!ready()) await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""
SCROLL_HOLDER = ".tabulator-tableholder"


def say(label: str, figure: str) -> None:
    """Print one figure."""
    print(f"{label:58} {figure}", flush=True)


def spread(times: list[float]) -> str:
    """Return p50, p95 and the longest of some times in milliseconds."""
    cuts = statistics.quantiles(times, n=20)
    return f"p50 {statistics.median(times):6.1f} ms   p95 {cuts[18]:6.1f} ms   longest {max(times):6.1f} ms"


def fill(rows: int) -> None:
    """Write ``rows`` submissions of about 900 bytes with their revisions, and reviews of the decided ones."""
    from django.contrib.auth.models import Group
    from django.db import transaction

    from collector.actions.setup import ensure_installation
    from collector.models import Campaign, Category, Person, Review, Revision, Submission

    ensure_installation(now=START)
    campaign = Campaign.objects.get()
    campaign.is_blind = False
    campaign.save()
    terms = campaign.terms.get()
    categories = list(Category.objects.all())
    chance = random.Random(7)
    writers = [
        Person.objects.create_user(f"w{n}@example.com", display_name=f"Writer {n}", handle=f"w{n}") for n in range(50)
    ]
    judges = [
        Person.objects.create_user(f"r{n}@example.com", PASSWORD, display_name=f"Judge {n}", handle=f"r{n}")
        for n in range(3)
    ]
    for judge in judges:
        judge.groups.add(Group.objects.get(name="reviewer"))
    decisions = {"approved": "approve", "rejected": "reject", "changes_requested": "request_changes"}
    for start in range(0, rows, BATCH):
        submissions, revisions, reviews = [], [], []
        for number in range(start, min(start + BATCH, rows)):
            at = START + timedelta(seconds=chance.randrange(10_000_000))
            status = chance.choice(["submitted", "submitted", *decisions])
            submission = Submission(
                id=uuid.UUID(int=chance.getrandbits(128)),
                author=writers[number % 50],
                campaign=campaign,
                category=categories[number % len(categories)],
                terms=terms,
                status=status,
                revision_number=1,
                created_at=at,
                submitted_at=at,
                updated_at=at,
                approved_at=at if status == "approved" else None,
            )
            revision = Revision(
                submission=submission,
                number=1,
                instruction=f"Question {number}: " + " ".join(chance.choices(WORDS, k=12)),
                context=" ".join(chance.choices(WORDS, k=60)) if number % 4 == 2 else "",
                response=" ".join(chance.choices(WORDS, k=chance.choice([30, 60, 110, 200]))),
                language="en",
                fingerprint=f"{number:064x}",
                instruction_fingerprint=f"{number:064x}",
                created_by=submission.author,
                created_at=at,
                flags=["copied"] if number % 20 == 0 else [],
            )
            submissions.append(submission)
            revisions.append(revision)
            if status in decisions:
                reviews.append(
                    Review(
                        submission=submission,
                        revision=revision,
                        reviewer=judges[number % 3],
                        author=submission.author,
                        decision=decisions[status],
                        rating=chance.randrange(1, 6),
                        comment="Read.",
                        created_at=at,
                    )
                )
        with transaction.atomic():
            Submission.objects.bulk_create(submissions)
            Revision.objects.bulk_create(revisions)
            Review.objects.bulk_create(reviews)


@contextmanager
def server(environment: dict[str, str]) -> Iterator[str]:
    """Serve the site as in production; yields its address."""
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(PORT), "config.wsgi:application"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://localhost:{PORT}"
    try:
        for _attempt in range(100):
            try:
                urllib.request.urlopen(f"{address}/healthz", timeout=2)
                break
            except OSError:
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait()


def timed(act: Callable[[], Any], times: int = 9) -> tuple[float, Any]:
    """Return the median of several runs in milliseconds, and the last result."""
    taken = []
    result = None
    for _run in range(times):
        began = time.perf_counter()
        result = act()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken), result


def on_the_server(rows: int) -> None:
    """Time what the server does for an index, a window, a page; without HTTP."""
    from django.template import Context, Template
    from django.test import Client

    from collector import sheet_queries
    from collector.models import Person
    from collector.sheet_queries import Wanted

    person = Person.objects.get(handle="r0")
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    print("\nServer, one request (median of 9)")
    for label, query in {
        "order of all": {},
        "order by instruction": {"sort": "instruction"},
        "order by rating": {"sort": "-rating"},
        "order of what is waiting": {"state": "submitted"},
        "order of a search of all texts": {"search": "question 777"},
    }.items():
        taken, answer = timed(lambda query=query: client.get("/review/grid/index/", query))  # type: ignore[misc]  # bound above
        say(f"{label}: {len(answer.content) // 20:,} records, {len(answer.content) / 1e6:.1f} MB", f"{taken:8.1f} ms")
    index = sheet_queries.packed(sheet_queries.matching(person, Wanted()))
    for label, start in {"beginning": 0, "middle": rows // 2, "end": rows - 100}.items():
        ids = ",".join(map(str, sheet_queries.unpacked(index, start, 100)))
        taken, _answer = timed(lambda ids=ids: client.get("/review/grid/rows/", {"ids": ids}))  # type: ignore[misc]  # bound above
        say(f"window of 100 at the {label}", f"{taken:8.1f} ms")
    for label, page in {"first": 1, "last": rows // 50}.items():
        taken, _answer = timed(lambda page=page: client.get("/review/grid/", {"view": "table", "page": page}))  # type: ignore[misc]  # bound above
        say(f"plain table, {label} page of 50", f"{taken:8.1f} ms")
    plain = Template(
        "{% for r in records %}<tr><td>{{ r.revision.instruction }}<td>{{ r.revision.response }}{% endfor %}"
    )
    few = sheet_queries.unpacked(index, 0, 1000)
    taken, _answer = timed(lambda: plain.render(Context({"records": sheet_queries.records(person, few)})))
    say("baseline: a bare template of 1,000 rows", f"{taken:8.1f} ms")


def in_the_browser(address: str, index: bytes) -> None:
    """Time the first row and the frames while scrolling, beside a plain page of 1,000 rows."""
    from playwright.sync_api import sync_playwright

    from collector import sheet_queries
    from collector.models import Person
    from tests.browser.shapes import FLAGS, find_chromium

    print("\nBrowser (1440 × 900, software rendering)")
    if find_chromium() is None:
        print("not measured: needs Chromium, as the tests do (such as apt install chromium)")
        return
    person = Person.objects.get(handle="r0")
    records = sheet_queries.records(person, sheet_queries.unpacked(index, 0, 1000))
    from django.utils.html import format_html_join

    body = format_html_join(
        "",
        "<tr><td>{}<td>{}<td>{}",
        [(r.revision.instruction, r.revision.context, r.revision.response) for r in records],
    )
    html = f"<!doctype html><title>plain</title><table>{body}</table>"
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{address}/accounts/login/")
        page.locator("input[name=login]").fill(person.email)
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("input[name=password]").press("Enter")
        page.wait_for_url(f"{address}/")
        page.route("**/plain", lambda route: route.fulfill(body=html, content_type="text/html"))
        page.goto(f"{address}/plain")
        say("baseline: nothing moves", spread(page.evaluate(SCROLL, [None, 120])))
        say("baseline: scrolling a plain table of 1,000 rows", spread(page.evaluate(SCROLL, ["", 300])))
        first = []
        for _visit in range(5):
            page.goto(f"{address}/review/grid/")
            page.wait_for_selector("html.sheet-ready")
            first.append(page.evaluate("performance.getEntriesByName('sheet-ready')[0].startTime"))
        say("time to the first row (median of 5, navigation start)", f"{statistics.median(first):8.1f} ms")
        for height in ("lines", "whole", "short"):
            page.locator("#row-height").select_option(height)
            scroll_through(page, height)
        page.locator("#row-height").select_option("lines")
        jumps = [page.evaluate(JUMP, share / 20) for share in (3, 17, 9, 1, 20, 6, 14, 11, 2, 19)]
        say("jump anywhere until its texts are there", spread(jumps))
        elements = page.locator(".tabulator-row").count()
        say("rows in the document after all that", f"{elements:8d}")
        browser.close()


def scroll_through(page: Page, height: str) -> None:
    """Scroll 300 frames at the beginning, in the middle and towards the end."""
    times: list[float] = []
    for share in (0.0, 0.5, 0.99):
        page.evaluate(JUMP, share)
        times += page.evaluate(SCROLL, [SCROLL_HOLDER, 300])
    say(f"scrolling the grid, rows “{height}”, 900 frames", spread(times))


EXPORT = """
import sys, time, django
django.setup()
from collector import sheet_queries
from collector.models import Person, Revision
from collector.sheets.writing import write_csv, write_xlsx
kind, path = sys.argv[-2:]
person = Person.objects.get(handle="r0")
def peak():
    # Not ru_maxrss: a child process begins with its parent's.
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
before = peak()
began = time.perf_counter()
with open(path, "wb") as file:
    if kind == "baseline":
        import csv, io
        out = io.TextIOWrapper(file, newline="")
        csv.writer(out).writerows(Revision.objects.values_list("instruction", "context", "response").iterator())
        out.flush()
    else:
        index = sheet_queries.packed(sheet_queries.matching(person, sheet_queries.Wanted()))
        lines = sheet_queries.lines(person, index)
        if kind == "csv":
            file.writelines(write_csv(lines))
        else:
            file.writelines(write_xlsx(lines))
taken = time.perf_counter() - began
print(taken, before, peak())
"""


def as_files(rows: int, folder: str, environment: dict[str, str]) -> None:
    """Time the downloads, each in a process of its own, with its peak memory; and reading one back."""
    print("\nFiles")
    settings = environment | {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(ROOT)}
    for kind in ("baseline", "csv", "xlsx"):
        path = Path(folder) / f"sheet.{kind}"
        done = subprocess.run(
            [sys.executable, "-c", EXPORT, kind, str(path)],
            cwd=ROOT,
            env=settings,
            check=True,
            capture_output=True,
            text=True,
        )
        taken, before, peak = map(float, done.stdout.split())
        label = "baseline: three columns by csv.writer" if kind == "baseline" else f"{kind} of {rows:,} rows"
        size = path.stat().st_size / 1e6
        say(
            label,
            f"{rows / taken:10,.0f} rows/s {taken:6.1f} s   {size:5.0f} MB   memory {before:.0f} → {peak:.0f} MiB",
        )


def decided(count: int) -> None:
    """Time one bulk decision and its undo."""
    from django.utils import timezone

    from collector import sheet_forecasts, sheet_queries
    from collector.actions import reviews, sheet
    from collector.models import Person
    from collector.sheet_queries import Wanted

    print("\nBulk decisions")
    person = Person.objects.get(handle="r1")
    rows = sheet_queries.matching(person, Wanted(state="submitted"))
    items = sheet_queries.unpacked_items(sheet_queries.packed(rows))[:count]
    taken, forecast = timed(lambda: sheet_forecasts.foresee(person, items, timezone.now()), 3)
    say(f"foreseeing {forecast.count:,} decisions", f"{taken:8.1f} ms")
    began = time.perf_counter()
    batch = sheet.decide_many(items=items, decision="approve", by=person, now=timezone.now())
    say(f"approving {len(batch.done):,}", f"{(time.perf_counter() - began):8.1f} s")
    began = time.perf_counter()
    reviews.undo_batch(batch=batch.id, by=person, now=timezone.now())
    say("its undo", f"{(time.perf_counter() - began):8.1f} s")


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--decide", type=int, default=1_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WOOLGATHER_VAR"] = folder
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        os.environ["LOG_LEVEL"] = "ERROR"
        os.environ["ALLOWED_HOSTS"] = "localhost,testserver"
        environment = dict(os.environ)
        subprocess.run([sys.executable, "manage.py", "migrate", "--verbosity=0"], cwd=ROOT, env=environment, check=True)
        import django

        django.setup()
        from collector import sheet_queries
        from collector.models import Person
        from collector.sheet_queries import Wanted

        began = time.perf_counter()
        fill(arguments.rows)
        say(f"{arguments.rows:,} records written", f"{time.perf_counter() - began:8.1f} s")
        index = sheet_queries.packed(sheet_queries.matching(Person.objects.get(handle="r0"), Wanted()))
        on_the_server(arguments.rows)
        with server(environment) as address:
            in_the_browser(address, index)
        as_files(arguments.rows, folder, environment)
        decided(arguments.decide)


if __name__ == "__main__":
    main()
