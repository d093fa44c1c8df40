"""What changed is the same in the database, the files and CHANGES.md; the semantic version follows from it."""

from __future__ import annotations

import contextlib
import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.diffs import diff
from collector.models import Submission
from exports import actions, comparisons, differences, manifest, queries, semver
from exports.filters import Filter
from tests import factories
from tests.exports.helpers import (
    NOW,
    approve,
    freeze,
    listed_changes,
    release,
    rewrite,
    take_back,
    tree,
    unlike,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import DjangoAssertNumQueries

    from collector.models import Campaign, Category
    from exports.models import DatasetVersion

pytestmark = pytest.mark.django_db

# What happens between two versions: how many are approved, rewritten, withdrawn; and a new seed.
happenings = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2), st.booleans()), min_size=1, max_size=3
)


def ids(rows: object) -> list[str]:
    return [str(row.submission_id) for row in rows]  # type: ignore[attr-defined]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(happenings, st.integers(0, 1_000))
def test_database_files_and_papers_agree_on_any_sequence_of_versions(
    tmp_path_factory: pytest.TempPathFactory,
    campaign: Campaign,
    category: Category,
    steps: list[tuple[int, int, int, bool]],
    seed: int,
) -> None:
    root, again = tmp_path_factory.mktemp("versions"), tmp_path_factory.mktemp("again")
    with transaction.atomic():
        versions = evolve(root, campaign, category, steps, random.Random(seed))
        for at, version in enumerate(versions):
            for earlier in versions[:at]:
                require_agreement(root, version, earlier)
        cache.clear()
        for version in versions:
            actions.rebuild_version(version=version, root=again)
        assert tree(again) == tree(root)
        transaction.set_rollback(True)


def evolve(
    root: Path,
    campaign: Campaign,
    category: Category,
    steps: list[tuple[int, int, int, bool]],
    chance: random.Random,
) -> list[DatasetVersion]:
    """Release a version, and one after each step: so many written, rewritten and withdrawn."""
    author, judge = factories.contributor_in(campaign), factories.reviewer()

    def write(count: int) -> None:
        for _at in range(count):
            text = f"{unlike(chance.randrange(10**9))}?"
            approve(campaign, category, author=author, by_reviewer=judge, instruction=text)

    write(3)
    versions = [release(root)]
    for more, changed, gone, other_filter in steps:
        write(more)
        standing = list(Submission.objects.approved().order_by("pk"))
        chance.shuffle(standing)
        for submission in standing[:changed]:
            rewrite(submission, response=f"Other words, {chance.randrange(10**9)}.")
        # One stays, since there is no empty version.
        for submission in standing[changed : changed + min(gone, len(standing) - changed - 1)]:
            take_back(submission)
        with contextlib.suppress(actions.NothingChanged):
            versions.append(release(root, filter=Filter(min_approvals=int(other_filter)), now=NOW + timedelta(days=1)))
    return versions


def require_agreement(root: Path, version: DatasetVersion, earlier: DatasetVersion) -> None:
    """Compare two versions in three ways."""
    here = root / "set" / version.label
    found = differences.compare(root / "set" / earlier.label, here)
    keys = {"added": found.added, "removed": found.removed, "edited": found.edited}
    assert {kind: ids(getattr(comparisons, kind)(version, earlier)) for kind in comparisons.KINDS} == keys
    assert comparisons.counts(version, earlier) == {kind: len(listed) for kind, listed in keys.items()}
    assert comparisons.step(version, earlier) == found.step
    before, after = comparisons.figures(earlier), comparisons.figures(version)
    assert found.figures == {name: comparisons.side_by_side(before[name], after[name]) for name in before}
    edits = list(comparisons.all_edits(version, earlier, with_texts=99))
    assert edits == list(found.edits())
    for edit in edits:
        for old, new in (edit.texts or {}).values():
            parts = diff(old, new)
            assert "".join(part.text for part in parts if part.kind != "insert") == old
            assert "".join(part.text for part in parts if part.kind != "delete") == new
    if version.parent == earlier:
        said = listed_changes(here / "CHANGES.md")
        assert {kind: sorted(said[kind.title()]) for kind in comparisons.KINDS} == keys
        assert version.semantic_version == semver.stepped(earlier.semantic_version, found.step)
        assert manifest.read(here)[0]["semantic_version"] == version.semantic_version


