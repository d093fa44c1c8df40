"""What a crowd saw: times and answers of each kind of request, and who used the processors."""

from __future__ import annotations

import os
import statistics
from collections import Counter, defaultdict
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


class Meter:
    """Collects what requests took and how they were answered."""

    def __init__(self) -> None:
        self.times: defaultdict[str, list[float]] = defaultdict(list)
        self.answers: Counter[int] = Counter()
        self.odd: Counter[tuple[str, int]] = Counter()  # answers that no client can live with
        self.cut = 0  # connections refused, reset or timed out
        self.longest: defaultdict[str, float] = defaultdict(float)

    def add(self, kind: str, status: int, seconds: float) -> None:
        """Note one answer; only successes count among the times."""
        self.answers[status] += 1
        if status < 400:
            self.times[kind].append(seconds)
        elif status not in {409, 503}:
            self.odd[kind, status] += 1
        self.longest[kind] = max(self.longest[kind], seconds)

    def count(self, kind: str) -> int:
        """How many of a kind succeeded."""
        return len(self.times[kind])

    def p95(self, kind: str) -> float:
        """The 95th percentile of a kind, in milliseconds."""
        return percentile(self.times[kind], 95)

    def table(self, seconds: float) -> str:
        """One line for each kind."""
        lines = [f"  {'':18}{'count':>8}{'a second':>10}{'p50 ms':>9}{'p95 ms':>9}{'longest':>9}"]
        for kind, times in self.times.items():
            lines.append(
                f"  {kind:18}{len(times):8,}{len(times) / seconds:10.1f}"
                f"{percentile(times, 50):9.0f}{percentile(times, 95):9.0f}{max(times, default=0) * 1000:9.0f}"
            )
        return "\n".join(lines)

    def statuses(self) -> str:
        """The answers by status."""
        found = ", ".join(f"{status}: {number:,}" for status, number in sorted(self.answers.items()))
        return f"{found}; connections cut: {self.cut}"


def percentile(times: list[float], percent: int) -> float:
    """Return a percentile in milliseconds."""
    if len(times) < 2:
        return 1000 * sum(times)
    return 1000 * statistics.quantiles(times, n=100)[percent - 1]


def family(leaders: list[int]) -> set[int]:
    """Return the processes and all their descendants."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                parents[int(entry.name)] = int(fields[1])
    found = set(leaders)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def cpu_of(leaders: list[int]) -> float:
    """Return the processor seconds of the processes, their descendants, and those of them that have ended."""
    total = 0
    for pid in family(leaders):
        fields = _stat(pid)
        if fields:
            total += sum(int(field) for field in fields[11:15])
    return total / TICKS


def cpu_of_machine() -> float:
    """Return the seconds that all processors were busy."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    return (sum(map(int, fields[:8])) - int(fields[3]) - int(fields[4])) / TICKS


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
