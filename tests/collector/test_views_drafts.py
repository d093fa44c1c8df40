from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from collector.models import Draft, Revision, Submission
from tests.collector.pair_forms import EXACT, pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Campaign, Category, Person


@pytest.fixture
def client(sign_in: Callable[[Person], Client], author: Person) -> Client:
    return sign_in(author)


class TestTwoTabs:
    """A newer save elsewhere is never lost to an older page, with or without JavaScript."""

    @pytest.fixture
    def stale(self, client: Client, category: Category) -> dict[str, Any]:
        """What a page still shows after another one saved twice."""
        sent = pair()
        for version, response in enumerate(("First.", "Second.")):
            client.post(reverse("write-draft", args=[category.slug]), sent | {"version": version, "response": response})
        return sent | {"version": 1, "response": "Mine."}

    def test_submitting_the_older_text_shows_both_and_sends_nothing(
        self, client: Client, category: Category, stale: dict[str, Any]
    ) -> None:
        response = client.post(reverse("write", args=[category.slug]), stale)
        page = response.content.decode()
        assert response.status_code == 409
        assert "Second." in page
        assert "Mine." in page
        assert Submission.objects.get().status == "draft"
        assert Draft.objects.get().response == "Second."

    @pytest.mark.parametrize(("take", "text"), [("theirs", "Second."), ("mine", "Mine.")])
    def test_the_one_that_was_chosen_can_then_be_sent(
        self, client: Client, category: Category, stale: dict[str, Any], take: str, text: str
    ) -> None:
        form = client.post(reverse("write", args=[category.slug]), stale | {"take": take}).context["form"]
        assert form["response"].value() == text
        again = stale | {"version": form["version"].value(), "response": text}
        assert client.post(reverse("write", args=[category.slug]), again).status_code == 302
        assert Revision.objects.get().response == text

    def test_resubmitting_an_older_edit_shows_both(self, client: Client, category: Category) -> None:
        sent = pair(base_revision=1)
        client.post(reverse("write", args=[category.slug]), sent)
        edit = reverse("submission-draft", args=[sent["id"]])
        client.post(edit, sent | {"response": "Newer."})
        response = client.post(reverse("submission-edit", args=[sent["id"]]), sent | {"response": "Older."})
        assert response.status_code == 409
        assert response.context["other_draft"].response == "Newer."
        assert Revision.objects.count() == 1


@pytest.mark.parametrize("name", ["write", "write-draft"])
def test_a_text_never_becomes_that_of_whoever_signed_in_since(client: Client, category: Category, name: str) -> None:
    response = client.post(reverse(name, args=[category.slug]), pair(person="somebody-else"))
    assert response.status_code == 409
    assert "is signed in now" in str(response.context["refused"] if name == "write" else response.json()["detail"])
    assert not Submission.objects.exists()


class TestAutosave:
    def save(self, client: Client, category: Category, sent: dict[str, Any]) -> Any:
        return client.post(reverse("write-draft", args=[category.slug]), sent)

    def test_it_answers_with_the_next_version(self, client: Client, category: Category) -> None:
        sent = pair()
        assert self.save(client, category, sent).json()["version"] == 1
        assert self.save(client, category, sent | {"version": 1, "response": EXACT}).json()["version"] == 2
        assert Draft.objects.get().response == EXACT

    def test_a_stale_save_gets_the_newer_text_and_overwrites_nothing(self, client: Client, category: Category) -> None:
        sent = pair()
        self.save(client, category, sent)
        self.save(client, category, sent | {"version": 1, "response": "From tab one."})
        answer = self.save(client, category, sent | {"version": 1, "response": "From tab two."})
        assert answer.status_code == 409
        assert answer.json()["draft"]["response"] == "From tab one."
        assert Draft.objects.get().response == "From tab one."

    def test_a_save_that_arrives_after_submitting_changes_nothing(self, client: Client, category: Category) -> None:
        sent = pair()
        self.save(client, category, sent)
        client.post(reverse("write", args=[category.slug]), sent)
        assert self.save(client, category, sent | {"version": 1, "response": "Late."}).status_code == 409
        assert not Draft.objects.exists()
        assert Revision.objects.get().response == "Because."

    def test_what_cannot_be_stored_is_named(self, client: Client, category: Category) -> None:
        answer = self.save(client, category, pair(response="\x00"))
        assert answer.status_code == 400
        assert "Character 1 is a NUL" in answer.json()["errors"]["response"][0]

    @pytest.mark.parametrize("language", ["not a tag", "x" * 3000])
    def test_a_language_that_is_no_tag_is_named_in_both_editors(
        self, client: Client, category: Category, language: str
    ) -> None:
        sent = pair(base_revision=1)
        client.post(reverse("write", args=[category.slug]), sent)
        edit = client.post(reverse("submission-draft", args=[sent["id"]]), sent | {"language": language})
        for answer in (edit, self.save(client, category, pair(language=language))):
            assert answer.status_code == 400
            assert list(answer.json()["errors"]) == ["language"]
        assert not Draft.objects.exists()

    def test_a_closed_campaign_saves_nothing_and_says_so(
        self, client: Client, campaign: Campaign, category: Category
    ) -> None:
        campaign.status = "closed"
        campaign.save()
        answer = self.save(client, category, pair())
        assert answer.status_code == 422
        assert "is not open" in answer.json()["detail"]
