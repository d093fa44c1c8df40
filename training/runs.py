"""A run's directory: ``<root>/<run>/`` with run.json telling at every moment what state it is in."""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
CHECKPOINT = re.compile(r"checkpoint-([0-9]+)")
CHECKPOINT_MARK = "woolgather.json"
COMPLETE = "complete"


class RunError(TrainingError):
    """The run cannot be made, found, resumed or used."""


class RunExistsError(RunError):
    """The output of another run is there already."""


class RunBusyError(RunError):
    """Another process is working on this run."""


@dataclass(frozen=True)
class Run:
    """A run's directory. Its facts are in run.json, read afresh each time."""

    path: Path

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.path.name

    @property
    def model(self) -> Path:
        """Where the finished weights, tokenizer and prompt format are."""
        return self.path / "model"

    @property
    def checkpoints(self) -> Path:
        """Where training is saved on the way."""
        return self.path / "checkpoints"

    def facts(self) -> dict[str, Any]:
        """Return run.json. Raises RunError when it cannot be read."""
        try:
            facts = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{self.path} has no readable run.json, so it is no run.") from error
        if not isinstance(facts, dict):
            raise RunError(f"{self.path / 'run.json'} does not describe a run.")
        return facts

    @property
    def complete(self) -> bool:
        """Whether training ended and everything was written."""
        return self.facts().get("status") == COMPLETE

    @property
    def id(self) -> uuid.UUID:
        """The run's id; runs of earlier releases had none, and get one from where they are."""
        facts = self.facts()
        return uuid.UUID(facts["id"]) if facts.get("id") else uuid.uuid5(uuid.NAMESPACE_URL, str(self.path.resolve()))

    def update(self, **facts: Any) -> None:
        """Change facts in run.json, in one step that a crash cannot halve."""
        write_json(self.path / "run.json", {**self.facts(), **facts})


def write_text(path: Path, text: str) -> None:
    """Write a file so that readers see the old or the new text, never a part."""
    making = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with making.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        making.replace(path)
    finally:
        making.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; NaN and infinity are refused, for no other reader would take them."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object a line, atomically."""
    lines = (json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)
    write_text(path, "".join(lines))


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Read what :func:`write_jsonl` or an interrupted appender wrote; a half last line is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")  # never splitlines: text may hold U+2028
    return [json.loads(line) for line in lines[:-1] if line]


def new_name(*, dataset: str, version: str, base: str, now: datetime) -> str:
    """Return a readable name such as ``woolgather-v1-smollm2-135m-instruct-20260102-030405``."""
    short = re.sub(r"[^a-z0-9.]+", "-", Path(base).name.lower()).strip("-.")[:40] or "model"
    data = re.sub(r"[^A-Za-z0-9._]+", "-", dataset).strip("-.")[:30] or "data"
    return f"{data}-{version}-{short}-{now:%Y%m%d-%H%M%S}"


def place(output: str, *, root: Path) -> Path:
    """Return the directory that ``--output`` means: a name under ``root``, or a path."""
    if NAME.fullmatch(output):
        return root / output
    if "/" in output and NAME.fullmatch(
        Path(output).name
    ):  # before resolving: what "../.." means depends on where one stands
        return Path(output).expanduser().resolve()
    raise RunError(f"{output!r} cannot name a run: use letters, digits, dots, dashes and underscores.")


def create(path: Path, facts: dict[str, Any]) -> Run:
    """Make the run's directory with its first run.json. Raises RunExistsError when something is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    making = path.with_name(f".{path.name}.{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    write_json(making / "run.json", facts)
    try:
        making.rename(path)  # fails where a directory with anything in it is in the way
    except OSError as error:
        shutil.rmtree(making, ignore_errors=True)
        raise RunExistsError(_in_the_way(path)) from error
    return Run(path)


def refuse_existing(path: Path) -> None:
    """Raise RunExistsError early, before hours of preparation, when ``path`` is taken."""
    if path.is_dir() and any(path.iterdir()):
        raise RunExistsError(_in_the_way(path))


def _in_the_way(path: Path) -> str:
    if (path / "run.json").is_file():
        if Run(path).complete:
            return f"{path} already holds a finished run. Choose another --output."
        return f"{path} holds an unfinished run. Go on with --resume {path.name}, or choose another --output."
    return f"{path} exists and is not empty. Choose another --output."


def all_runs(root: Path) -> list[Run]:
    """Return the runs under ``root``, the newest first."""
    if not root.is_dir():
        return []
    runs = [Run(path) for path in root.iterdir() if NAME.fullmatch(path.name) and (path / "run.json").is_file()]
    return sorted(runs, key=lambda run: (str(run.facts().get("created_at", "")), run.name), reverse=True)


def find(wanted: str | None, *, root: Path, complete: bool) -> Run:
    """Return the run a person named, or the newest one that is (or is not yet) complete.

    Raises RunError, listing what there is.
    """
    if not wanted:
        for run in all_runs(root):
            if run.complete == complete:
                return run
        state, hint = ("finished", "Make one with finetune.") if complete else ("unfinished", "Leave --resume out.")
        raise RunError(f"There is no {state} run under {root}. {hint}")
    for path in (root / wanted, Path(wanted).expanduser().resolve()):
        if (path / "run.json").is_file():
            run = Run(path)
            if complete and not run.complete:
                raise RunError(f"The run {run.name} is not finished. Continue it: finetune --resume {run.name}")
            if run.complete and not complete:
                raise RunError(f"The run {run.name} is finished; there is nothing to resume.")
            return run
    known = ", ".join(run.name for run in all_runs(root)[:10]) or "none yet"
    raise RunError(f"There is no run {wanted} under {root}. There are: {known}.")


@contextmanager
def locked(run: Run) -> Iterator[None]:
    """Hold the run for this process alone; a crash lets go. Raises RunBusyError when another holds it."""
    with (run.path / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunBusyError(f"Another process is training {run.name}. Wait for it to end or stop it.") from error
        yield


def seal_checkpoint(path: Path, *, step: int, tokens: int, seconds: float, duration: float) -> None:
    """Mark a checkpoint as wholly written, with what had been done by then.

    ``seconds`` were spent in training steps, ``duration`` in all.
    """
    mark = {"step": step, "tokens": tokens, "seconds": seconds, "duration": duration}
    write_json(path / CHECKPOINT_MARK, mark)


def rotate(run: Run, *, keep: set[int]) -> None:
    """Remove all checkpoints but the newest two and those of the steps in ``keep``."""
    steps = {int(found[1]): path for path in run.checkpoints.iterdir() if (found := CHECKPOINT.fullmatch(path.name))}
    for step in sorted(steps)[:-2]:
        if step not in keep:
            shutil.rmtree(steps[step])


def last_checkpoint(run: Run) -> tuple[Path, dict[str, Any]] | None:
    """Return the newest checkpoint that was wholly written, with its mark. Half-written ones are removed."""
    if not run.checkpoints.is_dir():
        return None
    sealed: list[tuple[int, Path]] = []
    for path in run.checkpoints.iterdir():
        if step := CHECKPOINT.fullmatch(path.name):
            if (path / CHECKPOINT_MARK).is_file():
                sealed.append((int(step[1]), path))
            else:
                shutil.rmtree(path)
    if not sealed:
        return None
    path = max(sealed)[1]
    return path, json.loads((path / CHECKPOINT_MARK).read_text(encoding="utf-8"))
