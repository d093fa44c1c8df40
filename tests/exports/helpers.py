"""Approved pairs and versions for the tests of exports."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from collector.actions import submissions
from collector.models import Submission
from collector.pairs import Text
from collector.text import instruction_fingerprint
from exports import actions, columnar
from exports.filters import Filter
from exports.schema import COLUMNS, Record
from exports.splits import split_of
from tests import factories
from tests.factories import make_submission

if TYPE_CHECKING:
    from pathlib import Path

    from collector.models import Campaign, Category
    from exports.models import DatasetVersion

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
EVERYTHING = Filter()


def approve(campaign: Campaign, category: Category, count: int = 1, **fields: Any) -> list[Submission]:
    """Make approved submissions through the real actions."""
    return [
        make_submission(campaign=campaign, category=category, status=Submission.Status.APPROVED, **fields)
        for _number in range(count)
    ]


def unlike(number: int) -> str:
    """Return a text that shares hardly four letters in a row with that of another number."""
    return " ".join(hashlib.sha256(f"{number} {part}".encode()).hexdigest()[:8] for part in range(3))


def prompts_of(split: str, count: int) -> list[str]:
    """Return prompts that fall into a split and are not near to each other, the same ones each time."""
    candidates = (f"{unlike(number)}?" for number in itertools.count())
    chosen = (text for text in candidates if split_of(instruction_fingerprint(instruction=text, context="")) == split)
    return list(itertools.islice(chosen, count))


def approve_in_every_split(campaign: Campaign, category: Category) -> int:
    """Approve eight in train, two in validation and two in test; returns how many that is."""
    counts = {"train": 8, "validation": 2, "test": 2}
    author, judge = factories.contributor_in(campaign), factories.reviewer()
    for split, count in counts.items():
        for text in prompts_of(split, count):
            approve(campaign, category, instruction=text, author=author, by_reviewer=judge)
    return sum(counts.values())


def freeze(**fields: Any) -> DatasetVersion:
    """Freeze the next version of ``set``."""
    values: dict[str, Any] = {"name": "set", "filter": EVERYTHING, "formats": [], "by": None, "now": NOW}
    return actions.request_version(**values | fields)


def records_of(version: DatasetVersion) -> list[Record]:
    """Return what a frozen version holds, in its order."""
    return [Record(**row) for _split, batch in columnar.batches(version) for row in batch.select(COLUMNS).to_pylist()]


def build(version: DatasetVersion, root: Path) -> DatasetVersion:
    """Build a frozen version and return it as it is afterwards."""
    actions.build_version(version=version, root=root, clock=lambda: NOW + timedelta(minutes=1))
    version.refresh_from_db()
    return version


def release(root: Path, **fields: Any) -> DatasetVersion:
    """Freeze and build the next version of ``set``."""
    return build(freeze(**fields), root)


def record(number: int = 0, **fields: Any) -> Record:
    """Make a record without a database."""
    values: dict[str, Any] = {
        "id": f"00000000-0000-4000-8000-{number:012d}",
        "instruction": f"Name {number} colours.",
        "context": "",
        "response": "Red.",
        "category": "open_qa",
        "language": "en",
        "campaign": "spring",
        "licence": "CC-BY-SA-4.0",
        "source_title": "",
        "source_url": "",
        "contributor": "c-7k2m9q4x",
        "revision": 1,
        "approvals": 1,
        "approved_at": NOW + timedelta(microseconds=number),
    }
    return Record(**values | fields)


def tree(directory: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a directory by its path."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def rewrite(submission: Submission, *, now: datetime = NOW, **fields: str) -> None:
    """Give an approved submission a new revision and approve that."""
    said = factories.current_revision(submission)
    values = {name: fields.get(name, getattr(said, name)) for name in ("instruction", "context", "response")}
    text = Text.of(values["instruction"], values["context"], values["response"])
    submissions.resubmit(
        submission=submission, text=text, base_revision=submission.revision_number, by=submission.author, now=now
    )
    factories.decide(submission, "approve", by=factories.reviewer())
    submission.refresh_from_db()


def take_back(submission: Submission, *, now: datetime = NOW) -> None:
    """Withdraw a submission as its author does."""
    submissions.withdraw(submission=submission, by=submission.author, now=now)


def listed_changes(path: Path) -> dict[str, list[str]]:
    """Return the ids under each heading of a CHANGES.md."""
    sections: dict[str, list[str]] = {}
    name = ""
    for line in path.read_bytes().decode().split("\n"):
        if line.startswith("## "):
            name = line.removeprefix("## ")
            sections[name] = []
        elif line.startswith("- `"):
            sections[name].append(line.split("`")[1])
    return sections
