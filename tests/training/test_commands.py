from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from tests.training import material

if TYPE_CHECKING:
    from tests.training.conftest import Trainer

ROOT = Path(__file__).resolve().parents[2]

# Says at the end of a process what the hub's library understood when it was imported.
TELL_TELEMETRY = """
import atexit
def tell():
    hub = sys.modules["huggingface_hub.constants"]
    print(f"no telemetry {hub.HF_HUB_DISABLE_TELEMETRY}, offline {hub.HF_HUB_OFFLINE}", file=sys.stderr)
atexit.register(tell)
"""


@pytest.fixture
def installation(settings: Any, tmp_path: Path) -> Path:
    """Point the settings at an empty installation."""
    settings.WOOLGATHER_DATASETS = tmp_path / "datasets"
    settings.WOOLGATHER_RUNS = tmp_path / "runs"
    settings.WOOLGATHER_MODELS = tmp_path / "models"
    settings.WOOLGATHER_DATASET_NAME = "animals"
    return tmp_path


def manage(*arguments: str, var: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """Run manage.py in a process of its own, after the Python statements ``before``."""
    start = "from django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)"
    return subprocess.run(
        [sys.executable, "-c", f"import sys\n{before}\nsys.argv[0] = 'manage.py'\n{start}", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "WOOLGATHER_VAR": str(var),
            "OMP_NUM_THREADS": "1",
            "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "config.settings"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_the_commands_without_loading_torch(tmp_path: Path) -> None:
    tell = (
        "import atexit; atexit.register(lambda: print('heavy', sorted({'torch', 'transformers'} & set(sys.modules))))"
    )
    done = manage("help", var=tmp_path, before=tell)
    assert done.returncode == 0, done.stderr
    assert "finetune" in done.stdout
    assert done.stdout.rstrip().endswith("heavy []")


@pytest.mark.parametrize("command", ["finetune", "generate"])
def test_the_help_of_a_command_loads_no_torch_either(tmp_path: Path, command: str) -> None:
    tell = (
        "import atexit; atexit.register(lambda: print('heavy', sorted({'torch', 'transformers'} & set(sys.modules))))"
    )
    done = manage(command, "--help", var=tmp_path, before=tell)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("heavy []")


@pytest.mark.parametrize("command", [["finetune"], ["generate", "--prompt", "Hi"]])
def test_without_torch_the_command_says_in_one_line_what_to_install(tmp_path: Path, command: list[str]) -> None:
    done = manage(*command, var=tmp_path, before="sys.modules['torch'] = None")
    assert done.returncode == 1
    assert "make train-deps" in done.stderr
    assert len(done.stderr.strip().split("\n")) == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["finetune", "--steps", "0"],
        ["finetune", "--steps", "many"],
        ["finetune", "--steps", "3", "--epochs", "1"],
        ["finetune", "--no-such-flag"],
        ["finetune", "--method", "full", "--lora-r", "4"],
        ["finetune", "--too-long", "shorten"],
        ["finetune", "--preview", "0"],
        ["finetune", "--price-per-hour", "-1"],
        ["finetune", "--log-to", "paper"],
        ["finetune", "--config", "/nowhere.yaml"],
        ["finetune", "cure"],
        ["generate"],
        ["generate", "--prompt", " "],
        ["generate", "--prompt", "Hi", "--max-new-tokens", "0"],
        ["generate", "--prompt", "Hi", "--temperature", "-1"],
    ],
)
def test_bad_arguments_end_with_2(tmp_path: Path, arguments: list[str]) -> None:
    done = manage(*arguments, var=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr


@pytest.mark.train
def test_a_missing_version_ends_with_1_and_lists_those_there_are(installation: Path, libraries: None) -> None:
    material.make_version(installation / "datasets", {"train": [material.record(1)]})
    with pytest.raises(CommandError, match="There are: animals/v1") as failure:
        call_command("finetune", dataset="v9")
    assert failure.value.returncode == 1


@pytest.mark.train
def test_a_wrong_hash_ends_with_1_and_names_the_file(installation: Path, libraries: None) -> None:
    path = material.make_version(installation / "datasets", {"train": [material.record(n) for n in range(9)]})
    file = path / "data" / "train-00000-of-00001.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"X")
    with pytest.raises(CommandError, match=r"train-00000-of-00001\.parquet") as failure:
        call_command("finetune")
    assert failure.value.returncode == 1


@pytest.mark.train
@pytest.mark.django_db
def test_finetune_and_generate_print_one_json_line_each(installation: Path, finetune: Trainer, capfd: Any) -> None:
    out = StringIO()
    call_command(
        "finetune",
        model=str(finetune.model),
        steps=2,
        eval_rows=4,
        sample_tokens=2,
        output="mine",
        json=True,
        stdout=out,
    )
    (line,) = out.getvalue().splitlines()
    result = json.loads(line)
    assert {"run", "path", "loss_before", "loss_after", "tokens_per_second"} <= set(result)
    assert (result["run"], result["path"]) == ("mine", str(installation / "runs" / "mine"))

    out = StringIO()
    call_command("generate", prompt="Where?", context="There.", max_new_tokens=3, json=True, stdout=out)
    (line,) = out.getvalue().splitlines()
    assert json.loads(line)["run"] == "mine"
    assert capfd.readouterr().out == ""  # whatever libraries print goes to the error stream


@pytest.mark.train
def test_resume_without_an_unfinished_run_ends_with_1(installation: Path, libraries: None) -> None:
    with pytest.raises(CommandError, match="no unfinished run") as failure:
        call_command("finetune", resume="")
    assert failure.value.returncode == 1


@pytest.mark.train
def test_ctrl_c_saves_the_run_ends_with_1_and_the_run_can_be_resumed(finetune: Trainer, tmp_path: Path) -> None:
    var = finetune.places.datasets.parent
    usual = ["--model", str(finetune.model), "--steps", "6", "--eval-rows", "4", "--sample-tokens", "2"]
    # The signal comes while a step runs: the first time the loss is made.
    interrupt = (
        "import os, signal, training.trainer as trainer\n"
        "own = trainer.answer_nll\n"
        "def cut(*given):\n"
        "    trainer.answer_nll = own\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return own(*given)\n"
        "trainer.answer_nll = cut\n"
    )
    done = manage("finetune", "--dataset", "animals/v1", "--output", "mine", *usual, var=var, before=interrupt)
    assert done.returncode == 1
    assert "Stopped and saved after step 1 of 6" in done.stderr
    assert "Traceback" not in done.stderr
    again = manage("finetune", "--resume", "--json", *usual, var=var, before=TELL_TELEMETRY)
    assert again.returncode == 0, again.stderr
    assert "no telemetry True, offline True" in again.stderr
    assert json.loads(again.stdout)["steps"] == 6


def test_the_disk_being_full_is_said_in_one_line(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("training.actions.finetune", full)
    with pytest.raises(CommandError, match=r"No space left.*--resume") as failure:
        call_command("finetune")
    assert failure.value.returncode == 1


@pytest.mark.train
def test_a_dry_run_prints_one_json_line_and_writes_nothing(installation: Path, finetune: Trainer, capsys: Any) -> None:
    call_command("finetune", model=str(finetune.model), steps=3, dry_run=True, price_per_hour=2.0, json=True)
    (line,) = capsys.readouterr().out.strip().split("\n")
    assert json.loads(line)["estimate"]["steps"] == 3
    assert not (installation / "runs").exists()


@pytest.mark.train
def test_the_doctor_ends_with_1_where_something_is_missing(installation: Path, libraries: None, capsys: Any) -> None:
    with pytest.raises(CommandError, match="Not ready to train") as failure:
        call_command("finetune", "doctor", model="/nowhere/at/all")
    assert failure.value.returncode == 1
    assert "failed   data" in capsys.readouterr().out


@pytest.mark.train
def test_the_doctor_is_content_with_a_healthy_installation(installation: Path, finetune: Trainer, capsys: Any) -> None:
    call_command("finetune", "doctor", model=str(finetune.model), json=True)
    assert json.loads(capsys.readouterr().out)["ready"] is True


def test_the_recipes_are_listed_with_what_they_take(tmp_path: Path) -> None:
    done = manage("finetune", "recipes", var=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "smollm2-cpu\n    summary:" in done.stdout


@pytest.mark.train
def test_a_file_of_options_is_used_and_flags_win(installation: Path, finetune: Trainer, capsys: Any) -> None:
    file = installation / "run.yaml"
    file.write_text(f"model: {finetune.model}\nepochs: 1\nlora_r: 2\nbattery: none\n")
    call_command("finetune", config=str(file), steps=3, dry_run=True, json=True)
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert (settings["steps"], settings["lora_r"], settings["battery"]) == (3, 2, "none")


def test_a_mistake_in_a_file_of_options_ends_with_2_and_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("seed: 1\nlerning_rate: 2\n")
    done = manage("finetune", "--config", str(file), var=tmp_path)
    assert done.returncode == 2
    assert "line 2" in done.stderr
    assert "Did you mean learning_rate?" in done.stderr


def test_two_signals_at_once_are_one_wish_and_a_later_one_stops_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from training.management.stopping import Stop

    clock = iter([10.0, 10.2, 12.0])
    monkeypatch.setattr("training.management.stopping.time.monotonic", lambda: next(clock))
    stop = Stop()
    with stop.listening():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