def test_a_version_from_before_semantic_ones_keeps_its_bytes(
    root: Path, campaign: Campaign, category: Category
) -> None:
    kept, gone = approve(campaign, category, 2)
    release(root)
    take_back(gone)
    rewrite(kept, response="Other words.")
    version = freeze()
    del version.about["semantic_version"]
    version.save(update_fields=["about"])
    actions.build_version(version=version, root=root, clock=lambda: NOW)
    said = (root / "set" / "v2" / "CHANGES.md").read_text()
    assert said == (
        "# Changes in set v2\n\nAgainst v1.\n\n"
        f"## Removed\n\n- `{gone.pk}`: withdrawn by its author\n\n"
        f"## Edited\n\n- `{kept.pk}`: revision 1 → 2\n\n## Added\n\nNone.\n"
    )
    assert "semantic_version" not in manifest.read(root / "set" / "v2")[0]
    assert '"version": "2.0.0"' in (root / "set" / "v2" / "croissant.json").read_text()
    assert "semantic version" not in (root / "set" / "v2" / "README.md").read_text()


def test_the_first_version_is_one_and_each_next_steps_from_its_parent(
    root: Path, campaign: Campaign, category: Category
) -> None:
    (one,) = approve(campaign, category)
    given_numbers = [release(root).semantic_version]
    (two,) = approve(campaign, category)
    given_numbers.append(release(root).semantic_version)
    given_numbers.append(release(root, formats=["chat"]).semantic_version)
    rewrite(one, response="Other words.")
    given_numbers.append(release(root).semantic_version)
    take_back(two)
    given_numbers.append(release(root).semantic_version)
    assert given_numbers == ["1.0.0", "1.1.0", "1.1.1", "2.0.0", "3.0.0"]


def test_a_number_never_comes_twice_though_two_versions_have_one_parent(
    root: Path, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category)
    release(root)
    approve(campaign, category)
    beside = freeze()
    approve(campaign, category)
    version = release(root)
    assert version.parent is not None
    assert (version.parent.label, beside.semantic_version, version.semantic_version) == ("v1", "1.1.0", "1.2.0")
    assert "also above that of v2 (1.1.0)" in (root / "set" / "v3" / "CHANGES.md").read_text()


def test_what_a_withdrawn_version_held_and_the_next_lacks_is_a_major_step(
    root: Path, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category)
    release(root)
    (wrong,) = approve(campaign, category)
    withdrawn = release(root)
    admin = factories.PersonFactory.create(roles=["admin"])
    actions.withdraw_version(version=withdrawn, reason="wrong", by=admin, now=NOW)
    take_back(wrong)
    approve(campaign, category)
    assert release(root).semantic_version == "2.0.0"


def test_reasons_are_followed_through_the_versions_in_between(
    root: Path, campaign: Campaign, category: Category
) -> None:
    _kept, early, late = approve(campaign, category, 3)
    first = release(root)
    take_back(early)
    second = release(root)
    take_back(late)
    third = release(root)
    reasons = comparisons.reasons(third, first, [early.pk, late.pk])
    assert reasons == {early.pk: "withdrawn", late.pk: "withdrawn"}
    assert comparisons.reasons(third, second, [early.pk, late.pk]) == {late.pk: "withdrawn"}
    assert comparisons.reasons(second, third, [late.pk]) == {}


def test_later_versions_go_on_to_name_what_was_withdrawn(root: Path, campaign: Campaign, category: Category) -> None:
    _kept, gone = approve(campaign, category, 2)
    release(root)
    take_back(gone)
    release(root)
    approve(campaign, category)
    release(root)
    said = listed_changes(root / "set" / "v3" / "CHANGES.md")
    assert (said["Removed"], said["Withdrawn since earlier versions"]) == ([], [str(gone.pk)])
    assert "Withdrawn since earlier versions" not in listed_changes(root / "set" / "v2" / "CHANGES.md")


def test_what_is_counted_once_is_looked_up_afterwards(
    root: Path, campaign: Campaign, category: Category, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    approve(campaign, category, 2)
    release(root)
    approve(campaign, category)
    version = release(root)
    parent = version.parent
    assert parent is not None
    cache.clear()
    with django_assert_num_queries(3):  # in both, edited; by category, language, licence and split
        comparisons.counts(version, parent)
        comparisons.figures(version)
    with django_assert_num_queries(0):
        assert queries.changes(version) == {"added": 1, "removed": 0, "edited": 0}
        assert comparisons.figures(version)["splits"] == version.splits


def test_edits_are_read_a_chunk_at_a_time(
    root: Path, campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparisons, "CHUNK_ROWS", 2)
    pairs = approve(campaign, category, 5)
    release(root)
    for pair in pairs:
        rewrite(pair, response=f"Other words for {pair.pk}.")
    version = release(root)
    assert version.parent is not None
    edits = list(comparisons.all_edits(version, version.parent, with_texts=3))
    assert [edit.id for edit in edits] == sorted(str(pair.pk) for pair in pairs)
    assert [edit.texts is not None for edit in edits] == [True, True, True, False, False]
