"""Versions without duplicates, with bounds, and with splits that keep near-duplicates together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache

from collector.actions import submissions
from collector.models import Submission
from exports import actions, capture, manifest, places, queries, selection
from exports.filters import Filter
from exports.models import DatasetPlacement
from exports.splits import Shares
from tests import factories
from tests.exports.helpers import NOW, approve, build, freeze, release, unlike

if TYPE_CHECKING:
    from pathlib import Path

    from collector.models import Campaign, Category
    from exports.models import DatasetVersion

pytestmark = pytest.mark.django_db

HERON = "Explain in two sentences why a heron stands on one leg in cold water."
TWIN = "Explain in two sentences why a heron stands on one leg in the cold water."


def split_by_prompt(version: DatasetVersion) -> dict[str, str]:
    """Return the split of each instruction."""
    return dict(version.records.values_list("revision__instruction", "split"))


def approve_others(campaign: Campaign, category: Category, count: int) -> None:
    """Approve pairs that are near to nothing."""
    author, judge = factories.contributor_in(campaign), factories.reviewer()
    for number in range(count):
        approve(campaign, category, instruction=f"{unlike(number)}?", author=author, by_reviewer=judge)


def test_near_duplicates_share_a_split_and_the_shares_hold(campaign: Campaign, category: Category) -> None:
    approve_others(campaign, category, 18)
    for text in (HERON, TWIN):
        approve(campaign, category, instruction=text)
    version = freeze(shares=Shares(50, 0, 50))
    found = split_by_prompt(version)
    assert found[HERON] == found[TWIN]
    assert version.splits == {"train": 10, "test": 10}


def test_a_record_keeps_its_split_when_its_twin_comes_and_when_it_is_edited(
    root: Path, campaign: Campaign, category: Category
) -> None:
    approve_others(campaign, category, 3)
    (heron,) = approve(campaign, category, instruction=HERON)
    first = split_by_prompt(release(root, shares=Shares(100, 0, 0)))
    approve(campaign, category, instruction=TWIN)
    second = split_by_prompt(release(root, shares=Shares(1, 0, 99)))
    assert {second[prompt] for prompt in first} == {"train"}
    assert second[TWIN] == "train"
    submissions.withdraw(submission=heron, by=heron.author, now=NOW)
    third = split_by_prompt(freeze(shares=Shares(1, 0, 99)))
    assert HERON not in third
    assert third[TWIN] == "train"


def test_without_near_duplicates_the_one_approved_first_stays(
    root: Path, campaign: Campaign, category: Category
) -> None:
    (heron,) = approve(campaign, category, instruction=HERON)
    (twin,) = approve(campaign, category, instruction=TWIN)
    Submission.objects.filter(pk=twin.pk).update(approved_at=NOW + timedelta(days=900))
    version = release(root, filter=Filter(duplicates="near"))
    assert list(version.records.values_list("submission_id", flat=True)) == [heron.pk]
    out = DatasetPlacement.objects.get(version=version, submission=twin)
    assert (out.reason, out.twin_id) == ("near_duplicate", heron.pk)
    found, _sha256 = manifest.read(places.version_path(root, "set", 1))
    assert found["left_out"] == {"near_duplicate": 1}
    card = (places.version_path(root, "set", 1) / "README.md").read_text()
    assert "Left out of what the filter chose: 1 near-duplicates of another record." in card


def test_the_papers_of_an_older_version_say_what_they_said(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    version = freeze()
    for key in ("shares", "split_rule", "left_out", "near"):
        del version.about[key]
    version.save(update_fields=["about"])
    build(version, root)
    found, _sha256 = manifest.read(places.version_path(root, "set", 1))
    assert "while its prompt stays the same" in found["split_rule"]
    assert "left_out" not in found


def test_a_share_that_cannot_be_kept_is_refused_with_one_that_can(campaign: Campaign, category: Category) -> None:
    for number in range(3):
        approve(campaign, category, instruction=f"{unlike(number)}?")
    with pytest.raises(actions.ContributorsShare, match="With 3 contributors somebody always has at least 34 %"):
        freeze(filter=Filter(most_percent_from_one=20))


def test_budgets_that_leave_nothing_make_no_version(campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    with pytest.raises(actions.NothingApproved, match="leaves all 1 of them out"):
        freeze(filter=Filter(words=((category.slug, 1),)))


def test_a_budget_for_a_category_that_is_not_there_is_refused(campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    with pytest.raises(actions.BadRequest) as refusal:
        freeze(filter=Filter(words=(("nonsense", 5),)))
    assert category.slug in refusal.value.message_dict["words"][0]


def test_what_is_approved_between_the_comparison_and_the_freeze_is_compared_too(
    campaign: Campaign, category: Category
) -> None:
    approve(campaign, category, instruction=HERON)
    wanted = Filter(duplicates="near")
    near = actions.compare(by=None, filter=wanted)
    (twin,) = approve(campaign, category, instruction=TWIN)
    Submission.objects.filter(pk=twin.pk).update(approved_at=NOW + timedelta(days=900))
    version = freeze(filter=wanted, near=near)
    assert DatasetPlacement.objects.get(version=version).submission_id == twin.pk


def test_a_record_that_straddles_two_splits_is_left_out_and_another_takes_its_place(
    root: Path, campaign: Campaign, category: Category
) -> None:
    one = "List four kinds of bridges and say which rivers in Europe they cross."
    other = "List four kinds of bridges and name the people who built the first of them."
    between = "List four kinds of bridges and say who built the first of them in Europe."
    (first,) = approve(campaign, category, instruction=one)
    release(root, shares=Shares(100, 0, 0))
    approve(campaign, category, instruction=other)
    version = release(root, shares=Shares(1, 0, 99))
    assert split_by_prompt(version) == {one: "train", other: "test"}
    (third,) = approve(campaign, category, instruction=between)
    near = selection.Near(
        selection.compare(queries.chosen(Filter())).seen,
        [(first.pk, third.pk), (version.records.get(split="test").submission_id, third.pk)],
    )
    with capture.captured(Filter()) as held:
        found = selection.select(held, filter=Filter(), shares=Shares(), dataset="set", near=near)
    assert found.reasons == {"straddles": 1}
    assert found.rows == 2


def test_what_was_compared_for_a_preview_is_not_compared_again(
    campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    approve(campaign, category, instruction=HERON)
    selection.compared_all()
    approve(campaign, category, instruction=TWIN)
    monkeypatch.setattr(selection, "compare", refuse)
    found = split_by_prompt(freeze(shares=Shares(50, 0, 50)))
    assert found[HERON] == found[TWIN]


def test_what_was_compared_long_ago_is_compared_again(
    campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    selection.compared_all()
    monkeypatch.setattr(selection, "MOST_LATE", 1)
    approve_others(campaign, category, 2)
    assert len(selection.compared_all().seen) == 2


def refuse(*_what: object) -> None:
    """Stand in for what must not be called."""
    raise AssertionError("compared again")
