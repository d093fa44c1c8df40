"""What a load test leaves behind: is everything that was acknowledged there, once, and released word for word?"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.crowd import stage

if TYPE_CHECKING:
    from benchmarks.crowd.stage import Server

Texts = tuple[str, str, str, str]
NAMES = ("instruction", "context", "response", "category")


def compare(load: Any, server: Server, rows: list[dict[str, str]], *, var: str, is_whole: bool) -> bool:
    """Compare the database with what was acknowledged, and the release with the source; print both."""
    lost, wrong, doubled, unasked = in_database(load.acknowledged)
    print("\nIn the database")
    print(f"  acknowledged {len(load.acknowledged):,}; lost {lost}, other text {wrong}, doubled {doubled}")
    print(f"  submitted without an answer that came through {unasked}; decisions acknowledged {load.decided:,}")
    refused = ", ".join(f"{what}: {count}" for what, count in load.refused.most_common(8)) or "nothing"
    odd = ", ".join(f"{kind} {status}: {count}" for (kind, status), count in load.odd.most_common(8)) or "none"
    print(f"  refused {refused}; answers other than 2xx, 3xx, 409, 503: {odd}", flush=True)
    is_right = not (lost or wrong or doubled or load.odd)
    if is_whole:
        is_right &= released(server, rows, load, var=var)
    return is_right


def in_database(acknowledged: dict[str, dict[str, str]]) -> tuple[int, int, int, int]:
    """Count what is lost, what says something else, what is there twice, and what nobody was told is saved."""
    from collector.models import Revision

    stored: dict[str, Texts] = {}
    per_submission: Counter[str] = Counter()
    found = Revision.objects.values_list(
        "submission_id", "instruction", "context", "response", "submission__category__slug"
    )
    for pk, *texts in found.iterator(chunk_size=2000):
        stored[str(pk)] = (texts[0], texts[1], texts[2], texts[3])
        per_submission[str(pk)] += 1
    wanted = {pk: _texts(row) for pk, row in acknowledged.items()}
    lost = sum(pk not in stored for pk in wanted)
    wrong = sum(pk in stored and stored[pk] != texts for pk, texts in wanted.items())
    # A row that was sent once and is there under two ids, or whose submission has two revisions.
    there = Counter(stored.values())
    doubled = sum(count > 1 for count in per_submission.values())
    meant = Counter(wanted.values())
    doubled += sum(max(0, there[texts] - count) for texts, count in meant.items())
    return lost, wrong, doubled, len(stored.keys() - wanted.keys())


def released(server: Server, rows: list[dict[str, str]], load: Any, *, var: str) -> bool:
    """Release everything, fetch the files as a program would, and compare them with the source."""
    said = json.loads(stage.manage(server.environment, "export_dataset", "--json").splitlines()[-1])
    folder = Path(var) / "fetched"
    fetched = stage.fetch(server, said["version"], folder)
    records: list[Texts] = []
    for path in fetched:
        if path.suffix == ".jsonl":
            records += [_texts(json.loads(line)) for line in path.read_text(encoding="utf-8").split("\n") if line]
    source = Counter(_texts(row) for row in rows)
    written = Counter(_texts(row) for row in load.acknowledged.values())
    missing, extra = written - Counter(records), Counter(records) - written
    unwritten = source - written
    digest = hashlib.sha256("".join(sorted(json.dumps(record) for record in records)).encode()).hexdigest()[:12]
    print(f"\nReleased as {said['version']}: {len(records):,} records in {len(fetched)} files ({digest})")
    print(
        f"  of {len(rows):,} source rows {sum(written.values()):,} were written, {sum(unwritten.values()):,} were not"
    )
    print(f"  missing {sum(missing.values())}, extra {sum(extra.values())}: texts compared character by character")
    twice = sum(count - 1 for count in source.values() if count > 1)
    print(f"  rows of the source that repeat another one: {twice} (kept, and marked for their reviewers)", flush=True)
    return not (missing or extra or unwritten)


def _texts(row: dict[str, str]) -> Texts:
    return (row["instruction"], row["context"], row["response"], row["category"])
