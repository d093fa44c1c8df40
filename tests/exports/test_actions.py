"""Freezing, building, rebuilding, failing and withdrawing a version."""

from __future__ import annotations

import errno
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, transaction

from collector.actions import submissions
from collector.models import AuditEntry, Submission
from collector.pairs import Text
from exports import actions, columnar, manifest, places, queries
from exports import release as release_module
from exports.filters import Filter
from exports.models import DatasetVersion
from exports.splits import SPLITS, split_of
from tests import factories
from tests.exports.helpers import NOW, approve, approve_in_every_split, build, freeze, records_of, release, tree

if TYPE_CHECKING:
    from pathlib import Path

    from collector.models import Campaign, Category, Person

pytestmark = pytest.mark.django_db
Status = DatasetVersion.Status


def test_without_approved_records_there_is_nothing_to_release(campaign: Campaign, category: Category) -> None:
    factories.make_submission(campaign=campaign, category=category)
    with pytest.raises(actions.NothingApproved, match="no submission is approved yet"):
        freeze()
    assert not DatasetVersion.objects.exists()


def test_a_filter_that_fits_nothing_says_how_much_there_would_be(campaign: Campaign, category: Category) -> None:
    approve(campaign, category, 2)
    with pytest.raises(actions.NothingApproved, match="none of the 2 approved records fits at least 3 approvals"):
        freeze(filter=Filter(min_approvals=3))


def test_a_version_holds_the_approved_revisions_split_by_split_in_the_order_of_their_ids(
    root: Path, campaign: Campaign, category: Category
) -> None:
    pairs = approve(campaign, category, 5)
    factories.make_submission(campaign=campaign, category=category, status=Submission.Status.REJECTED)
    version = release(root)
    rows = records_of(version)
    splits = [split for split, batch in columnar.batches(version) for _row in range(batch.num_rows)]
    assert splits == sorted(splits, key=SPLITS.index)
    by_split = sorted((SPLITS.index(split), row.id) for split, row in zip(splits, rows, strict=True))
    assert [row.id for row in rows] == [key for _split, key in by_split]
    assert {row.id for row in rows} == {str(pair.pk) for pair in pairs}
    first = Submission.objects.get(pk=rows[0].id)
    assert (rows[0].contributor, rows[0].approvals, rows[0].revision) == (first.author.pseudonym, 1, 1)
    assert rows[0].approved_at == first.approved_at
    assert version.rows == sum(version.splits.values()) == 5


def test_the_database_and_python_agree_on_the_split(root: Path, campaign: Campaign, category: Category) -> None:
    approve_in_every_split(campaign, category)
    frozen = freeze().records.select_related("revision")
    assert {record.split for record in frozen} == {"train", "validation", "test"}
    assert [record.split for record in frozen] == [
        split_of(record.revision.instruction_fingerprint) for record in frozen
    ]


def test_equal_prompts_share_a_split(campaign: Campaign, category: Category) -> None:
    for number in range(6):
        approve(campaign, category, instruction="Why is the sky blue?", response=f"Answer {number}.")
    assert freeze().records.values("split").distinct().count() == 1


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(campaigns=("one",)), {"a"}),
        (Filter(categories=("two",)), {"b"}),
        (Filter(languages=("de",)), {"c"}),
        (Filter(min_rating=4), {"a"}),
        (Filter(min_approvals=2), {"b"}),
    ],
)
def test_each_part_of_the_filter_chooses(db: None, wanted: Filter, expected: set[str]) -> None:
    one, two = (
        factories.CampaignFactory.create(slug="one"),
        factories.CampaignFactory.create(slug="two", approvals_required=2),
    )
    german = factories.CampaignFactory.create(slug="three", language="de")
    ones, twos = factories.CategoryFactory.create(slug="one"), factories.CategoryFactory.create(slug="two")
    pair = factories.make_submission(campaign=one, category=ones, instruction="a", status=Submission.Status.SUBMITTED)
    factories.decide(pair, "approve", by=factories.reviewer(), rating=5)
    approve(two, twos, instruction="b")
    approve(german, ones, instruction="c")
    assert {record.instruction for record in records_of(freeze(filter=wanted))} == expected


