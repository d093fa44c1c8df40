"""Material for the tests of learning curves: a curve's directory as the command leaves it at some moment."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from tests.training import material

if TYPE_CHECKING:
    from pathlib import Path

SIZES = [15, 30, 60, 120]
WITHOUT = "closed_qa"


def fitted(category: str, *, doubling: float, low: float, high: float, held_out: int) -> dict[str, Any]:
    """Return what was fitted to a category, as curve.json has it."""
    law = {"floor": 1.0, "scale": 4.0, "exponent": 0.5}
    losses = [1.0 + 4.0 * size**-0.5 for size in (*SIZES, 240)]
    return {
        "category": category,
        "sizes": SIZES,
        "losses": losses[:-1],
        "law": law,
        "doubling": doubling,
        "low": low,
        "high": high,
        "band": [[loss - 0.05, loss + 0.05] for loss in losses],
        "held_out": held_out,
    }


def result() -> dict[str, Any]:
    """Return what a finished curve came to: sure of all, unsure of one category, no gain in the other."""
    change = {"change": 0.25, "low": 0.1, "high": 0.4}
    nothing = {"change": -0.01, "low": -0.03, "high": 0.02}
    return {
        "base_model": "company/tiny",
        "method": "lora",
        "epochs": 1.0,
        "before": {"": 4.0, "closed_qa": 4.5, "open_qa": 3.5},
        "curves": [
            fitted("", doubling=-0.107, low=-0.15, high=-0.05, held_out=40),
            fitted("closed_qa", doubling=-0.01, low=-0.06, high=0.0, held_out=12),
            fitted("open_qa", doubling=0.0, low=-0.0005, high=0.0, held_out=32),
        ],
        "left_out": {WITHOUT: [{"category": "closed_qa", **change}, {"category": "open_qa", **nothing}]},
    }


def make_curve(root: Path, name: str = "animals", *, done: int = 5, **facts: Any) -> Path:
    """Write ``<root>/NAME-curve/`` and the runs of the first ``done`` of its five models; return its path."""
    path = root / f"{name}-curve"
    path.mkdir(parents=True)
    runs = [(f"{name}-{size}", size, "") for size in SIZES] + [(f"{name}-80-without-{WITHOUT}", 80, WITHOUT)]
    for run, _rows, _without in runs[:done]:
        material.make_run(root, run, duration_seconds=60.0)
    is_complete = done == len(runs)
    said = {
        "format": 1,
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"curve-{name}")),
        "curve": name,
        "dataset": "animals/v1",
        "options": {"epochs": 1.0, "eval_rows": 40},
        "seeds": 1,
        "notes": [],
        "status": "complete" if is_complete else "running",
        "error": None,
        "created_at": "2026-01-02T03:04:05+00:00",
        "updated_at": "2026-01-02T03:09:05+00:00",
        "models": [
            {
                "name": run,
                "rows": rows,
                "seed": 0,
                "without": without,
                "run": str(uuid.uuid5(uuid.NAMESPACE_URL, run)),
            }
            for run, rows, without in runs
        ],
        **(result() if is_complete else {}),
    }
    (path / "curve.json").write_text(json.dumps({**said, **facts}))
    return path
