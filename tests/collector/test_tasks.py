"""What was imported is checked in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from collector.actions import flags
from collector.models import Revision
from collector.tasks import check_imports, has_unchecked
from tests.factories import NOW, make_submission

if TYPE_CHECKING:
    from collector.models import Campaign, Category

pytestmark = pytest.mark.django_db


def test_imports_are_checked_once_there_are_any(campaign: Campaign, category: Category) -> None:
    pairs = [
        make_submission(campaign=campaign, category=category, response=text)
        for text in ("Write to anna@firma.de.", "A clean answer.")
    ]
    assert not has_unchecked(NOW)
    Revision.objects.update(flags=None)
    assert has_unchecked(NOW)
    assert check_imports(Mock()) == {"revisions": 2, "flagged": 1}
    assert [pair.revisions.get().flags for pair in pairs] == [["email"], []]
    assert not has_unchecked(NOW)


def test_an_attempt_that_lost_its_job_stops(campaign: Campaign, category: Category) -> None:
    make_submission(campaign=campaign, category=category)
    Revision.objects.update(flags=None)
    with pytest.raises(RuntimeError):
        check_imports(Mock(progress=Mock(side_effect=RuntimeError)))


def test_an_older_revision_is_not_waited_for(campaign: Campaign, category: Category) -> None:
    pair = make_submission(campaign=campaign, category=category)
    Revision.objects.update(flags=None)
    flags.check_revisions()
    Revision.objects.filter(submission=pair).update(number=7)
    Revision.objects.update(flags=None)
    assert not has_unchecked(NOW)
