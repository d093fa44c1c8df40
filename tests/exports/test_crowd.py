"""Releases while many people write, review and withdraw, and by one worker or several."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from django.db import OperationalError, close_old_connections, connections, transaction
from django.db.models import Q
from django.utils import timezone

from collector.actions import submissions
from collector.errors import Refused
from collector.models import Event, Submission
from collector.pairs import Text
from exports import actions, columnar, fan_out, manifest, tasks
from exports.models import DatasetVersion
from exports.splits import SPLITS
from exports.writers import parquet
from exports.writers.formats import FORMATS
from jobs.models import Job
from jobs.runner import execute
from tests import factories
from tests.exports.helpers import approve, build, freeze, tree, unlike

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from collector.models import Campaign, Category, Person

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

CLIENTS, SWAPPERS = 20, 6
ROWS = int(os.environ.get("WOOLGATHER_CROWD_ROWS", "400"))
WORKERS = 4


# The swappers' pairs, which the others leave alone.
MINE = Q(author__handle__startswith="swapper-")


class Client(threading.Thread):
    """Somebody who writes, decides, edits and withdraws until told to stop."""

    def __init__(self, number: int, campaign: Campaign, category: Category, stop: threading.Event) -> None:
        super().__init__(name=f"client-{number}")
        self.dice = random.Random(number)
        self.campaign, self.category, self.stop = campaign, category, stop
        self.author: Person = factories.contributor_in(campaign)
        self.judge: Person = factories.reviewer()
        self.done: Counter[str] = Counter()
        self.broken: list[BaseException] = []
        self.number = number

    def run(self) -> None:
        """Do one thing after the other; a refusal is the other client's luck."""
        try:
            while not self.stop.is_set():
                act = self.dice.choice([self.write, self.write, self.decide, self.decide, self.withdraw, self.edit])
                with contextlib.suppress(Refused):
                    self.done[act.__name__] += act()
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.broken.append(error)
        finally:
            connections.close_all()

    def write(self) -> int:
        """Submit a pair."""
        text = unlike(1_000_000 * (self.number + 1) + self.dice.randrange(1_000_000))
        factories.make_submission(
            campaign=self.campaign, category=self.category, author=self.author, instruction=f"{text}?"
        )
        return 1

    def decide(self) -> int:
        """Approve or reject one that waits."""
        waiting = Submission.objects.filter(status="submitted").exclude(MINE).order_by("?").first()
        if waiting is None:
            return 0
        factories.decide(waiting, self.dice.choice(["approve", "approve", "reject"]), by=self.judge)
        return 1

    def withdraw(self) -> int:
        """Take an approved one back, as its author."""
        approved = (
            Submission.objects.filter(status="approved").exclude(MINE).select_related("author").order_by("?").first()
        )
        if approved is None or self.dice.random() < 0.5:
            return 0
        submissions.withdraw(submission=approved, by=approved.author, now=timezone.now())
        return 1

    def edit(self) -> int:
        """Send an approved one in again with another response, as its author."""
        approved = (
            Submission.objects.filter(status="approved").exclude(MINE).select_related("author").order_by("?").first()
        )
        if approved is None:
            return 0
        now = factories.current_revision(approved)
        text = Text.of(now.instruction, now.context, f"{now.response} {self.dice.random()}")
        submissions.resubmit(
            submission=approved, base_revision=now.number, text=text, by=approved.author, now=timezone.now()
        )
        return 1


class Swapper(Client):
    """Somebody who in one transaction takes one of two pairs back and approves the other, so that always one is."""

    def run(self) -> None:
        """Swap until told to stop."""
        try:
            self.author.handle = f"swapper-{self.number}"
            self.author.save(update_fields=["handle"])
            self.twins = [self.made("approved"), self.made("submitted")]
            while not self.stop.is_set():
                with transaction.atomic():
                    self.swap()
                self.done["swap"] += 1
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.broken.append(error)
        finally:
            connections.close_all()

    def made(self, status: str) -> Submission:
        """Make one of the two, outside the crowd's reach: its author and its reviewer are this client's own."""
        text = unlike(90_000_000 + 2 * self.number + (status == "approved"))
        return factories.make_submission(
            campaign=self.campaign,
            category=self.category,
            author=self.author,
            instruction=f"{text}?",
            status=status,
            by_reviewer=self.judge,
        )

    def swap(self) -> None:
        """Send the approved one in again, and approve the other."""
        leaves, comes = self.twins
        now = factories.current_revision(leaves)
        text = Text.of(now.instruction, now.context, f"{now.response}.")
        submissions.resubmit(submission=leaves, base_revision=now.number, text=text, by=self.author, now=timezone.now())
        factories.decide(comes, "approve", by=self.judge)
        self.twins.reverse()


State = tuple[int, str, str]


def approved_now() -> dict[str, State]:
    """Return what is approved, read in another way than a release reads it."""
    found = {}
    with transaction.atomic():
        for one in Submission.objects.filter(status="approved").prefetch_related("revisions"):
            text = max(one.revisions.all(), key=lambda revision: revision.number)
            found[str(one.pk)] = (text.number, text.instruction, text.response)
    return found


