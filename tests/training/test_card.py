from __future__ import annotations

from typing import Any

from training.card import model_card


def facts(**changes: Any) -> dict[str, Any]:
    loss = {"loss": 2.5, "tokens": 900, "rows": 20, "by_category": {"open_qa": 2.5}, "perplexity": 12.18}
    known: dict[str, Any] = {
        "run": "mine",
        "base_model": {"id": "org/base", "source": "model hub", "licence": "apache-2.0", "sha256": "b" * 64},
        "dataset": {
            "name": "woolgather",
            "version": "v3",
            "manifest_sha256": "d" * 64,
            "licences": ["CC-BY-SA-4.0"],
            "held_out": {"how": "the test split of the version", "rows": 20},
        },
        "settings": {"method": "lora", "lora_r": 16, "max_length": 1024},
        "rows": {"read": 100, "trained_on": 97, "dropped": {"too_long": 3}},
        "loss": {"before": loss, "after": {**loss, "loss": 2.25}},
        "steps": 60,
        "tokens_trained": 89_000,
        "tokens_per_second": 265.4,
        "train_seconds": 240.0,
        "duration_seconds": 300.0,
        "peak_memory": {"host_bytes": 3_600_000_000},
        "machine": {"processor": "A processor"},
        "versions": {"torch": "2.13.0"},
        "warnings": [],
    }
    return {**known, **changes}


def sample(**changes: str) -> dict[str, Any]:
    return {"category": "open_qa", "instruction": "Why?", "before": "No.", "after": "Because.", **changes}


def test_the_licences_of_data_model_and_code_stand_apart() -> None:
    lines = model_card(facts(), []).split("\n")
    assert "- Data: CC-BY-SA-4.0 (woolgather/v3)" in lines
    assert "- Base model: apache-2.0 (org/base)" in lines
    assert "- Code that trained it: Apache-2.0 (Woolgather)" in lines


def test_the_losses_and_what_they_cost_are_stated() -> None:
    card = model_card(facts(), [])
    assert "| all | 2.5000 | 2.2500 |" in card
    assert "| tokens a second |  | 265 |" in card
    assert "| peak memory |  | 3.6 GB |" in card
    assert "cost" not in card


def test_what_was_estimated_stands_beside_what_it_came_to() -> None:
    made = {
        "tokens": 90_000,
        "tokens_per_second": 300.0,
        "seconds": 300.0,
        "memory_bytes": 4_000_000_000,
        "cost": 0.1,
        "speed_from": "a guess",
    }
    card = model_card(facts(estimate=made, price_per_hour=1.2, cost=0.08), [])
    assert "| tokens a second | 300 | 265 |" in card
    assert "| peak memory | 4.0 GB | 3.6 GB |" in card
    assert "| cost, at 1.2 an hour | 0.10 | 0.08 |" in card
    assert "estimated from a guess" in card


def test_a_warning_stands_at_the_top() -> None:
    card = model_card(facts(warnings=["Only 20 rows to train on."]), [])
    assert card.index("Only 20 rows") < card.index("## Evaluation")


def test_a_sample_is_shown_as_text_whatever_it_contains() -> None:
    card = model_card(facts(), [sample(after="# Not a heading\n<script>")])
    assert "\n    # Not a heading\n    <script>" in card


def test_a_local_directory_is_not_given_out_as_a_hub_name() -> None:
    base = {**facts()["base_model"], "source": "directory", "id": "/srv/models/base"}
    assert "base_model:" not in model_card(facts(base_model=base), [])


def test_a_run_that_ended_before_its_first_pass_says_how_many_rows_it_saw() -> None:
    settings = {
        **facts()["settings"],
        "batch_size": 8,
        "gradient_accumulation": 2,
        "learning_rate": 2e-4,
        "sample_tokens": 32,
    }
    card = model_card(facts(settings=settings, steps=4), [])
    assert "- Trained on 97 of 100 rows, of which 64 were seen" in card
    assert "4 steps of 16 rows, at a learning rate of up to 0.0002, on" in card
    assert "Always the likeliest token, at most 32 tokens." in card
    assert "were seen" not in model_card(facts(settings=settings, steps=7), [])


def test_each_category_says_how_many_rows_its_loss_is_of() -> None:
    loss = {**facts()["loss"]["after"], "by_category": {"open_qa": 2.0, "closed_qa": 1.0}}
    after = {**loss, "rows_by_category": {"open_qa": 19, "closed_qa": 1}}
    card = model_card(facts(loss={"before": loss, "after": after}), [])
    assert "| open_qa, 19 rows | 2.0000 | 2.0000 |" in card
    assert "| closed_qa, 1 row | 1.0000 | 1.0000 |" in card
