"""The client against the site itself, over HTTP."""

from __future__ import annotations

import hashlib
import uuid
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from collector.actions.tokens import create_token
from collector.models import Submission
from tests import factories
from tests.exports.helpers import approve, release
from woolgather_client import BadFields, Client, Conflict, NotAllowed, NotFound, NotSignedIn

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django.fixtures import Settings
    from pytest_django.live_server_helper import LiveServer

    from collector.models import Campaign, Category, Person


def client_of(person: Person, address: str, scope: str = "write") -> Client:
    _token, raw = create_token(person=person, scope=scope, by=person, now=timezone.now())
    return Client(address, token=raw, retries=0)


@pytest.mark.django_db(transaction=True)
def test_writing_reviewing_releasing_and_fetching(
    live_server: LiveServer, campaign: Campaign, category: Category, author: Person, settings: Settings, tmp_path: Path
) -> None:
    settings.WOOLGATHER_DATASETS = root = tmp_path / "datasets"
    judge = factories.reviewer()
    pair = {"category": category.slug, "instruction": "Why is the sky blue?\n", "response": " Air scatters blue. "}
    number = uuid.uuid4()
    with client_of(author, live_server.url) as writer, client_of(judge, live_server.url, "review") as reviewer:
        assert [one.slug for one in writer.categories() if one.slug == category.slug] == [category.slug]
        assert next(writer.campaigns()).targets[0].category == category.slug
        sent = writer.submit(id=number, **pair)
        assert (sent.id, sent.instruction, sent.response) == (number, pair["instruction"], pair["response"])
        assert writer.submit(id=number, **pair).id == number
        assert Submission.objects.count() == 1
        with pytest.raises(Conflict) as conflict:
            writer.submit(id=number, **pair | {"response": "Another."})
        assert conflict.value.code == "id_taken"
        with pytest.raises(BadFields) as refused:
            writer.submit(category=category.slug, instruction="Why?", response=" ")
        assert set(refused.value.errors) == {"response"}
        with pytest.raises(NotAllowed):
            writer.review(number, revision=1, decision="approve")
        made = reviewer.review(number, revision=1, decision="approve", rating=5)
        assert [review.id for review in writer.reviews(number)] == [made.id]
        assert writer.submission(number).approved_at is not None
        assert writer.leaderboard(period="all").own is not None
        with pytest.raises(NotFound):
            writer.submission(uuid.uuid4())

        for _number in range(52):  # more than one page
            factories.make_submission(campaign=campaign, category=category, author=author, status="draft")
        assert len({one.id for one in writer.submissions(status="draft")}) == 52

        approve(campaign, category, count=2, author=author, by_reviewer=judge)
        assert [one.status for one in writer.submissions(status="approved")] == ["approved"] * 3
        release(root)
        version = next(writer.versions())
        files = writer.download_version(version, tmp_path / "here")
        wanted = {file.path: file.sha256 for file in writer.version(version.version, name=version.name).files}
        found = {
            path.relative_to(tmp_path / "here").as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }
        assert found == wanted

        # A break in the middle: the site sends the rest, and only the rest.
        largest = max(files, key=lambda path: path.stat().st_size)
        whole = largest.read_bytes()
        largest.with_name(largest.name + ".part").write_bytes(whole[: len(whole) // 2])
        largest.unlink()
        writer.download_version(version, tmp_path / "here")
        assert largest.read_bytes() == whole
    with Client(live_server.url, token="nobody's") as stranger, pytest.raises(NotSignedIn):
        stranger.submission(number)
