"""An example that the API's document shows of the leaderboard."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample


def _row(rank: int, name: str, points: int) -> dict[str, Any]:
    return {
        "rank": rank,
        "name": name,
        "handle": name.lower(),
        "team": "Research",
        "points": points,
        "count": points // 10,
        "members": 1,
        "per_head": float(points),
    }


BOARD = OpenApiExample(
    "This week",
    value={
        "board": "people",
        "period": "week",
        "since": "2026-01-05T00:00:00+01:00",
        "total": 41,
        "results": [_row(1, "Ada", 320), _row(2, "Grace", 290)],
        "own": _row(2, "Grace", 290),
        "to_next": 31,
        "around": [],
    },
    response_only=True,
)
