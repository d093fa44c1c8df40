"""Frozen rows come as the same batches, whoever reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import connection, transaction

from exports import columnar
from exports.models import DatasetRecord
from exports.schema import WORDS, frozen_schema
from exports.splits import SPLITS
from tests.exports.helpers import approve, approve_in_every_split, freeze

if TYPE_CHECKING:
    from collector.models import Campaign, Category
    from exports.models import DatasetVersion

NAUGHTY = " e\u0301\u2028\u202e\ttab \\ \"quoted\" 'single' \U0001f468\u200d\U0001f469 \x1b[31m"


@pytest.mark.django_db
def test_the_groups_cover_every_position_once_and_never_two_splits(campaign: Campaign, category: Category) -> None:
    version = freeze_in_every_split(campaign, category)
    groups = columnar.groups(version)
    covered = [position for group in groups for position in range(group.first, group.last + 1)]
    assert covered == list(range(1, version.rows + 1))
    assert [group.split for group in groups] == list(SPLITS)


@pytest.mark.django_db
def test_a_group_ends_after_its_number_of_rows(
    campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar, "GROUP_ROWS", 3)
    version = freeze_in_every_split(campaign, category)
    assert [group.last - group.first + 1 for group in columnar.groups(version)] == [3, 3, 2, 2, 2]


@pytest.mark.django_db
def test_long_texts_end_a_group_early(campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "GROUP_BYTES", 100)
    approve(campaign, category, 6, response="x" * 90)
    sizes = [batch.num_rows for _split, batch in columnar.batches(freeze())]
    assert set(sizes) == {1}
    assert len(sizes) == 6


@pytest.mark.django_db
def test_a_size_is_that_of_the_utf_8(campaign: Campaign, category: Category) -> None:
    approve(campaign, category, instruction="é", response="\U0001f468")
    freeze()
    assert DatasetRecord.objects.get().size == len("é\U0001f468".encode())


@pytest.mark.django_db
def test_a_batch_has_the_types_of_the_record(campaign: Campaign, category: Category) -> None:
    [pair] = approve(campaign, category)
    [(_split, batch)] = columnar.batches(freeze())
    assert batch.schema.equals(frozen_schema())
    assert batch.column("id").to_pylist() == [str(pair.pk)]
    assert batch.column("approved_at").to_pylist() == [pair.approved_at]


@pytest.mark.django_db
def test_a_batch_knows_the_words_of_its_texts(campaign: Campaign, category: Category) -> None:
    approve(campaign, category, instruction="Name three.", context="", response="One two\nthree")
    [(_split, batch)] = columnar.batches(freeze())
    assert [batch.column(name).to_pylist() for name in WORDS] == [[2], [0], [3]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one reader")
def test_both_readers_of_postgresql_give_the_same_batches(campaign: Campaign, category: Category) -> None:
    approve(campaign, category, instruction=NAUGHTY, context=NAUGHTY * 2, response=NAUGHTY * 3)
    version = freeze_in_every_split(campaign, category)
    alone = list(columnar.batches(version))
    with transaction.atomic():
        inside = list(columnar.batches(version))
    assert [split for split, _batch in alone] == [split for split, _batch in inside]
    assert all(one.equals(other) for (_split, one), (_other, other) in zip(alone, inside, strict=True))


def freeze_in_every_split(campaign: Campaign, category: Category) -> DatasetVersion:
    approve_in_every_split(campaign, category)
    return freeze()
