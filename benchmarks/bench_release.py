"""Import and release of generated rows: rows per second, beside plain writes of the same rows in the same run.

Usage: python benchmarks/bench_release.py [--rows 15000]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CATEGORIES = ["brainstorming", "classification", "closed_qa", "creative_writing"]
WORDS = [
    "lamp",
    "oak",
    "table",
    "light",
    "wood",
    "glue",
    "colour",
    "evening",
    "letter",
    "river",
    "stone",
    "garden",
    "window",
    "morning",
]


def generate(path: Path, rows: int) -> None:
    """Write rows of about 900 bytes, as in databricks-dolly-15k."""
    chance = random.Random(7)
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            row = {
                "instruction": f"Question {number}: " + " ".join(chance.choices(WORDS, k=12)),
                "context": " ".join(chance.choices(WORDS, k=60)) if number % 4 == 2 else "",
                "response": " ".join(chance.choices(WORDS, k=110)),
                "category": CATEGORIES[number % 4],
            }
            file.write(json.dumps(row) + "\n")


def timed(label: str, rows: int, command: list[str], environment: dict[str, str]) -> float:
    """Run a command and print its rows per second and the peak memory of all children so far."""
    begin = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{label:34} {rows / seconds:10,.0f} rows/s {seconds:8.1f} s   peak {peak:,.0f} MiB")
    return seconds


BASELINE = """
import json, sys
from collector.models import Revision
with open(sys.argv[-1], "w") as file:
    for r in Revision.objects.select_related("submission__category").iterator():
        file.write(json.dumps({"instruction": r.instruction, "context": r.context, "response": r.response,
                               "category": r.submission.category.slug}) + "\\n")
"""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=15_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"WOOLGATHER_VAR": folder}
        manage = [sys.executable, "manage.py"]
        subprocess.run([*manage, "migrate", "--verbosity=0"], cwd=ROOT, env=environment, check=True)
        source = Path(folder) / "rows.jsonl"
        generate(source, rows)
        timed(
            "import_dataset (SQLite)", rows, [*manage, "import_dataset", str(source), "--as", "approved"], environment
        )
        plain = [sys.executable, "-c", "import django; django.setup()\n" + BASELINE, str(Path(folder) / "plain.jsonl")]
        settings = environment | {"DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONPATH": str(ROOT)}
        baseline = timed("baseline: ORM .iterator() to JSONL", rows, plain, settings)
        build = timed("export_dataset (all files, hashes)", rows, [*manage, "export_dataset"], environment)
        timed("verify_dataset", rows, [*manage, "verify_dataset", "v1"], environment)
        print(f"export takes {build / baseline:.1f} times the baseline, which writes one plain file")


if __name__ == "__main__":
    main()
