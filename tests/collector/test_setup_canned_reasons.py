from __future__ import annotations

import pytest

from collector.actions.setup import ensure_installation
from collector.models import CannedReason, Category
from tests.factories import NOW, CategoryFactory

pytestmark = pytest.mark.django_db


def test_every_category_has_words_of_its_own_and_all_have_some_in_common() -> None:
    ensure_installation(now=NOW)
    for category in Category.objects.all():
        assert 2 <= category.canned_reasons.count() <= 4, category
    assert CannedReason.objects.filter(category=None).count() >= 5
    for reason in CannedReason.objects.all():
        reason.full_clean()


def test_what_a_lead_changed_is_left_as_it_is() -> None:
    ensure_installation(now=NOW)
    gone = CannedReason.objects.filter(category__isnull=False).earliest("pk")
    CannedReason.objects.filter(pk=gone.pk).delete()
    before = set(CannedReason.objects.values_list("pk", flat=True))
    ensure_installation(now=NOW)
    assert set(CannedReason.objects.values_list("pk", flat=True)) == before


def test_a_category_of_ones_own_begins_without_words() -> None:
    own = CategoryFactory.create(slug="haiku")
    ensure_installation(now=NOW)
    assert not own.canned_reasons.exists()
