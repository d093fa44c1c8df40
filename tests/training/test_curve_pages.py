from __future__ import annotations

import json
import re
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from jobs.models import Job
from tests import factories
from tests.training import curve_material, material
from training import curve_listing, listing
from training.charts import shown
from training.models import LearningCurve, TrainingRun
from training.runs import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from collector.models import Person

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "progress"}


@pytest.fixture
def installation(settings: Any, tmp_path: Path) -> Path:
    """An installation with one dataset version of two categories."""
    settings.WOOLGATHER_DATASETS = tmp_path / "datasets"
    settings.WOOLGATHER_RUNS = tmp_path / "runs"
    settings.WOOLGATHER_MODELS = tmp_path / "models"
    settings.WOOLGATHER_DATASET_NAME = "animals"
    version = material.make_version(tmp_path / "datasets", {"train": [material.record(1)]})
    manifest = json.loads((version / "manifest.json").read_text())
    manifest["counts"] = {"categories": {"closed_qa": {"rows": 40}, "open_qa": {"rows": 80}}}
    (version / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


@pytest.fixture
def client(sign_in: Callable[[Person], Client]) -> Client:
    return sign_in(factories.PersonFactory.create(roles=["lead"]))


def listed(root: Path, name: str = "animals", **given: Any) -> LearningCurve:
    """List a curve, and its runs, as the command does."""
    curve = curve_listing.list_curve(path=curve_material.make_curve(root, name, **given), now=timezone.now())
    for one in curve.trainings:
        if (root / one["name"]).is_dir():
            listing.list_run(run=Run(root / one["name"]), now=timezone.now())
    return curve


def page(client: Client, curve: LearningCurve, **query: Any) -> str:
    return client.get(reverse("curve-detail", args=[curve.pk]), query).content.decode()


def test_figures_are_the_nearest_and_not_cut_off() -> None:
    assert (shown(0.0005001, 3), shown(2.2499, 2), shown(-1.9999, 3), shown(3, 2)) == (
        "0.001",
        "2.25",
        "-2.000",
        "3.00",
    )


def test_an_empty_list_says_what_a_curve_is_and_how_to_start_one(client: Client) -> None:
    text = client.get(reverse("curves")).content.decode()
    assert "No curve yet" in text
    assert reverse("curve-new") in text
    assert reverse("curves") in client.get(reverse("runs")).content.decode()


def test_the_list_says_what_twice_the_data_would_buy_and_how_far_others_are(client: Client, tmp_path: Path) -> None:
    listed(tmp_path)
    listed(tmp_path, "later", done=2)
    text = client.get(reverse("curves")).content.decode()
    assert "Twice the data: about 0.107 nats lower (0.050 to 0.150), perplexity 10.1% lower" in text
    assert "2 of 5 models" in text
    assert 'hx-trigger="every 5s"' in text


def test_the_list_costs_the_same_however_many_curves_there_are(
    client: Client, tmp_path: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(22):
        listed(tmp_path, f"curve-{number}", done=1 if number % 2 else 5)
    client.get(reverse("curves"))
    with django_assert_num_queries(8):
        assert client.get(reverse("curves")).content.count(b"run-row") == 20


def test_a_finished_curve_says_in_words_what_is_known_and_what_is_not(client: Client, tmp_path: Path) -> None:
    text = page(client, listed(tmp_path))
    for said in (
        "What would 240 records buy?",
        "Twice the data: about 0.107 nats lower (0.050 to 0.150), perplexity 10.1% lower.",
        "<strong>closed_qa</strong>: not shown: between 0.000 and 0.060 nats lower",
        "<strong>open_qa</strong>: nothing to speak of",
        "<strong>closed_qa</strong>: worse: +0.250 nats (+0.100 … +0.400)",
        "no difference shown: \N{MINUS SIGN}0.010 nats",
        "Trained on the other 118 records, compared with the model that had all 118.",
        "Whether more data helps with: closed_qa.",
        "whose intervals are rough themselves: closed_qa (12).",
        "each share was trained once, with one seed.",
        "Anything much beyond 240 records",
        "5 min",
    ):
        assert said in text
    assert "every 5s" not in text
    for run in TrainingRun.objects.all():
        assert reverse("run-detail", args=[run.pk]) in text


def test_a_category_with_hardly_a_held_out_record_promises_nothing(client: Client, tmp_path: Path) -> None:
    curves = curve_material.result()["curves"]
    curves[1] |= {"held_out": 2, "doubling": -0.02, "low": -0.03, "high": -0.01}
    text = page(client, listed(tmp_path, curves=curves))
    assert "<strong>closed_qa</strong>: not shown: 2 held-out records are too few to tell" in text
    assert '<td class="num">too few to tell</td>' in text
    assert "Whether more data helps with: closed_qa." in text
    assert page(client, LearningCurve.objects.get(), format="csv", chart="doubling").splitlines()[-1] == "closed_qa,,,"


def test_the_models_say_how_many_records_they_were_really_trained_on(client: Client, tmp_path: Path) -> None:
    rows = re.findall(r'<td class="num">(\d+)</td><td class="num">0</td>', page(client, listed(tmp_path, done=1)))
    assert rows == ["118", "30", "60", "120", "80"]  # the first has begun, and its run tells


def test_every_curve_has_a_table_and_files(client: Client, tmp_path: Path) -> None:
    curve = listed(tmp_path)
    lines = page(client, curve, format="csv", chart="curve").splitlines()
    assert lines[0] == "Records,Loss,Power law,Low,High"
    assert lines[4].startswith("120,1.365")
    assert lines[5].startswith("240,,1.258")
    assert "closed_qa" in page(client, curve, format="csv", chart="doubling")
    assert page(client, curve, format="svg", chart="category-1-closed_qa").startswith("<svg")
    address = reverse("curve-detail", args=[curve.pk])
    assert client.get(address, {"format": "png", "chart": "without-1-closed_qa"}).content[:4] == b"\x89PNG"
    assert client.get(address, {"format": "csv", "chart": "x"}).status_code == 404


def test_a_category_may_be_called_anything(client: Client, tmp_path: Path) -> None:
    odd = "a/b <script>"
    curves = curve_material.result()["curves"]
    curves[1]["category"] = odd
    curve = listed(tmp_path, curves=curves)
    assert "<script>:" not in page(client, curve)
    assert page(client, curve, format="svg", chart="category-1-ab-script").startswith("<svg")


def test_a_running_curve_shows_which_shares_are_done(client: Client, tmp_path: Path) -> None:
    curve = listed(tmp_path, done=2)
    listing.list_run(run=Run(material.make_run(tmp_path, "animals-60", steps=8, done=3)), now=timezone.now())
    text = client.get(reverse("curve-detail", args=[curve.pk]), headers=HTMX).content.decode()
    assert text.lstrip().startswith('<div id="progress"')
    assert "Training the models, the smallest share first." in text
    assert "2 of 5 models" in text
    assert "3 of 8 updates of the next" in text
    assert text.count("not begun") == 2
    assert "plot-figure" not in text


def test_a_curve_that_is_not_heard_of_says_so(client: Client, tmp_path: Path) -> None:
    curve = listed(tmp_path, done=2)
    LearningCurve.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    assert "No sign of life" in page(client, curve)
    assert "no sign of life" in client.get(reverse("curves")).content.decode()


def test_a_failed_curve_says_why(client: Client, tmp_path: Path) -> None:
    curve = listed(tmp_path, done=2, status="failed", error="Not enough memory for animals-60.")
    text = page(client, curve)
    assert "The curve failed." in text
    assert "Not enough memory for animals-60." in text
    assert "The same command with the same --output goes on" in text


def test_everybody_reads_curves_but_only_leads_start_stop_or_resume_them(
    sign_in: Callable[[Person], Client], tmp_path: Path
) -> None:
    contributor = sign_in(factories.PersonFactory.create())
    curve = listed(tmp_path, done=2)
    assert contributor.get(reverse("curves")).status_code == 200
    assert "Save and stop" not in page(contributor, curve)
    for name in ("curve-stop", "curve-resume"):
        assert contributor.post(reverse(name, args=[curve.pk])).status_code == 403
    assert contributor.get(reverse("curve-new")).status_code == 403
    assert contributor.post(reverse("curve-new"), {"dataset": "animals/v1"}).status_code == 403
    curve.refresh_from_db()
    assert curve.stop_asked_at is None


def given(**fields: Any) -> dict[str, Any]:
    return {"dataset": "animals/v1", "shares": "1/8, 1/4, 1/2, 1", "seeds": "1", **fields}


def test_a_lead_starts_a_curve_with_nothing_but_a_version(client: Client, installation: Path) -> None:
    answer = client.post(reverse("curve-new"), given())
    curve = LearningCurve.objects.get()
    assert answer.headers["Location"] == reverse("curve-detail", args=[curve.pk])
    assert (curve.status, curve.dataset) == ("queued", "animals v1")
    assert curve.options == {
        "dataset": "animals/v1", "shares": "1/8,1/4,1/2,1", "seeds": 1, "output": curve.name,
    }  # fmt: skip
    assert Job.objects.get(queue="train").payload["curve"] == str(curve.pk)
    assert "Waiting for a worker that trains." in page(client, curve)


def test_the_form_offers_the_categories_that_the_version_counts(client: Client, installation: Path) -> None:
    text = client.get(reverse("curve-new")).content.decode()
    assert text.count('value="open_qa"') == 2
    client.post(reverse("curve-new"), given(max_rows="64", leave_out=["open_qa"], recipe="dolly-pythia-160m"))
    options = LearningCurve.objects.get().options
    assert (options["max_rows"], options["leave_out"], options["config"]) == (64, "open_qa", "dolly-pythia-160m")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"shares": "1/2, 1"}, "Give at least 3 different shares above 0 and up to 1"),
        ({"shares": "1/0, 1/2, 1"}, "Give at least 3 different shares above 0 and up to 1"),
        ({"shares": "nan, 1/2, 1"}, "Give at least 3 different shares above 0 and up to 1"),
        ({"seeds": "0"}, "greater than or equal to 1"),
        ({"output": "../etc"}, "Use letters, digits, dots, dashes and underscores."),
        ({"output": "a" * 95}, "A curve&#x27;s name has letters, digits, dots, dashes and underscores"),
        ({"dataset": "animals/v9"}, "animals/v9 is not one of the available choices"),
        ({"only": "closed_qa", "leave_out": "open_qa"}, "These are not among the records to train on: open_qa."),
        ({"only": "closed_qa", "leave_out": "closed_qa"}, "Nothing would be left to train on."),
    ],
)
def test_a_wrong_field_says_what_is_wrong_and_starts_nothing(
    client: Client, installation: Path, wrong: dict[str, str], said: str
) -> None:
    answer = client.post(reverse("curve-new"), given(**wrong))
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not LearningCurve.objects.exists()


