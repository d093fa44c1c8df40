from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from django.utils import timezone

from jobs.models import Job
from tests import factories
from tests.training import material
from training import listing
from training.models import TrainingRun
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
    """An installation with one dataset version and no runs."""
    settings.WOOLGATHER_DATASETS = tmp_path / "datasets"
    settings.WOOLGATHER_RUNS = tmp_path / "runs"
    settings.WOOLGATHER_MODELS = tmp_path / "models"
    settings.WOOLGATHER_DATASET_NAME = "animals"
    material.make_version(tmp_path / "datasets", {"train": [material.record(1)]})
    return tmp_path


@pytest.fixture
def lead() -> Person:
    return factories.PersonFactory.create(roles=["lead"])


@pytest.fixture
def client(sign_in: Callable[[Person], Client], lead: Person) -> Client:
    return sign_in(lead)


def listed(root: Path, name: str = "first", **given: Any) -> TrainingRun:
    return listing.list_run(run=Run(material.make_run(root, name, **given)), now=timezone.now())


def page(client: Client, run: TrainingRun, name: str = "run-detail", **query: Any) -> str:
    return client.get(reverse(name, args=[run.pk]), query).content.decode()


def test_an_empty_list_says_what_a_run_is_and_how_to_start_one(client: Client) -> None:
    text = client.get("/runs/").content.decode()
    assert "No run yet" in text
    assert reverse("run-new") in text


def test_the_list_shows_what_each_run_came_to(client: Client, tmp_path: Path) -> None:
    listed(tmp_path)
    listed(tmp_path, "second", steps=8, done=3)
    text = client.get("/runs/").content.decode()
    assert "loss 2.500 → 2.250" in text
    assert "3 of 8" in text