def test_an_unknown_category_is_refused_with_those_there_are(category: Category) -> None:
    with pytest.raises(actions.BadRequest) as refusal:
        freeze(filter=Filter(categories=("nonsense",)))
    assert category.slug in refusal.value.message_dict["categories"][0]


def test_nothing_changed_names_the_version_and_makes_none(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    version = release(root)
    with pytest.raises(actions.NothingChanged, match="Nothing changed since v1") as refusal:
        freeze()
    assert refusal.value.version == version
    assert DatasetVersion.objects.count() == 1
    assert version.dataset.last_number == 1


def test_another_format_or_filter_is_another_version(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    release(root)
    assert release(root, formats=["dolly"]).number == 2
    assert release(root, filter=Filter(min_approvals=1)).number == 3
    with pytest.raises(actions.NothingChanged):
        freeze()


def test_the_same_request_while_it_is_being_built_is_the_same_version(campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    assert freeze() == freeze()


def test_only_a_lead_or_an_admin_releases(campaign: Campaign, category: Category, reviewer: Person) -> None:
    approve(campaign, category)
    with pytest.raises(actions.NotALead):
        freeze(by=reviewer)
    assert freeze(by=factories.PersonFactory.create(roles=["lead"])).number == 1


def test_a_person_has_two_builds_at_once_and_no_more(campaign: Campaign, category: Category) -> None:
    lead = factories.PersonFactory.create(roles=["lead"])
    for name in ("one", "two"):
        approve(campaign, category)
        freeze(by=lead, name=name)
    with pytest.raises(actions.TooManyBuilds):
        freeze(by=lead, name="three")


def test_a_number_on_the_disk_is_not_taken_again(root: Path, campaign: Campaign, category: Category) -> None:
    (root / "set" / "v7").mkdir(parents=True)
    approve(campaign, category)
    assert freeze(highest_on_disk=places.highest_number(root, "set")).number == 8


def test_a_version_built_twice_has_the_same_bytes_whatever_changed_since(
    root: Path, tmp_path: Path, campaign: Campaign, category: Category
) -> None:
    pairs = approve(campaign, category, 8)
    version = release(root, formats=["dolly", "alpaca", "chat", "sharegpt", "prompt_completion"])
    submissions.withdraw(submission=pairs[0], by=pairs[0].author, now=NOW)
    campaign.name, campaign.slug, campaign.description = "Other", "other", "Other."
    campaign.save()
    category.slug = "renamed"
    category.save()
    author = pairs[1].author
    author.display_name, author.handle = "Someone Else", "someone-else"
    author.save()
    again = actions.rebuild_version(version=version, root=tmp_path / "copy")
    assert tree(again.path) == tree(root / "set" / "v1")
    assert again.sha256 == version.manifest_sha256
    assert manifest.verify(again.path).faults == []


def test_the_files_name_nobody(root: Path, campaign: Campaign, category: Category) -> None:
    author = factories.contributor_in(campaign, display_name="Zelda Quimby", handle="zelda", email="zelda@example.com")
    approve(campaign, category, author=author)
    release(root)
    everything = b"".join(tree(root).values())
    assert not [name for name in (b"Zelda", b"zelda") if name in everything]
    assert author.pseudonym.encode() in everything


def test_changes_list_what_was_added_removed_and_edited(root: Path, campaign: Campaign, category: Category) -> None:
    kept, gone, edited = approve(campaign, category, 3)
    release(root)
    submissions.withdraw(submission=gone, by=gone.author, now=NOW)
    text = Text.of("A better question?", "", "A better answer.")
    submissions.resubmit(submission=edited, text=text, base_revision=1, by=edited.author, now=NOW)
    factories.decide(edited, "approve", by=factories.reviewer())
    (new,) = approve(campaign, category)
    version = release(root)
    said = (root / "set" / "v2" / "CHANGES.md").read_text()
    assert queries.changes(version) == {"added": 1, "removed": 1, "edited": 1}
    assert f"## Removed\n\n- `{gone.pk}`: withdrawn by its author\n" in said
    assert f"## Edited\n\n- `{edited.pk}`: revision 1 → 2\n" in said
    assert f"## Added\n\n- `{new.pk}`\n" in said
    assert str(kept.pk) not in said


def test_building_twice_is_building_once(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category, 3)
    version = release(root)
    before = tree(root)
    build(version, root)
    assert tree(root) == before
    assert AuditEntry.objects.filter(verb="dataset.ready").count() == 1


def test_a_build_that_was_killed_after_its_rename_is_adopted(
    root: Path, campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(campaign, category, 3)
    version = freeze()

    class Killed(BaseException):
        pass

    def kill(*_arguments: object) -> None:
        raise Killed

    monkeypatch.setattr("exports.actions.build._adopt", kill)
    with pytest.raises(Killed), transaction.atomic():
        build(version, root)
    monkeypatch.undo()
    version.refresh_from_db()
    assert version.is_building
    written = (root / "set" / "v1" / "manifest.json").stat().st_ino
    assert build(version, root).is_ready
    assert (root / "set" / "v1" / "manifest.json").stat().st_ino == written


def test_what_a_killed_build_left_is_swept_by_the_next(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    debris = root / "set" / ".tmp-v1-000000000000" / "data"
    debris.mkdir(parents=True)
    (debris / "half").write_bytes(b"x")
    release(root)
    assert sorted(path.name for path in (root / "set").iterdir()) == ["v1"]


def test_a_living_writer_is_not_swept(root: Path) -> None:
    with places.temporary(root, "set", 1) as path:
        assert places.sweep(root, "set") == 0
        assert path.is_dir()
    assert not path.exists()


def test_a_full_disk_fails_the_build_and_leaves_nothing(
    root: Path, campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(campaign, category, 3)
    version = release(root)
    before = tree(root)
    approve(campaign, category, 3)
    second = freeze()

    def full(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(release_module, "write_text", full)
    with pytest.raises(actions.BuildFailed, match="is full"):
        build(second, root)
    monkeypatch.undo()
    second.refresh_from_db()
    assert (second.status, "is full" in second.failure) == (Status.FAILED, True)
    assert tree(root) == before
    version.refresh_from_db()
    assert version.is_ready
    actions.restart_version(version=second, by=None, now=NOW)
    assert build(second, root).is_ready


def test_another_directory_under_the_number_is_not_overwritten(
    root: Path, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category)
    version = freeze()
    (root / "set" / "v1").mkdir(parents=True)
    (root / "set" / "v1" / "theirs.txt").write_text("keep me")
    with pytest.raises(actions.BuildFailed, match="Move it away"):
        build(version, root)
    assert (root / "set" / "v1" / "theirs.txt").read_text() == "keep me"


def test_a_worker_that_lost_its_job_publishes_nothing(root: Path, campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    version = freeze()

    class Lost(Exception):
        pass

    def lost() -> None:
        raise Lost

    with pytest.raises(Lost):
        actions.build_version(version=version, root=root, clock=lambda: NOW, hold=lost)
    assert tree(root) == {}
    version.refresh_from_db()
    assert version.is_building


def test_a_change_during_the_build_does_not_reach_the_files(root: Path, campaign: Campaign, category: Category) -> None:
    pairs = approve(campaign, category, 4)
    version = freeze()
    for pair in pairs[1:]:
        submissions.withdraw(submission=pair, by=pair.author, now=NOW)
    assert build(version, root).rows == 4
    assert manifest.read(root / "set" / "v1")[0]["counts"]["rows"] == 4


def test_withdrawing_needs_an_admin_and_a_reason(
    root: Path, campaign: Campaign, category: Category, admin: Person
) -> None:
    approve(campaign, category)
    version = release(root)
    actions.withdraw_version(version=version, reason="A licence was wrong.", by=admin, now=NOW + timedelta(hours=1))
    version.refresh_from_db()
    assert version.status == Status.WITHDRAWN
    with pytest.raises(actions.WrongState):
        actions.withdraw_version(version=version, reason="Again.", by=admin, now=NOW)
    approve(campaign, category)
    assert freeze().number == 2


def test_the_database_refuses_a_ready_version_without_a_manifest(campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    version = freeze()
    with pytest.raises(IntegrityError, match="dataset_version_ready_has_a_manifest"), transaction.atomic():
        DatasetVersion.objects.filter(pk=version.pk).update(status=Status.READY)
