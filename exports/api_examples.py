"""Examples that the API's document shows of dataset versions."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
FILTER = {"categories": ["open_qa", "closed_qa"], "min_approvals": 2}
_VERSION: dict[str, Any] = {
    "name": "woolgather",
    "version": "v2",
    "status": "ready",
    "rows": 1500,
    "splits": {"train": 1350, "validation": 75, "test": 75},
    "filter": FILTER,
    "formats": ["alpaca"],
    "licence": "CC-BY-SA-4.0",
    "parent": "v1",
    "semantic_version": "1.1.0",
    "sha256": SHA,
    "bytes": 2_400_000,
    "failure": "",
    "created_at": "2026-01-02T03:04:05.678901Z",
    "frozen_at": "2026-01-02T03:04:06.123456Z",
    "ready_at": "2026-01-02T03:04:09.000001Z",
}
_FILE = {
    "path": "data/train-00000-of-00001.parquet",
    "sha256": SHA,
    "bytes": 1_900_000,
    "rows": 1350,
    "url": "/api/v1/datasets/v2/files/data/train-00000-of-00001.parquet",
}
VERSION = OpenApiExample("A version", value=_VERSION, response_only=True)
STARTED = OpenApiExample(
    "A version that is being built",
    value={
        **_VERSION,
        "status": "building",
        "sha256": "",
        "bytes": 0,
        "ready_at": None,
        "files": [],
        "changes": {"added": 520, "removed": 3, "edited": 12},
        "progress": 0,
    },
    response_only=True,
    status_codes=["202"],
)
VERSION_DETAIL = OpenApiExample(
    "A version with its files",
    value={**_VERSION, "files": [_FILE], "changes": {"added": 520, "removed": 3, "edited": 12}, "progress": None},
    response_only=True,
)
BUILD = OpenApiExample(
    "Two kinds, approved twice",
    value={"filter": FILTER, "formats": ["alpaca"], "splits": "90/5/5"},
    request_only=True,
)
CHANGE = OpenApiExample(
    "A record that was edited",
    value={
        "id": "6f1d3f0a-0b5e-4c55-9f0e-3c8a3c3a7b11",
        "kind": "edited",
        "category": "open_qa",
        "split": "train",
        "reason": "",
        "fields": ["response", "revision"],
        "details": {"revision": {"before": "1", "after": "2"}},
        "words": {"response": {"before": "Air scatters light.", "after": "Air scatters blue light most."}},
        "texts": {},
    },
    response_only=True,
)
