"""A version holds only what its licence allows, and says which records stand in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from collector.models import Licence, Submission
from exports import actions
from exports.filters import Filter
from exports.licences import LICENCES, MAY_HOLD, fitting, may_hold
from exports.models import DatasetVersion
from tests import factories
from tests.exports.helpers import approve, freeze, records_of

if TYPE_CHECKING:
    from collector.models import Campaign, Category


def approve_under(licence: str, campaign: Campaign, category: Category) -> Submission:
    [pair] = approve(campaign, category)
    Submission.objects.filter(pk=pair.pk).update(licence=licence)
    return pair


@pytest.mark.parametrize(
    ("version", "record", "allowed"),
    [
        ("CC-BY-SA-4.0", "CC-BY-SA-3.0", True),
        ("CC-BY-SA-3.0", "CC-BY-SA-4.0", False),
        ("CC-BY-4.0", "CC-BY-SA-4.0", False),
        ("CC-BY-SA-4.0", "CC0-1.0", True),
        ("CC0-1.0", "CC-BY-4.0", False),
        ("CC-BY-SA-4.0", "LicenseRef-Proprietary", False),
        ("LicenseRef-Proprietary", "CC-BY-SA-4.0", True),
        ("LicenseRef-Other", "LicenseRef-Other", True),
        ("LicenseRef-Other", "CC0-1.0", False),
    ],
)
def test_what_a_version_may_hold(version: str, record: str, allowed: bool) -> None:
    assert may_hold(version, record) is allowed


def test_every_licence_of_a_record_is_known_to_the_release() -> None:
    assert set(Licence.values) == set(LICENCES) == set(MAY_HOLD)


def test_each_licence_holds_its_own_records() -> None:
    assert all(licence in held for licence, held in MAY_HOLD.items())


def test_what_may_be_held_may_be_handed_on() -> None:
    for version, held in MAY_HOLD.items():
        assert all(MAY_HOLD[licence] <= held for licence in held), version


def test_share_alike_beside_a_secret_fits_only_inside_the_company() -> None:
    assert fitting(["CC-BY-SA-4.0", "LicenseRef-Proprietary"]) == ["LicenseRef-Proprietary"]


@pytest.mark.django_db
def test_a_version_has_the_licence_of_its_campaign(campaign: Campaign, category: Category) -> None:
    approve_under("CC0-1.0", campaign, category)
    assert freeze().licence == campaign.data_licence == "CC-BY-SA-4.0"


@pytest.mark.django_db
def test_records_that_do_not_fit_are_named_and_nothing_is_frozen(campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    secret = approve_under("LicenseRef-Proprietary", campaign, category)
    with pytest.raises(actions.LicencesDontFit, match="1 record under LicenseRef-Proprietary can't be") as refusal:
        freeze()
    assert refusal.value.records == [str(secret.pk)]
    assert str(secret.pk) in str(refusal.value)
    assert not DatasetVersion.objects.exists()


@pytest.mark.django_db
def test_the_filter_leaves_them_out(campaign: Campaign, category: Category) -> None:
    [pair] = approve(campaign, category)
    approve_under("LicenseRef-Proprietary", campaign, category)
    version = freeze(filter=Filter(licences=("CC-BY-SA-4.0",)))
    assert [record.id for record in records_of(version)] == [str(pair.pk)]


@pytest.mark.django_db
def test_another_licence_may_be_chosen(campaign: Campaign, category: Category) -> None:
    approve_under("LicenseRef-Proprietary", campaign, category)
    assert freeze(licence="LicenseRef-Proprietary").licence == "LicenseRef-Proprietary"


@pytest.mark.django_db
def test_a_licence_that_is_none_is_refused_with_those_there_are(campaign: Campaign, category: Category) -> None:
    approve(campaign, category)
    with pytest.raises(actions.BadRequest, match="There is no licence WTFPL here"):
        freeze(licence="WTFPL")


@pytest.mark.django_db
def test_campaigns_with_two_licences_take_the_most_demanding(category: Category) -> None:
    for licence in ("CC-BY-4.0", "CC-BY-SA-4.0"):
        approve(factories.CampaignFactory.create(data_licence=licence), category)
    assert freeze().licence == "CC-BY-SA-4.0"