def in_files(folder: Path) -> dict[str, State]:
    """Return what a version's Parquet files hold."""
    shards = [path for split in SPLITS for path in folder.glob(f"data/{split}-*")]
    rows = [row for path in shards for row in pq.read_table(path).to_pylist()]
    return {row["id"]: (row["revision"], row["instruction"], row["response"]) for row in rows}


def test_a_release_under_load_is_the_state_at_its_freeze(
    root: Path, campaign: Campaign, category: Category, tmp_path: Path
) -> None:
    author, judge = factories.contributor_in(campaign), factories.reviewer()
    for number in range(ROWS):
        approve(campaign, category, instruction=f"{unlike(number)}?", author=author, by_reviewer=judge)
    stop = threading.Event()
    swappers = [Swapper(CLIENTS + number, campaign, category, stop) for number in range(SWAPPERS)]
    clients = [*(Client(number, campaign, category, stop) for number in range(CLIENTS - SWAPPERS)), *swappers]
    for client in clients:
        client.start()
    try:
        while min(sum(client.done.values()) for client in clients) < 2:
            assert not any(client.broken for client in clients), [client.broken for client in clients]
            time.sleep(0.01)  # until the crowd is at work
        # Transactions that had begun then may show their events later.
        last_event = Event.objects.latest("pk").pk - 10 * CLIENTS
        before = approved_now()
        version = freeze(formats=["chat"])
        after = approved_now()
        touched = {str(pk) for pk in Event.objects.filter(pk__gt=last_event).values_list("submission", flat=True)}
        build(version, root)
        meanwhile = sum(sum(client.done.values()) for client in clients)
        other = tmp_path / "again"
        actions.build_version(version=version, root=other, clock=timezone.now)
    finally:
        stop.set()
        for client in clients:
            client.join()
    assert [error for client in clients for error in client.broken] == []
    first = root / "set" / "v1"
    held = in_files(first)
    still = (before.keys() | after.keys() | held.keys()) - touched
    assert {key: held.get(key) for key in still} == {key: before.get(key) for key in still}
    for swapper in swappers:
        assert sum(str(twin.pk) in held for twin in swapper.twins) == 1, "two moments in one version"
    assert tree(first) == tree(other / "set" / "v1")
    assert not manifest.verify(first).faults
    assert approved_now() != held, "nobody changed anything meanwhile"
    acts: Counter[str] = sum((client.done for client in clients), Counter())
    print(  # noqa: T201 - its figures
        f"{len(held)} records frozen while {CLIENTS} clients did {dict(acts)}, {meanwhile} of it before its end, "
        f"{len(touched)} submissions touched during the freeze: {version.manifest_sha256}, and the same again"
    )
    assert set(acts) >= {"write", "decide", "withdraw", "edit", "swap"}


def work() -> None:
    """Take free jobs until there are none and no version is being built, as a worker process does."""
    connections.close_all()
    with contextlib.suppress(BaseException):  # a fork of the test never goes on with the test
        deadline = time.monotonic() + 120
        while DatasetVersion.objects.building().exists() and time.monotonic() < deadline:
            close_old_connections()
            for pk in Job.objects.free(timezone.now()).order_by("?").values_list("pk", flat=True):
                with contextlib.suppress(OperationalError):
                    execute(job_id=pk, worker=f"worker-{os.getpid()}")
            time.sleep(0.005)
    os._exit(0)


@pytest.mark.parametrize("workers", [1, WORKERS])
def test_one_worker_and_several_give_the_same_bytes(
    root: Path,
    campaign: Campaign,
    category: Category,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    workers: int,
) -> None:
    for module in (parquet, fan_out):
        monkeypatch.setattr(module, "SHARD_ROWS", 20)
    monkeypatch.setattr(columnar, "GROUP_ROWS", 10)
    settings.WOOLGATHER_FAN_OUT_ROWS = 50
    author, judge = factories.contributor_in(campaign), factories.reviewer()
    for number in range(ROWS):
        approve(campaign, category, instruction=f"{unlike(number)}?", author=author, by_reviewer=judge)
    version = freeze(formats=list(FORMATS))
    build(version, tmp_path)
    right = tree(tmp_path / "set" / "v1")
    DatasetVersion.objects.filter(pk=version.pk).update(
        status="failed", failure="again", ready_at=None, manifest_sha256="", files=[], beat_at=None
    )
    lead = factories.PersonFactory.create(roles=["lead"])
    tasks.start_again(version=version, by=lead, now=timezone.now())
    connections.close_all()
    children = []
    for _number in range(workers):
        child = os.fork()
        if not child:
            work()
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    version.refresh_from_db()
    assert version.status == DatasetVersion.Status.READY, version.failure
    assert tree(root / "set" / "v1") == right
    parts = Job.objects.filter(kind=fan_out.PART, status="succeeded")
    shared = Counter(parts.values_list("worker", flat=True))
    print(f"{workers} worker(s): {parts.count()} parts, shared as {sorted(shared.values())}: {version.manifest_sha256}")  # noqa: T201 - its figure
    assert len(shared) == workers
    assert [path.name for path in (root / "set").iterdir()] == ["v1"]
