"""The traps of fine-tuning that others fell into: each has a test, and that test fails without its guard.

``make drills`` takes each guard out of a copy of the program and looks whether the test notices.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = {"training", "tests"}  # the rest of the program is only looked at
APART = {".git", ".venv", "var"}


@dataclass(frozen=True)
class Trap:
    """What went wrong elsewhere, the test that would see it here, and how its guard is taken out."""

    name: str
    test: str
    file: str
    guard: str
    without: str


PROMPTS = "training/prompts.py"
TRAPS = [
    Trap(
        "a marker in a person's text becomes a control token (trl #588, #598; Dolly's first-key mask)",
        "test_dolly_format.py::test_a_key_in_somebodys_text_stays_text_and_moves_no_mask",
        PROMPTS,
        "        ids = self._plain(text)\n        if",
        "        return self.control(text)\n        if",
    ),
    Trap(
        "the end token is lost (trl #1623, #3091)",
        "test_prompts.py::test_the_end_token_is_trained_exactly_once",
        PROMPTS,
        "Example(row, prompt + answer + end, len(prompt))",
        "Example(row, prompt + answer, len(prompt))",
    ),
    Trap(
        "the end token is masked, as it is where it doubles as padding (trl #1623, #3091)",
        "test_prompts.py::test_the_end_token_is_trained_exactly_once",
        PROMPTS,
        "+ self.input_ids[self.prompt_tokens :]\n",
        "+ [token if token != self.input_ids[-1] else IGNORED for token in self.input_ids[self.prompt_tokens :]]\n",
    ),
    Trap(
        "a truncated row has no label left and trains on nothing (trl #6320, #6668)",
        "test_dolly_format.py::test_a_row_whose_prompt_fills_the_limit_is_left_out_not_trained_on_nothing",
        PROMPTS,
        "elif len(prompt) >= max_length:",
        "elif len(prompt) >= 10**9:",
    ),
    Trap(
        "truncated rows vanish without their ids (Dolly)",
        "test_prompts.py::test_a_row_over_the_limit_is_listed_and_one_at_the_limit_is_kept",
        PROMPTS,
        '            listed.append(Dropped(row.id, "too_long", length))\n',
        "            pass\n",
    ),
    Trap(
        "the beginning token is doubled",
        "test_prompts.py::test_the_beginning_token_is_never_doubled",
        PROMPTS,
        'self.tokenizer(text, add_special_tokens=False, split_special_tokens=False)["input_ids"]',
        'self.tokenizer(text, split_special_tokens=False)["input_ids"]',
    ),
    Trap(
        "the prompt to generate from has no block for the context (Dolly)",
        "test_dolly_format.py::test_the_context_has_its_block_in_training_and_in_generation_alike",
        PROMPTS,
        'f"{instruction}{fmt.context_intro}{context}" if context else instruction',
        "instruction",
    ),
    Trap(
        "packed rows see each other (trl #3067)",
        "test_packing.py::test_packed_rows_have_the_loss_and_the_gradients_they_have_apart",
        "training/packing.py",
        '        "position_ids": positions[kept].unsqueeze(0),\n',
        "",
    ),
    Trap(
        "a model that lets packed rows see each other is trained all the same (trl #3067)",
        "test_packing.py::test_a_model_whose_packed_rows_would_see_each_other_is_refused",
        "training/packing.py",
        "    if not difference <= TOLERANCE[bf16]:",
        "    if False:",
    ),
    Trap(
        "the loss changes with gradient accumulation (transformers #34191)",
        "test_actions.py::test_accumulating_gradients_does_not_change_the_training",
        "training/trainer.py",
        "loss = losses.sum() / num_items_in_batch",
        "loss = losses.mean()",
    ),
    Trap(
        "a resumed run starts over (transformers #23325, trl #3552)",
        "test_actions.py::test_a_run_cut_off_by_sigkill_resumes_to_the_same_steps_and_the_same_weights",
        "training/trainer.py",
        "trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)",
        "trainer.train()",
    ),
    Trap(
        "the seed is set after LoRA was drawn",
        "test_actions.py::test_the_same_seed_gives_the_same_weights_and_another_seed_others",
        "training/loading.py",
        "    seed_everything(settings.seed)\n    if not",
        "    if not",
    ),
    Trap(
        "twenty rows are trained to gibberish and called a success",
        "test_actions.py::test_few_rows_train_with_a_warning_that_stays_with_the_run",
        "training/preparing.py",
        "if len(self.examples) < SAFE_ROWS:",
        "if not self.examples:",
    ),
    Trap(
        "training goes on after the loss became NaN",
        "test_actions.py::test_a_loss_that_is_no_number_stops_the_run_and_names_the_rows",
        "training/trainer.py",
        "    if not math.isfinite(loss.item()):",
        "    if False:",
    ),
    Trap(
        "the merged model is another than the one that was trained (unsloth #2374)",
        "test_answering.py::test_a_merge_that_changes_the_model_is_not_kept",
        "training/merging.py",
        "if difference > TOLERANCE:",
        "if False:",
    ),
    Trap(
        "the GGUF is another model than the one that was trained (unsloth #2374)",
        "test_gguf.py::test_a_gguf_that_is_another_model_is_not_kept",
        "training/parity.py",
        "    if not (found.mean_difference <= mean and found.largest_difference <= most):",
        "    if False:",
    ),
    Trap(
        "the template in the GGUF asks otherwise than training did",
        "test_gguf.py::test_a_gguf_whose_template_asks_otherwise_is_refused",
        "training/parity.py",
        "    _same_prompts(gguf, run, told)\n",
        "",
    ),
    Trap(
        "words become other tokens in llama.cpp than in training",
        "test_gguf.py::test_a_gguf_that_splits_words_otherwise_is_refused",
        "training/parity.py",
        "        if not steering:",
        "        if False:",
    ),
    Trap(
        "no gradient comes through four-bit weights after an evaluation on a processor with avx512_bf16",
        "test_qlora.py::test_gradients_flow_through_four_bits_after_an_evaluation_as_before",
        "training/loading.py",
        "return _unpacked(model)\n",
        "return model\n",
    ),
    Trap(
        "a resumed QLoRA run goes on in another precision than it began",
        "test_qlora.py::test_a_stopped_run_goes_on_to_the_weights_of_an_unbroken_one",
        "training/trainer.py",
        "    _train_in_32_bits(trainer.model)\n",
        "",
    ),
    Trap(
        "a second run writes over the first",
        "test_runs.py::test_a_finished_run_is_never_written_over",
        "training/runs.py",
        "        making.rename(path)  #",
        "        shutil.rmtree(path, ignore_errors=True); making.rename(path)  #",
    ),
    Trap(
        "two processes write one run",
        "test_runs.py::test_two_processes_never_hold_the_same_run",
        "training/runs.py",
        "fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "None",
    ),
    Trap(
        "weights that run code when they are opened are loaded",
        "test_base_models.py::test_weights_that_can_run_code_are_refused_by_name",
        "training/base_models.py",
        'UNSAFE = (".bin"',
        'UNSAFE = ("",) and (".none"',
    ),
]


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_each_guard_stands_where_the_drill_looks_for_it(trap: Trap) -> None:
    assert (ROOT / trap.file).read_text().count(trap.guard) == 1
    name, test = trap.test.split("::")
    assert f"def {test}(" in (ROOT / "tests" / "training" / name).read_text()


@pytest.mark.slow
@pytest.mark.train
@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_without_its_guard_the_test_of_a_trap_fails(trap: Trap, tmp_path: Path) -> None:
    for source in ROOT.iterdir():
        if source.name not in APART:
            (shutil.copytree if source.name in COPIED else os.symlink)(source, tmp_path / source.name)
    file = tmp_path / trap.file
    file.write_text(file.read_text().replace(trap.guard, trap.without))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            f"tests/training/{trap.test}",
        ],
        cwd=tmp_path,
        env={**os.environ, "WOOLGATHER_VAR": str(tmp_path / "var"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    last = done.stdout.strip().splitlines()[-1]
    assert " failed" in last, done.stdout[-3000:] + done.stderr[-3000:]
    assert "error" not in last, done.stdout[-3000:]
