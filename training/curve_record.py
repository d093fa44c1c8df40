"""A curve's directory: ``<root>/NAME-curve/`` with curve.json telling at every moment what state it is in."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from . import runs
from .errors import TrainingError
from .sitting import StoppedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .follower import CurveFollower

DIRECTORY = "{}-curve"
FILE = "curve.json"
RUNNING, INTERRUPTED, FAILED = "running", "interrupted", "failed"


@dataclass(frozen=True)
class Record:
    """A curve's directory, and who is told when its curve.json says something new."""

    path: Path
    follower: CurveFollower

    def facts(self) -> dict[str, Any]:
        """Return curve.json. Raises RunError when it cannot be read."""
        return read(self.path)

    def update(self, **facts: Any) -> None:
        """Change facts in curve.json, in one step that a crash cannot halve, and tell the follower."""
        moment = datetime.now(UTC).isoformat()
        runs.write_json(self.path / FILE, {**self.facts(), **facts, "updated_at": moment})
        self.follower.follow(self.path, at_once=True)


def read(path: Path) -> dict[str, Any]:
    """Return the facts of a curve's directory. Raises RunError when there are none that can be read."""
    try:
        facts = json.loads((path / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise runs.RunError(f"{path} has no readable {FILE}, so it is no curve.") from error
    if not isinstance(facts, dict):
        raise runs.RunError(f"{path / FILE} does not describe a curve.")
    return facts


def all_curves(root: Path) -> list[Path]:
    """Return the directories of the curves under ``root``, by name."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.glob(DIRECTORY.format("*")) if (path / FILE).is_file())


def id_of(path: Path, facts: dict[str, Any]) -> str:
    """Return a curve's id; curves of earlier releases had none, and get one from where they are."""
    return str(facts.get("id") or uuid.uuid5(uuid.NAMESPACE_URL, str(path.resolve())))


def begin(path: Path, *, facts: dict[str, Any], follower: CurveFollower, now: datetime) -> Record:
    """Make the directory's first curve.json, or that of one that goes on. Raises RunError when it is another curve's.

    What an earlier sitting found out is forgotten: it is found out again from the runs, which are kept.
    """
    path.mkdir(parents=True, exist_ok=True)
    earlier = read(path) if (path / FILE).is_file() else {}
    known = id_of(path, earlier) if earlier else follower.entry or str(uuid.uuid4())
    if follower.entry and known != follower.entry:
        raise runs.RunError(f"{path} holds another curve. Choose another --output.")
    said = {
        "format": 1,
        "id": known,
        **facts,
        "status": RUNNING,
        "error": None,
        "created_at": earlier.get("created_at") or now.isoformat(),
        "updated_at": now.isoformat(),
    }
    runs.write_json(path / FILE, said)
    return Record(path, follower)


@contextmanager
def kept_true(record: Record) -> Iterator[None]:
    """Have curve.json say how it ended, whatever happens inside the block."""
    try:
        yield
    except (KeyboardInterrupt, StoppedError, runs.RunBusyError):  # a busy run ends, and then the curve can go on
        record.update(status=INTERRUPTED)
        raise
    except TrainingError as error:
        record.update(status=FAILED, error=str(error))
        raise
    except Exception as error:
        record.update(status=FAILED, error=str(error) or type(error).__name__)
        raise
