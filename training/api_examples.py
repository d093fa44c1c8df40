"""Examples that the API's document shows of runs."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample

_RUN: dict[str, Any] = {
    "id": "0b9b5f6e-4f9a-5a0c-9a39-0f6e7a1f2d11",
    "name": "woolgather-v3-1",
    "status": "complete",
    "dataset": "woolgather v3",
    "base_model": "SmolLM2-135M",
    "requested_by": "ada",
    "step": 300,
    "steps": 300,
    "loss_before": 2.514,
    "loss_after": 2.037,
    "cost": {"price_per_hour": 2.5, "estimated": 0.31, "measured": 0.29},
    "error": "",
    "created_at": "2026-01-02T03:04:05Z",
    "seen_at": "2026-01-02T03:11:02Z",
}
RUN = OpenApiExample("A finished run", value=_RUN, response_only=True)
RUN_DETAIL = OpenApiExample(
    "A finished run, in full",
    value={
        **_RUN,
        "settings": {"method": "lora", "steps": 300, "lora_r": 16, "learning_rate": 0.0002},
        "evaluations": [
            {
                "step": 0,
                "loss": 2.514,
                "perplexity": 12.35,
                "rows": 200,
                "by_category": {"closed_qa": 2.31, "open_qa": 2.72},
            },
            {
                "step": 300,
                "loss": 2.037,
                "perplexity": 7.67,
                "rows": 200,
                "by_category": {"closed_qa": 1.88, "open_qa": 2.19},
            },
        ],
        "tokens_trained": 391_200,
        "tokens_per_second": 951.4,
        "train_seconds": 411.2,
    },
    response_only=True,
)