def test_a_name_that_is_taken_is_refused(client: Client, installation: Path) -> None:
    for _time in range(2):
        answer = client.post(reverse("curve-new"), given(output="mine"))
    assert answer.status_code == 400
    assert "There is a curve mine already" in answer.content.decode()


def test_without_a_version_the_form_says_where_to_make_one(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.WOOLGATHER_DATASETS = tmp_path / "none"
    assert "Nothing to train on yet" in client.get(reverse("curve-new")).content.decode()


def test_a_lead_stops_a_curve_and_has_it_go_on(client: Client, installation: Path) -> None:
    client.post(reverse("curve-new"), given(output="mine"))
    LearningCurve.objects.update(status="running")
    curve = LearningCurve.objects.get()
    client.post(reverse("curve-stop", args=[curve.pk]))
    assert "Stopping" in page(client, curve)
    LearningCurve.objects.update(status="interrupted")
    assert "Start again" in page(client, curve)
    client.post(reverse("curve-resume", args=[curve.pk]))
    curve.refresh_from_db()
    assert (curve.status, curve.stop_asked_at) == ("queued", None)
    answer = client.post(reverse("curve-resume", args=[curve.pk]), follow=True)
    assert "so it can&#x27;t go on" in answer.content.decode()


def test_a_curve_that_the_command_began_goes_on_with_the_command(client: Client, tmp_path: Path) -> None:
    curve = listed(tmp_path, done=2, status="interrupted")
    answer = client.post(reverse("curve-resume", args=[curve.pk]), follow=True)
    assert "was begun with the command" in answer.content.decode()


def test_sync_runs_lists_curves_too(settings: Any, tmp_path: Path) -> None:
    settings.WOOLGATHER_RUNS = tmp_path
    curve_material.make_curve(tmp_path, done=0)
    for expected in (["animals"], []):
        out = StringIO()
        call_command("sync_runs", "--json", stdout=out)
        assert json.loads(out.getvalue())["listed"] == expected
    path = tmp_path / "animals-curve" / "curve.json"
    path.write_text(json.dumps({name: value for name, value in curve_material.result().items() if name != "id"}))
    call_command("sync_runs", "--json", stdout=StringIO())  # as earlier releases wrote it
    assert LearningCurve.objects.filter(status="complete", name="animals-curve").exists()
