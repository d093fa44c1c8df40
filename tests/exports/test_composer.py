"""The composer: figures of a choice, recipes, and what they become."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from collector.models import AuditEntry, CampaignCategory
from exports import actions
from exports.filters import Filter
from exports.mixture import mixture
from exports.models import DatasetVersion, Recipe
from exports.splits import Shares
from tests import factories
from tests.exports.helpers import NOW, approve, freeze

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from collector.models import Campaign, Category, Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(db: None) -> Person:
    return factories.PersonFactory.create(roles=["lead"])


def save(lead: Person, **fields: Any) -> Recipe:
    values: dict[str, Any] = {
        "name": "clean",
        "dataset": "set",
        "filter": Filter(duplicates="near", words=(), languages=("en",)),
        "shares": Shares(80, 10, 10),
        "formats": ["dolly"],
        "licence": "",
        "by": lead,
        "now": NOW,
    }
    return actions.save_recipe(**values | fields)


def test_a_mixture_counts_what_stays_and_what_does_not(campaign: Campaign, category: Category) -> None:
    CampaignCategory.objects.update_or_create(campaign=campaign, category=category, defaults={"target": 5})
    approve(campaign, category, instruction="What is a heron?", response="A grey bird.")
    approve(campaign, category, instruction="What is a heron?", response="A bird.")
    found = mixture(Filter(duplicates="near"))
    (line,) = found.categories
    assert (found.chosen, found.rows, found.reasons) == (2, 1, {"near_duplicate": 1})
    assert (line.rows, line.left_out, line.target, line.missing) == (1, 1, 5, 4)
    assert found.words == line.words > 0
    assert sum(rows for _label, rows in found.lengths) == found.contributors == 1
    assert found.gini == 0.0


def test_what_a_mixture_promises_is_what_a_version_holds(campaign: Campaign, category: Category) -> None:
    for number in range(5):
        approve(campaign, category, instruction="What is a heron?", response=f"Answer {number}.")
    wanted = Filter(duplicates="near", min_approvals=1)
    assert mixture(wanted).rows == freeze(filter=wanted).rows == 1


def test_a_contributor_composes_nothing(sign_in: Callable[[Person], Client], author: Person) -> None:
    assert sign_in(author).get(reverse("dataset-compose")).status_code == 403


def test_with_nothing_approved_the_page_says_so(sign_in: Callable[[Person], Client], lead: Person) -> None:
    assert "No approved record fits" in sign_in(lead).get(reverse("dataset-compose")).content.decode()


def test_a_choice_is_answered_with_its_figures_alone(
    sign_in: Callable[[Person], Client], lead: Person, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category, 3)
    headers = {"HX-Request": "true", "HX-Target": "mixture"}
    sent = {"name": "set", "most_from_one": "1", "words": f"{category.slug}=1"}
    page = sign_in(lead).post(reverse("dataset-compose"), sent, headers=headers).content.decode()
    assert "<html" not in page
    assert "3 (beyond its category" in page.replace("&#x27;", "'")


@pytest.mark.parametrize(
    ("sent", "said"),
    [({"words": "many"}, "such as open_qa=50000"), ({"most_percent_from_one": "1"}, "nobody can be kept under 1 %")],
)
def test_what_cannot_be_is_said_where_the_figures_stand(
    sign_in: Callable[[Person], Client],
    lead: Person,
    campaign: Campaign,
    category: Category,
    sent: dict[str, str],
    said: str,
) -> None:
    approve(campaign, category)
    answer = sign_in(lead).post(reverse("dataset-compose"), {"name": "set"} | sent)
    assert answer.status_code == 200
    assert said in answer.content.decode()


def test_a_recipe_is_kept_and_fills_the_form_again(
    sign_in: Callable[[Person], Client], lead: Person, campaign: Campaign, category: Category
) -> None:
    client = sign_in(lead)
    sent = {"name": "set", "recipe": "clean", "duplicates": "near", "words": f"{category.slug}=900", "save": "1"}
    answer = client.post(reverse("dataset-compose"), sent | {"splits": "80/10/10", "formats": ["dolly"]})
    assert answer["Location"] == f"{reverse('dataset-compose')}?recipe=clean"
    page = client.get(answer["Location"]).content.decode()
    assert f"{category.slug}=900" in page
    assert 'value="80/10/10"' in page
    assert AuditEntry.objects.filter(verb="recipe.saved", target="clean").exists()


def test_a_recipe_without_a_name_is_not_kept(sign_in: Callable[[Person], Client], lead: Person) -> None:
    answer = sign_in(lead).post(reverse("dataset-compose"), {"name": "set", "save": "1"})
    assert answer.status_code == 400
    assert not Recipe.objects.exists()


def test_the_same_name_replaces_a_recipe(lead: Person) -> None:
    save(lead)
    save(lead, filter=Filter())
    assert Recipe.objects.get().filter == Filter().as_dict()


def test_a_recipe_is_deleted_and_its_versions_stay(
    sign_in: Callable[[Person], Client], lead: Person, campaign: Campaign, category: Category
) -> None:
    recipe = save(lead)
    approve(campaign, category)
    freeze(filter=Filter.of(recipe.filter))
    sign_in(lead).post(reverse("recipe-delete", args=[recipe.pk]))
    assert not Recipe.objects.exists()
    assert DatasetVersion.objects.exists()


def test_others_neither_keep_nor_delete(sign_in: Callable[[Person], Client], lead: Person, author: Person) -> None:
    recipe = save(lead)
    assert sign_in(author).post(reverse("recipe-delete", args=[recipe.pk])).status_code == 403
    with pytest.raises(actions.NotALead):
        save(author)
    with pytest.raises(actions.NotALead):
        actions.delete_recipe(recipe=recipe, by=author, now=NOW)


def test_the_command_builds_a_recipe(root: Path, lead: Person, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    save(lead, filter=Filter(most_from_one=3))
    out = StringIO()
    call_command("export_dataset", "--recipe", "clean", stdout=out)
    version = DatasetVersion.objects.get()
    assert (version.name, version.formats, version.filter["most_from_one"]) == ("set", ["dolly"], 3)
    assert "set v1" in out.getvalue()


@pytest.mark.parametrize("flags", [["--recipe", "missing"], ["--recipe", "clean", "--category", "x"]])
def test_a_recipe_that_is_not_there_or_not_alone_ends_with_two(root: Path, lead: Person, flags: list[str]) -> None:
    save(lead)
    with pytest.raises(CommandError) as error:
        call_command("export_dataset", *flags)
    assert error.value.returncode == 2


def test_the_page_costs_the_same_for_one_record_and_many(
    sign_in: Callable[[Person], Client],
    lead: Person,
    campaign: Campaign,
    category: Category,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = sign_in(lead)
    for count in (1, 9):
        approve(campaign, category, count)
        with django_assert_max_num_queries(14):
            assert client.get(reverse("dataset-compose")).status_code == 200


@pytest.mark.parametrize("name", ["datasets", "dataset-compose"])
def test_a_last_day_with_no_day_after_it_is_refused_at_its_field(
    sign_in: Callable[[Person], Client], lead: Person, campaign: Campaign, name: str
) -> None:
    sent = {"name": "set", "approved_until": "9999-12-31", "duplicates": "", "build": "1"}
    answer = sign_in(lead).post(reverse(name), sent)
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == ["approved_until"]
    with pytest.raises(CommandError, match="approved_until is a day before"):
        call_command("export_dataset", "--approved-until", "9999-12-31", stdout=StringIO())


@pytest.mark.parametrize("name", ["datasets", "dataset-compose"])
def test_a_third_build_at_once_is_told_when_to_come_again(
    sign_in: Callable[[Person], Client], lead: Person, campaign: Campaign, category: Category, name: str
) -> None:
    for number in range(2):
        approve(campaign, category)
        freeze(name=f"set-{number}", by=lead)
    answer = sign_in(lead).post(reverse(name), {"name": "set", "duplicates": "", "build": "1"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
    assert "two versions being built" in answer.content.decode()
    assert DatasetVersion.objects.count() == 2
