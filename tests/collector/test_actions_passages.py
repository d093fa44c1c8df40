from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ValidationError

from collector import queries
from collector.actions.passages import skip_passage
from collector.models import Passage, PassageSkip
from tests import factories
from tests.factories import NOW

if TYPE_CHECKING:
    from collector.models import Campaign, Category, Person


@pytest.fixture
def passage(db: None) -> Passage:
    Passage.objects.all().delete()
    return factories.PassageFactory.create()


def skip(passage: Passage, campaign: Campaign, category: Category, by: Person, **fields: str) -> PassageSkip:
    given = {"reason": "too_hard", "note": ""} | fields
    return skip_passage(passage=passage, campaign=campaign, category=category, by=by, now=NOW, **given)


def test_a_skip_keeps_who_where_why_and_when(
    passage: Passage, campaign: Campaign, category: Category, author: Person
) -> None:
    kept = skip(passage, campaign, category, author, reason="wrong", note="  The Moon is farther.  ")
    assert (kept.person, kept.campaign, kept.category, kept.at) == (author, campaign, category, NOW)
    assert (kept.reason, kept.note) == ("wrong", "The Moon is farther.")


def test_skipping_it_again_replaces_the_reason(
    passage: Passage, campaign: Campaign, category: Category, author: Person
) -> None:
    skip(passage, campaign, category, author)
    later = NOW + timedelta(days=1)
    skip_passage(passage=passage, campaign=campaign, category=category, reason="unclear", by=author, now=later)
    assert (PassageSkip.objects.get().reason, PassageSkip.objects.get().at) == ("unclear", later)


@pytest.mark.parametrize(
    ("fields", "field"), [({"reason": "bored"}, "reason"), ({"note": "a\x00"}, "note"), ({"note": "x" * 501}, "note")]
)
def test_what_cannot_be_kept_is_refused_at_its_field(
    passage: Passage, campaign: Campaign, category: Category, author: Person, fields: dict[str, str], field: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        skip(passage, campaign, category, author, **fields)
    assert list(refusal.value.message_dict) == [field]
    assert not PassageSkip.objects.exists()


def test_a_passage_too_hard_here_may_come_in_another_category(
    passage: Passage, campaign: Campaign, category: Category, author: Person
) -> None:
    skip(passage, campaign, category, author, reason="too_hard")
    other = factories.CategoryFactory.create()
    assert queries.pick_passage(campaign=campaign, person=author, category=category) is None
    assert queries.pick_passage(campaign=campaign, person=author, category=other) == passage


def test_a_passage_at_fault_comes_nowhere(
    passage: Passage, campaign: Campaign, category: Category, author: Person
) -> None:
    skip(passage, campaign, category, author, reason="unsuitable")
    other = factories.CategoryFactory.create()
    assert queries.pick_passage(campaign=campaign, person=author, category=other) is None


def test_anothers_skip_changes_nothing(
    passage: Passage, campaign: Campaign, category: Category, author: Person
) -> None:
    skip(passage, campaign, category, factories.contributor_in(campaign))
    assert queries.pick_passage(campaign=campaign, person=author, category=category) == passage
