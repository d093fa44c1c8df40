from __future__ import annotations

import csv
import json
from fractions import Fraction
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from tests.training.conftest import NOW
from training import curve_report, learning_curve
from training.curve_listing import ListedCurve
from training.errors import TrainingError
from training.learning_curve import CurveOptions, Plan
from training.models import LearningCurve, TrainingRun
from training.options import FinetuneOptions, OptionError
from training.report import Silence
from training.runs import Run
from training.scaling import Curve, PowerLaw
from training.sitting import StoppedError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.training.conftest import Trainer
    from training.places import Places

pytestmark = pytest.mark.train


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals as rough as a test needs them."""
    monkeypatch.setattr("training.scaling.DRAWS", 60)


def options(finetune: Trainer, **given: Any) -> CurveOptions:
    model = FinetuneOptions(
        **{
            "model": str(finetune.model),
            "batch_size": 4,
            "eval_rows": 20,
            "sample_tokens": 2,
            "epochs": 1.0,
            "learning_rate": 5e-3,
            **given.pop("model", {}),
        }
    )
    return CurveOptions(model=model, output="animals", **given)


def plan(finetune: Trainer, **given: Any) -> Plan:
    return learning_curve.plan(options=options(finetune, **given), places=finetune.places, now=NOW)


def made(finetune: Trainer, **given: Any) -> learning_curve.Result:
    return learning_curve.learning_curve(
        options=options(finetune, **given), places=finetune.places, report=Silence(), now=NOW
    )


def test_each_share_is_a_run_of_its_own_that_goes_over_its_rows_as_often(finetune: Trainer) -> None:
    found = plan(finetune)
    assert [(one.name, one.options.max_rows, one.options.epochs) for one in found.trainings] == [
        ("animals-15", 15, 1.0),
        ("animals-30", 30, 1.0),
        ("animals-60", 60, 1.0),
        ("animals-120", 120, 1.0),
    ]
    assert found.work == pytest.approx(1.875)


def test_seeds_and_categories_left_out_are_further_runs(finetune: Trainer) -> None:
    found = plan(finetune, shares=[Fraction(1, 4), Fraction(1, 2), Fraction(1)], seeds=2, leave_out="each")
    assert [one.name for one in found.trainings] == [
        *("animals-30-seed-0", "animals-30-seed-1", "animals-60-seed-0", "animals-60-seed-1"),
        *("animals-120-seed-0", "animals-120-seed-1"),
        "animals-80-without-closed_qa",
        "animals-40-without-open_qa",
    ]
    assert [one.options.without for one in found.trainings[-2:]] == ["closed_qa", "open_qa"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"shares": [Fraction(1, 2), Fraction(1)]}, "at least 3 different shares"),
        ({"shares": [Fraction(1, 2), Fraction(1), Fraction(3, 2)]}, "up to 1"),
        ({"seeds": 0}, "--seeds must be 1 or more"),
        ({"model": {"steps": 5, "epochs": None}}, "give --epochs, not --steps"),
        ({"model": {"max_rows": 4}}, "4 rows are too few"),
        ({"leave_out": "qa"}, "no row has the category qa"),
    ],
)
def test_what_no_curve_could_be_made_of_is_refused_before_anything_is_trained(
    finetune: Trainer, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(OptionError, match=said):
        plan(finetune, **given)
    assert not finetune.places.runs.exists()


def test_all_models_are_measured_on_the_same_rows_and_fitted(finetune: Trainer) -> None:
    result = made(finetune, leave_out="closed_qa")
    every, closed, opened = result.curves
    assert (every.category, closed.category, opened.category) == ("", "closed_qa", "open_qa")
    assert every.sizes == [15, 30, 60, 120]
    assert every.held_out == closed.held_out + opened.held_out == 20
    facts = Run(finetune.places.runs / "animals-120").facts()
    assert every.losses[-1] == pytest.approx(facts["loss_after"])
    assert result.before[""] == pytest.approx(facts["loss_before"])
    assert closed.losses[-1] == pytest.approx(facts["loss"]["after"]["by_category"]["closed_qa"])
    assert [change.category for change in result.left_out["closed_qa"]] == ["", "closed_qa", "open_qa"]


def test_the_same_call_again_trains_nothing_and_after_a_loss_only_what_is_missing(finetune: Trainer) -> None:
    import shutil

    first = made(finetune)
    shutil.rmtree(finetune.places.runs / "animals-60")
    stamps = {run.name: run.stat().st_mtime_ns for run in finetune.places.runs.glob("animals-*/run.json")}
    again = made(finetune)
    assert [curve.losses for curve in again.curves] == [curve.losses for curve in first.curves]
    assert {run.name: run.stat().st_mtime_ns for run in finetune.places.runs.glob("animals-*/run.json")}.items() >= (
        stamps.items()
    )


def test_other_settings_under_the_same_name_are_refused(finetune: Trainer) -> None:
    made(finetune)
    with pytest.raises(TrainingError, match=r"animals-15 is there already, and differs: --lr 0.1 \(the run has 0.005"):
        made(finetune, model={"learning_rate": 0.1})


def test_a_processor_gets_a_bounded_curve_and_is_told(finetune: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.hardware.device_name", lambda: "cpu")
    monkeypatch.setattr(learning_curve, "CPU_ROWS", 40)
    found = plan(finetune, model={"epochs": None})
    assert found.notes == ["No GPU here, so the largest share is 40 rows. --max-rows sets another; 0 is all."]
    assert (found.largest.rows, found.largest.options.epochs) == (40, 1.0)
    assert plan(finetune, model={"max_rows": 0}).largest.rows == 120


def result_of(finetune: Trainer, places: Places) -> learning_curve.Result:
    """A result whose figures are known."""
    law = PowerLaw(1.0, 4.0, 0.5)
    sizes = [15, 30, 60, 120]
    band = [(law.at(size) - 0.05, law.at(size) + 0.05) for size in (*sizes, 240)]
    known: dict[str, Any] = {"sizes": sizes, "losses": [law.at(size) for size in sizes], "law": law, "band": band}
    curves = [
        Curve(category="", doubling=-0.107, low=-0.15, high=-0.05, held_out=20, **known),
        Curve(category="closed_qa", doubling=-0.01, low=-0.06, high=0.04, held_out=10, **known),
        Curve(category="open_qa", doubling=0.0, low=-0.0006, high=0.0, held_out=12, **known),
    ]
    facts = {"base_model": {"id": "company/tiny"}, "settings": {"method": "lora", "epochs": 1.0}}
    return learning_curve.Result(plan(finetune), facts, curves, {"": 4.0, "closed_qa": 4.0, "open_qa": 4.0}, {})


def test_the_report_says_in_words_what_is_known_and_what_is_not(finetune: Trainer, tmp_path: Path) -> None:
    path = curve_report.write(result_of(finetune, finetune.places), root=tmp_path)
    text = (path / "README.md").read_text()
    assert "Twice the data: about 0.107 nats lower (0.050 to 0.150), perplexity 10.1% lower." in text
    assert "- closed_qa: not shown: between -0.040 and 0.060 nats lower" in text
    assert "- open_qa: nothing to speak of (0.000 to 0.001 nats lower)" in text
    assert "- Whether more data helps with: closed_qa." in text
    assert "none has more than 12 held-out records" in text
    assert "| all | 20 | 4.0000 | 2.0328 | 1.7303 | 1.5164 | 1.3651 | 1.2581 | -0.107 (-0.150 … -0.050) |" in text
    assert "The sizes are the rows of the shares" in text
    assert "each share was trained once, with one seed." in text
    assert (path / "category-1-closed_qa.png").is_file()
    assert (path / "curve.svg").read_text().startswith("<svg")
    assert (path / "doubling.png").read_bytes()[:4] == b"\x89PNG"
    rows = list(csv.reader((path / "losses.csv").open()))
    assert rows[:3] == [["category", "rows", "loss"], ["all", "0", "4.0"], ["all", "15", str(1 + 4 * 15**-0.5)]]


@pytest.mark.django_db
def test_the_command_prints_one_json_line_and_leaves_a_report(finetune: Trainer, settings: Any, capfd: Any) -> None:
    places = finetune.places
    settings.WOOLGATHER_DATASETS, settings.WOOLGATHER_RUNS = places.datasets, places.runs
    settings.WOOLGATHER_MODELS, settings.WOOLGATHER_DATASET_NAME = places.models, "animals"
    flags = ["--model", str(finetune.model), "--eval-rows", "8", "--epochs", "1", "--max-rows", "40"]
    out = StringIO()
    call_command("learning_curve", "--json", "--output", "mine", *flags, stdout=out)
    found = json.loads(out.getvalue())
    assert found["curve"] == "mine"
    assert found["runs"] == ["mine-5", "mine-10", "mine-20", "mine-40"]
    assert (places.runs / "mine-curve" / "README.md").is_file()
    assert capfd.readouterr().out == ""
    curve = LearningCurve.objects.get()
    assert (curve.name, curve.status, curve.dataset, curve.how_far()) == ("mine", "complete", "animals v1", (4, 4))
    assert [model["rows"] for model in curve.trainings] == [5, 10, 20, 40]
    assert curve.facts["curves"] == found["curves"]
    assert TrainingRun.objects.filter(pk=curve.trainings[-1]["run"], name="mine-40").exists()


@pytest.mark.django_db
def test_a_curve_that_is_stopped_says_what_is_done_and_goes_on(finetune: Trainer) -> None:
    class Pressed(ListedCurve):
        @property
        def wants_to_stop(self) -> bool:
            return TrainingRun.objects.filter(status="complete").exists()

    common: dict[str, Any] = {"options": options(finetune), "places": finetune.places, "report": Silence(), "now": NOW}
    with pytest.raises(StoppedError, match="Stopped before model 2 of 4"):
        learning_curve.learning_curve(**common, follower=Pressed())
    curve = LearningCurve.objects.get()
    assert (curve.status, curve.how_far()) == ("interrupted", (1, 4))
    learning_curve.learning_curve(**common, follower=ListedCurve())
    again = LearningCurve.objects.get()
    assert (again.pk, again.status, again.how_far()) == (curve.pk, "complete", (4, 4))


def test_shares_that_are_no_numbers_are_a_wrong_flag(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--shares takes numbers") as failure:
        call_command("learning_curve", "--shares", "half")
    assert failure.value.returncode == 2
