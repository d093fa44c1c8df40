"""Writing in one of several languages of a campaign."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from collector.actions import drafts, submissions
from collector.languages import language_name
from collector.models import Draft, Revision, Submission
from collector.pairs import Text
from tests.factories import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Campaign, Category, Person

pytestmark = pytest.mark.django_db
GERMAN = "Der Himmel ist blau, weil kurzwelliges Licht in der Luft am stärksten gestreut wird, sagt man."


@pytest.fixture
def both(campaign: Campaign) -> Campaign:
    campaign.more_languages = ["de", "pt-BR"]
    campaign.save()
    return campaign


@pytest.fixture
def client(author: Person, sign_in: Callable[[Person], Client]) -> Client:
    return sign_in(author)


def text(language: str, response: str = GERMAN) -> Text:
    return Text.of("Warum ist der Himmel blau?", "", response, language)


def submit(campaign: Campaign, category: Category, author: Person, language: str) -> Submission:
    return submissions.submit(
        id=uuid.uuid4(), campaign=campaign, category=category, text=text(language), by=author, now=NOW
    )


def form(campaign: Campaign, **fields: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "version": "0",
        "campaign": campaign.slug,
        "instruction": "Warum ist der Himmel blau?",
        "response": GERMAN,
        "language": "de",
    } | fields


def test_the_chosen_language_is_the_records(both: Campaign, category: Category, author: Person) -> None:
    assert submit(both, category, author, "de").revisions.get().language == "de"


def test_without_a_choice_it_is_the_usual_one(both: Campaign, category: Category, author: Person) -> None:
    assert submit(both, category, author, "").revisions.get().language == "en"


@pytest.mark.parametrize("language", ["fr", "DE", "no tag", "x" * 36])
def test_another_is_refused_at_its_field(both: Campaign, category: Category, author: Person, language: str) -> None:
    with pytest.raises(ValidationError) as caught:
        submit(both, category, author, language)
    assert list(caught.value.message_dict) == ["language"]
    assert not Revision.objects.exists()


def test_a_campaign_that_names_one_takes_what_a_client_says(
    campaign: Campaign, category: Category, author: Person
) -> None:
    assert submit(campaign, category, author, "fr").revisions.get().language == "fr"


def test_another_language_than_the_chosen_one_is_noted(both: Campaign, category: Category, author: Person) -> None:
    assert "language" not in (submit(both, category, author, "de").revisions.get().flags or [])
    assert "language" in (submit(both, category, author, "en").revisions.get().flags or [])


def test_a_changed_language_alone_is_a_new_revision(both: Campaign, category: Category, author: Person) -> None:
    sent = submit(both, category, author, "en")
    submissions.resubmit(submission=sent, base_revision=1, text=text("de"), by=author, now=NOW)
    assert [revision.language for revision in sent.revisions.order_by("number")] == ["en", "de"]


def test_an_edit_without_a_choice_keeps_it(both: Campaign, category: Category, author: Person) -> None:
    sent = submit(both, category, author, "de")
    submissions.resubmit(submission=sent, base_revision=1, text=text("", GERMAN + " Oft."), by=author, now=NOW)
    assert sent.revisions.get(number=2).language == "de"


def test_a_draft_keeps_the_choice_and_an_edit_begins_with_it(
    both: Campaign, category: Category, author: Person
) -> None:
    drafts.save_draft(
        id=uuid.uuid4(), campaign=both, category=category, text=text("pt-BR"), version=0, by=author, now=NOW
    )
    assert Draft.objects.get().language == "pt-BR"
    sent = submit(both, category, author, "de")
    assert drafts.begin_edit(submission=sent, by=author, now=NOW).language == "de"


def test_the_page_asks_only_where_there_are_several(client: Client, campaign: Campaign, category: Category) -> None:
    assert 'id="id_language"' not in client.get(f"/write/{category.slug}/").content.decode()
    campaign.more_languages = ["de"]
    campaign.save()
    page = client.get(f"/write/{category.slug}/").content.decode()
    assert '<option value="en" selected>English</option>' in page
    assert '<option value="de">German</option>' in page


def test_the_page_begins_with_what_the_person_wrote_in_last(
    client: Client, both: Campaign, category: Category, author: Person
) -> None:
    submit(both, category, author, "de")
    assert '<option value="de" selected>' in client.get(f"/write/{category.slug}/").content.decode()


def test_what_was_chosen_on_the_page_is_sent_and_kept(client: Client, both: Campaign, category: Category) -> None:
    sent = form(both)
    client.post(f"/write/{category.slug}/draft/", sent)
    assert Draft.objects.get().language == "de"
    assert client.post(f"/write/{category.slug}/", sent | {"version": "1"}).status_code == 302
    assert Revision.objects.get().language == "de"


def test_a_made_up_choice_is_told_at_the_field(client: Client, both: Campaign, category: Category) -> None:
    answer = client.post(f"/write/{category.slug}/", form(both, language="fr"))
    assert answer.status_code == 400
    assert "Choose a language of this campaign: en, de, pt-BR." in answer.content.decode()


@pytest.mark.parametrize(("tag", "name"), [("de", "German"), ("de-CH", "German (de-CH)"), ("tlh", "tlh")])
def test_a_language_has_a_name(tag: str, name: str) -> None:
    with translation.override("en"):
        assert language_name(tag) == name