def test_the_list_costs_the_same_however_many_runs_there_are(
    client: Client, tmp_path: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(25):
        listed(tmp_path, f"run-{number}")
    client.get("/runs/")
    with django_assert_num_queries(7):
        assert client.get("/runs/").content.count(b"run-row") == 20


def test_a_run_page_costs_the_same_however_long_it_was(
    client: Client, tmp_path: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    run = listed(tmp_path, steps=400, done=400)
    page(client, run)
    with django_assert_num_queries(9):
        page(client, run)


def test_everybody_reads_runs_but_only_leads_start_stop_or_resume_them(
    sign_in: Callable[[Person], Client], tmp_path: Path
) -> None:
    contributor = sign_in(factories.PersonFactory.create())
    run = listed(tmp_path, steps=8, done=3)
    assert contributor.get("/runs/").status_code == 200
    assert "Save and stop" not in page(contributor, run)
    for name in ("run-stop", "run-resume"):
        assert contributor.post(reverse(name, args=[run.pk])).status_code == 403
    assert contributor.get(reverse("run-new")).status_code == 403
    run.refresh_from_db()
    assert run.stop_asked_at is None


def test_a_running_run_asks_for_its_progress_and_a_finished_one_does_not(client: Client, tmp_path: Path) -> None:
    running, finished = listed(tmp_path, "one", steps=8, done=3), listed(tmp_path, "two")
    fragment = client.get(reverse("run-detail", args=[running.pk]), headers=HTMX).content.decode()
    assert fragment.lstrip().startswith('<div id="progress"')
    assert 'hx-trigger="every 3s"' in fragment
    assert "about 1 min of training left" in fragment
    assert "every 3s" not in page(client, finished)


def test_a_run_that_is_not_heard_of_says_so(client: Client, tmp_path: Path) -> None:
    run = listed(tmp_path, steps=8, done=3)
    assert "No sign of life" not in page(client, run)
    TrainingRun.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    assert "No sign of life" in page(client, run)
    assert "no sign of life" in client.get("/runs/").content.decode()


def test_what_was_measured_stands_beside_what_was_estimated(client: Client, tmp_path: Path) -> None:
    text = page(client, listed(tmp_path))
    for figure in ("2.250", "before: 2.500", "9.49", "260", "estimated: 250", "3.9 GB", "0.25"):
        assert figure in text


def test_a_curve_has_the_training_and_the_held_out_loss(client: Client, tmp_path: Path) -> None:
    run = listed(tmp_path)
    lines = page(client, run, format="csv", chart="loss").splitlines()
    assert lines == [
        "Step,Training,Held out,Tokens,Tokens per second",
        "0,,2.5,,",
        "1,2.9,,1000,250.0",
        "2,2.8,,2000,250.0",
        "3,2.7,,3000,250.0",
        "4,2.6,2.25,4000,250.0",
    ]


def test_a_long_curve_is_drawn_by_means_of_neighbouring_steps(client: Client, tmp_path: Path) -> None:
    run = listed(tmp_path, steps=400, done=400)
    lines = page(client, run, format="csv", chart="loss").splitlines()[2:]
    assert len(lines) == 100
    step, loss = lines[0].split(",")[:2]
    assert step == "4"
    assert float(loss) == pytest.approx(sum(3.0 - at / 10 for at in (1, 2, 3, 4)) / 4)


def test_each_categorys_loss_before_and_after_has_a_plot_as_file(client: Client, tmp_path: Path) -> None:
    run = listed(tmp_path)
    assert "closed_qa" in page(client, run, format="csv", chart="categories")
    assert page(client, run, format="svg", chart="categories").startswith("<svg")
    address = reverse("run-detail", args=[run.pk])
    assert client.get(address, {"format": "png", "chart": "loss"}).content[:4] == b"\x89PNG"
    assert client.get(address, {"format": "csv", "chart": "x"}).status_code == 404


def test_before_the_first_step_there_is_nothing_to_draw(client: Client, tmp_path: Path) -> None:
    run = listed(tmp_path, steps=8, done=0)
    text = page(client, run)
    assert "Loading, and measuring the base model." in text
    assert "plot-figure" not in text


def test_answers_stand_side_by_side_the_base_models_and_the_last(client: Client, tmp_path: Path) -> None:
    run = listed(tmp_path)
    text = page(client, run, "run-samples")
    assert text.count("I don&#x27;t know.") == 8
    assert text.count("By the river.") == 8
    assert "By the pond." not in text


def test_other_steps_and_one_category_can_be_chosen(client: Client, tmp_path: Path) -> None:
    run = listed(tmp_path)
    text = page(client, run, "run-samples", step=["2", "4"], category="closed_qa")
    assert "By the pond." in text
    assert "I don&#x27;t know." not in text
    assert text.count("Not asked at this update.") == 4
    assert text.count('run-sample"') == 5


def test_what_a_model_wrote_is_text_and_nothing_else(client: Client, tmp_path: Path) -> None:
    path = material.make_run(tmp_path)
    text = (path / "samples.jsonl").read_text().replace("By the river.", "<script>alert(1)</script>")
    (path / "samples.jsonl").write_text(text)
    run = listing.list_run(run=Run(path), now=timezone.now())
    assert "<script>alert(1)" not in page(client, run, "run-samples")


def test_a_lead_starts_a_run_with_nothing_but_a_version(client: Client, installation: Path, lead: Person) -> None:
    answer = client.post(reverse("run-new"), {"dataset": "animals/v1"})
    run = TrainingRun.objects.get()
    assert answer.headers["Location"] == reverse("run-detail", args=[run.pk])
    assert (run.status, run.requested_by_id, run.dataset) == ("queued", lead.pk, "animals/v1")
    assert Job.objects.get(queue="train").payload["run"] == str(run.pk)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": "5", "epochs": "1"}, "Give passes or updates, not both."),
        ({"output": "../etc"}, "Use letters, digits, dots, dashes and underscores."),
        ({"dataset": "animals/v9"}, "animals/v9 is not one of the available choices"),
        ({"learning_rate": "nan"}, "Enter a number."),
        ({"max_length": "0"}, "greater than or equal to 8"),
    ],
)
def test_a_wrong_field_says_what_is_wrong_and_starts_nothing(
    client: Client, installation: Path, given: dict[str, str], said: str
) -> None:
    answer = client.post(reverse("run-new"), {"dataset": "animals/v1", **given})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert not TrainingRun.objects.exists()


def test_a_name_that_is_taken_is_refused(client: Client, installation: Path) -> None:
    for _time in range(2):
        answer = client.post(reverse("run-new"), {"dataset": "animals/v1", "output": "mine"})
    assert answer.status_code == 400
    assert "There is a run mine already" in answer.content.decode()


def test_without_a_version_the_form_says_where_to_make_one(client: Client, settings: Any, tmp_path: Path) -> None:
    settings.WOOLGATHER_DATASETS = tmp_path / "none"
    text = client.get(reverse("run-new")).content.decode()
    assert "Nothing to train on yet" in text


def test_a_lead_stops_a_run_and_has_it_go_on(client: Client, tmp_path: Path) -> None:
    run = listed(tmp_path, steps=8, done=3)
    client.post(reverse("run-stop", args=[run.pk]))
    assert "Stopping" in page(client, run)
    TrainingRun.objects.update(status="interrupted")
    assert "Go on" in page(client, run)
    client.post(reverse("run-resume", args=[run.pk]))
    run.refresh_from_db()
    assert (run.status, run.stop_asked_at) == ("queued", None)


def test_stopping_what_has_ended_says_so(client: Client, tmp_path: Path) -> None:
    run = listed(tmp_path)
    answer = client.post(reverse("run-stop", args=[run.pk]), follow=True)
    assert "first is not running." in answer.content.decode()
