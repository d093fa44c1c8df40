from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from training.evaluate import pad
from training.prompts import IGNORED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.training.conftest import Trainer

pytestmark = pytest.mark.train


@pytest.fixture
def model(tiny_model: Path, libraries: None) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(tiny_model).eval()


@pytest.fixture
def batch(libraries: None) -> dict[str, Any]:
    """Three rows of different lengths; of each the last three tokens are trained."""
    rows = [[5, 6, 7, 8, 9], [10, 11, 12, 13, 14, 15, 16], [17, 18, 19, 20]]
    return {
        "input_ids": pad(rows, value=0),
        "attention_mask": pad([[1] * len(row) for row in rows], value=0),
        "labels": pad([[IGNORED] * (len(row) - 3) + row[-3:] for row in rows], value=IGNORED),
    }


def metrics(finetune: Trainer, name: str, field: str) -> list[float]:
    from training.runs import read_jsonl

    return [line[field] for line in read_jsonl(finetune.places.runs / name / "metrics.jsonl")]


def test_packed_rows_stand_end_to_end_without_padding_each_from_position_0(batch: dict[str, Any]) -> None:
    from training.packing import packed

    found = {name: tensor.tolist() for name, tensor in packed(batch).items()}
    assert found["input_ids"] == [[5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20]]
    assert found["position_ids"] == [[0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3]]


def test_nothing_is_predicted_from_the_row_before(batch: dict[str, Any]) -> None:
    from training.packing import packed

    batch["labels"] = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, IGNORED)
    labels = packed(batch)["labels"][0]
    assert [labels[at].item() for at in (0, 5, 12)] == [IGNORED] * 3


def test_packed_rows_have_the_loss_and_the_gradients_they_have_apart(model: Any, batch: dict[str, Any]) -> None:
    import torch

    from training.loss import answer_nll
    from training.packing import packed

    found = []
    for given in (batch, packed(batch)):
        model.zero_grad()
        losses, _rows = answer_nll(model, given)
        losses.sum().backward()
        found.append((losses.detach(), model.get_input_embeddings().weight.grad.clone()))
    (apart, slopes), (together, same) = found
    assert torch.allclose(apart, together, atol=1e-5)
    assert torch.allclose(slopes, same, atol=1e-5)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_packing_changes_nothing_in_the_training(finetune: Trainer, method: str) -> None:
    finetune(output="padded", method=method, bf16=False)
    finetune(output="packed", method=method, bf16=False, packing=True)
    for field in ("loss", "gradient_norm"):
        assert metrics(finetune, "packed", field) == pytest.approx(metrics(finetune, "padded", field), rel=1e-4)


def test_a_packed_run_gives_the_same_weights_again(finetune: Trainer) -> None:
    for name in ("one", "two"):
        finetune(output=name, packing=True)
    weights = [
        (finetune.places.runs / name / "model" / "adapter_model.safetensors").read_bytes() for name in ("one", "two")
    ]
    assert weights[0] == weights[1]


def test_a_model_whose_packed_rows_would_see_each_other_is_refused(
    finetune: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import LlamaForCausalLM

    from training.packing import PackingError

    own = LlamaForCausalLM.forward

    def blind(self: Any, *given: Any, position_ids: Any = None, **more: Any) -> Any:
        return own(self, *given, **more)

    monkeypatch.setattr(LlamaForCausalLM, "forward", blind)
    with pytest.raises(PackingError, match=r"would see each other.*Leave out --packing"):
        finetune(packing=True)
