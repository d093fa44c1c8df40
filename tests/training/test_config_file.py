from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from training import config_file
from training.config_file import ConfigError, as_text, merged, read
from training.options import FinetuneOptions, Settings, resolve

if TYPE_CHECKING:
    from pathlib import Path


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_options_are_read_with_their_types(tmp_path: Path) -> None:
    file = written(tmp_path, "model: some/model\nlearning_rate: 5e-6\nsteps: 1_000\nbf16: true\nmethod: full\n")
    assert read(file) == FinetuneOptions(model="some/model", learning_rate=5e-6, steps=1000, bf16=True, method="full")


def test_a_version_that_looks_like_a_number_stays_a_text(tmp_path: Path) -> None:
    assert read(written(tmp_path, "dataset: 010\nsystem: no\n")) == FinetuneOptions(dataset="010", system="no")


def test_an_empty_file_asks_for_nothing(tmp_path: Path) -> None:
    assert read(written(tmp_path, "# nothing yet\n")) == FinetuneOptions()


def test_an_option_left_empty_is_not_given(tmp_path: Path) -> None:
    assert read(written(tmp_path, "steps:\nseed: 3\n")) == FinetuneOptions(seed=3)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed: 1\nlearnin_rate: 1\n", r"line 2: there is no option 'learnin_rate'. Did you mean learning_rate\?"),
        ("output: mine\n", "line 1: there is no option 'output'"),
        ("seed: 1\nseed: 2\n", "line 2: seed is there twice"),
        ("seed: one\n", "line 1: seed is a whole number, not 'one'"),
        ("seed: 1.5\n", "line 1: seed is a whole number, not '1.5'"),
        ("learning_rate: fast\n", "line 1: learning_rate is a number, not 'fast'"),
        ("bf16: perhaps\n", "line 1: bf16 is true or false, not 'perhaps'"),
        ("steps: [1, 2]\n", "line 1: steps takes one value"),
        ("steps: 0\n", "--steps must be 1 or more"),
        ("steps: 3\nepochs: 1\n", "--steps or --epochs"),
        ("- steps\n", "options are written as"),
        ("steps: {\n", r"line 2: this is not YAML"),
        ("steps: !!python/object/apply:os.system [ls]\n", "line 1: steps takes one value"),
        ("? [a]\n: 1\n", "there is no option ''"),
        ("a: \x00\n", "this is not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read(written(tmp_path, text))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_bytes(b"model: \xff\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read(str(tmp_path / "run.yaml"))


def test_a_file_that_is_not_there_is_answered_with_the_recipes_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no file nowhere.yaml.*Recipes: dolly-pythia"):
        read("nowhere.yaml")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("any") / "run.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(ConfigError):
        assert isinstance(read(str(file)), FinetuneOptions)


def test_flags_win_over_the_file() -> None:
    file = FinetuneOptions(epochs=2.0, lora_r=8, seed=1, model="a")
    both = merged(file, FinetuneOptions(seed=2, batch_size=4))
    assert (both.epochs, both.seed, both.batch_size, both.model) == (2.0, 2, 4, "a")


@pytest.mark.parametrize(
    ("flags", "undone"), [({"steps": 5}, "epochs"), ({"method": "full"}, "lora_r")], ids=["length", "method"]
)
def test_a_flag_takes_the_place_of_what_contradicts_it(flags: dict[str, Any], undone: str) -> None:
    both = merged(FinetuneOptions(epochs=2.0, lora_r=8), FinetuneOptions(**flags))
    assert getattr(both, undone) is None


settings_of_runs = st.builds(
    lambda method, **given: resolve(
        FinetuneOptions(method=method, lora_r=None if method == "full" else 4, **given),
        rows=100,
        on_cpu=True,
        bf16=False,
    )[0],
    method=st.sampled_from(["lora", "full"]),
    steps=st.integers(1, 10**6),
    learning_rate=st.floats(1e-9, 1e3),
    seed=st.integers(0, 2**32 - 1),
    system=st.text(st.characters(exclude_categories=["Cs"])),
    bf16=st.booleans(),
)


@given(settings_of_runs)
@example(resolve(FinetuneOptions(steps=1, system="a\x85\u2028\u2029\r\n b"), rows=100, on_cpu=True, bf16=False)[0])
def test_what_a_run_keeps_makes_the_same_settings_again(
    tmp_path_factory: pytest.TempPathFactory, settings: Settings
) -> None:
    text = as_text(settings, dataset="animals/v1", model="some/model", heading="From a run\nof ours")
    file = tmp_path_factory.mktemp("kept") / "run.yaml"
    file.write_text(text, encoding="utf-8", newline="")
    options = read(str(file))
    assert (options.dataset, options.model) == ("animals/v1", "some/model")
    assert resolve(options, rows=100, on_cpu=False, bf16=True)[0] == settings


def test_every_option_has_a_type_that_a_file_can_be_read_as() -> None:
    kinds = {str(field.type).partition(" |")[0] for field in fields(FinetuneOptions)}
    assert kinds <= set(config_file.MAKERS)


@pytest.mark.parametrize("recipe", config_file.recipes(), ids=lambda recipe: recipe.name)
def test_a_recipe_says_what_it_needs_and_whether_that_was_measured(recipe: config_file.Recipe) -> None:
    assert list(recipe.about) == ["summary", "needs", "runtime", "memory", "loss", "figures"]
    assert recipe.about["figures"] in {"measured", "estimated"}
    assert re.search(r"\d", recipe.about["runtime"] + recipe.about["memory"])
    assert recipe.options.model
