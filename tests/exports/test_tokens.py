"""Budgets in the tokens of a tokenizer that lies on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command

from collector.models import Revision
from exports import actions, tokens
from exports.filters import BadFilter, Filter
from exports.mixture import mixture
from tests.exports.helpers import approve, freeze, unlike

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from collector.models import Campaign, Category

TINY = "acme/tiny"


@pytest.fixture(autouse=True)
def home(settings: Settings, tmp_path: Path) -> Path:
    """The models directory of a test."""
    cache.clear()
    settings.WOOLGATHER_MODELS = tmp_path / "models"
    return tmp_path / "models"


@pytest.fixture
def tiny(home: Path) -> str:
    """A tokenizer whose tokens are single letters."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), behavior="isolated")
    (home / TINY).mkdir(parents=True)
    tokenizer.save(str(home / TINY / "tokenizer.json"))
    return TINY


def test_a_tokenizer_that_is_not_here_is_told_with_what_to_do(home: Path) -> None:
    with pytest.raises(tokens.NoTokenizer, match=f"There is no tokenizer nobody here.*{home}/nobody"):
        tokens.require("nobody")


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/b/c", ".hidden", "a b"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(BadFilter, match="tokenizer's name"):
        Filter(tokenizer=name)


def test_a_filter_says_what_it_counts_in() -> None:
    chosen = Filter(words=(("open_qa", 5_000),), tokenizer=TINY)
    assert chosen.in_words() == "approved records with at most 5,000 tokens (acme/tiny) of open_qa"
    assert Filter.of(chosen.as_dict()) == chosen


@pytest.mark.django_db
def test_a_release_by_an_unknown_tokenizer_is_refused_at_its_field(campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    with pytest.raises(actions.BadRequest) as refused:
        freeze(filter=Filter(tokenizer="nobody"))
    assert list(refused.value.message_dict) == ["tokenizer"]


@pytest.mark.django_db
def test_the_command_refuses_an_unknown_tokenizer_with_exit_2(campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    with pytest.raises(CommandError, match="There is no tokenizer nobody here") as refused:
        call_command("export_dataset", "--tokenizer", "nobody")
    assert refused.value.returncode == 2


@pytest.mark.train
@pytest.mark.django_db
def test_all_three_texts_are_counted(campaign: Campaign, category: Category, tiny: str) -> None:
    approve(campaign, category, instruction="Why?", context="Since.", response="So.")
    assert list(tokens.counted(Revision.objects.all(), tiny).values()) == [len("Why?Since.So.")]


@pytest.mark.train
@pytest.mark.django_db
def test_what_was_counted_is_not_counted_again(
    campaign: Campaign, category: Category, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(campaign, category)
    first = tokens.counted(Revision.objects.all(), tiny)
    monkeypatch.setattr(tokens, "_load", None)
    assert tokens.counted(Revision.objects.all(), tiny) == first


@pytest.mark.train
@pytest.mark.django_db
def test_a_budget_in_tokens_leaves_out_what_goes_beyond_it(campaign: Campaign, category: Category, tiny: str) -> None:
    for number in range(3):
        approve(campaign, category, instruction=unlike(number), response="x" * 40)
    one = len(unlike(0)) + 40
    version = freeze(filter=Filter(words=((category.slug, 2 * one),), tokenizer=tiny))
    assert version.rows == 2
    assert version.about["left_out"] == {"budget": 1}
    assert version.about["tokenizer"] == {"name": tiny, "sha256": tokens.sha256(tiny)}


@pytest.mark.train
@pytest.mark.django_db
def test_the_preview_counts_in_tokens(campaign: Campaign, category: Category, tiny: str) -> None:
    approve(campaign, category, instruction="Why?", response="So.")
    assert mixture(Filter(tokenizer=tiny)).words == len("Why?So.")
