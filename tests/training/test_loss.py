from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from training.evaluate import held_out_loss, pad
from training.prompts import IGNORED, Codec, Example, build_examples, choose_format

from .test_prompts import row

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def codec(tokenizer: Any) -> Codec:
    return Codec(tokenizer)


@pytest.fixture(scope="module")
def examples(codec: Codec) -> list[Example]:
    fmt = choose_format(codec, system="Be kind.")
    rows = [
        row(id=str(number), response="word " * number, category="long" if number > 4 else "short")
        for number in range(1, 9)
    ]
    return build_examples(rows, codec, fmt, max_length=500)[0]


@pytest.fixture
def model(tiny_model: Path) -> Any:
    from training.loading import load_model

    return load_model(tiny_model, device="cpu")


def batch(examples: list[Example], codec: Codec) -> dict[str, Any]:
    return {
        "input_ids": pad([example.input_ids for example in examples], value=codec.padding),
        "attention_mask": pad([[1] * len(example.input_ids) for example in examples], value=0),
        "labels": pad([example.labels for example in examples], value=IGNORED),
    }


def test_the_loss_is_that_of_the_models_own_full_logits(model: Any, examples: list[Example], codec: Codec) -> None:
    import torch

    from training.loss import answer_nll

    inputs = batch(examples, codec)
    logits = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits[:, :-1]
    expected = torch.nn.functional.cross_entropy(
        logits.transpose(1, 2), inputs["labels"][:, 1:], reduction="none", ignore_index=IGNORED
    )
    losses, rows = answer_nll(model, inputs)
    assert len(losses) == sum(len(example.input_ids) - example.prompt_tokens for example in examples)
    torch.testing.assert_close(losses, expected[inputs["labels"][:, 1:] != IGNORED])
    assert rows.tolist() == sorted(rows.tolist())


def test_making_the_logits_in_pieces_changes_neither_loss_nor_gradient(
    model: Any, examples: list[Example], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from training import loss

    inputs = batch(examples, codec)
    found = []
    for at_once in (loss.LOGITS_AT_ONCE, 7 * model.config.vocab_size):
        monkeypatch.setattr(loss, "LOGITS_AT_ONCE", at_once)
        model.zero_grad()
        losses, _rows = loss.answer_nll(model, inputs)
        losses.sum().backward()
        found.append((losses.detach(), model.model.embed_tokens.weight.grad.clone()))
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-4)


def test_a_model_that_changes_its_logits_is_asked_for_them(model: Any, examples: list[Example], codec: Codec) -> None:
    import torch

    from training.loss import answer_nll

    plain, _rows = answer_nll(model, batch(examples, codec))
    model.config.logit_scale = 1.0  # announces a change; this model's own forward makes none
    own, _rows = answer_nll(model, batch(examples, codec))
    torch.testing.assert_close(plain, own)


def test_every_held_out_token_weighs_the_same_however_the_rows_are_batched(
    model: Any, examples: list[Example], codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training import evaluate

    whole = held_out_loss(model, examples, codec, device="cpu", bf16=False)
    monkeypatch.setattr(evaluate, "TOKENS_AT_ONCE", 1)  # each row alone
    alone = held_out_loss(model, examples, codec, device="cpu", bf16=False)
    singles = [held_out_loss(model, [example], codec, device="cpu", bf16=False) for example in examples]
    by_hand = sum(single.loss * single.tokens for single in singles) / sum(single.tokens for single in singles)
    assert whole.loss == pytest.approx(alone.loss, rel=1e-5)
    assert whole.loss == pytest.approx(by_hand, rel=1e-5)
    assert set(whole.by_category) == {"long", "short"}


def test_measuring_leaves_the_model_as_it_was(model: Any, examples: list[Example], codec: Codec) -> None:
    model.train()
    held_out_loss(model, examples, codec, device="cpu", bf16=False)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
