from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from collector.models import Draft, Passage, PassageSkip, Revision, Submission
from tests import factories
from tests.collector.pair_forms import EXACT, pair

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from collector.models import Campaign, Category, Person


@pytest.fixture
def client(sign_in: Callable[[Person], Client], author: Person) -> Client:
    return sign_in(author)


def test_the_page_shows_the_guidelines_and_an_id_for_the_new_pair(client: Client, category: Category) -> None:
    response = client.get(reverse("write", args=[category.slug]))
    assert "Be <strong>clear</strong>." in response.content.decode()
    assert uuid.UUID(str(response.context["form"]["id"].value())).version == 4


def test_the_page_says_where_live_notes_come_from(client: Client, category: Category) -> None:
    page = client.get(reverse("write", args=[category.slug])).content.decode()
    assert f'data-notes="{reverse("write-notes", args=[category.slug])}"' in page


def test_looking_writes_nothing(client: Client, category: Category) -> None:
    client.get(reverse("write", args=[category.slug]))
    assert not Submission.objects.exists()


def test_a_pair_is_stored_exactly_as_written(client: Client, category: Category) -> None:
    client.post(reverse("write", args=[category.slug]), pair(instruction=EXACT, response=EXACT))
    revision = Revision.objects.get()
    assert (revision.instruction, revision.response) == (EXACT, EXACT)


def test_the_newlines_of_browsers_become_ours(client: Client, category: Category) -> None:
    client.post(reverse("write", args=[category.slug]), pair(response="one\r\ntwo\rthree"))
    assert Revision.objects.get().response == "one\ntwo\rthree"


def test_after_submitting_the_page_says_what_happens_next(client: Client, category: Category) -> None:
    response = client.post(reverse("write", args=[category.slug]), pair(), follow=True)
    page = response.content.decode()
    number = Submission.objects.get().pk
    assert response.redirect_chain[0][0] == f"{reverse('submission-detail', args=[number])}?sent=1"
    assert "Once it is approved, 10 points are yours." in page
    assert f"A good next one: {category.name}" in page
    assert f"Write another in {category.name}" in page


def test_what_happens_next_is_gone_once_the_pair_is_decided(client: Client, category: Category) -> None:
    client.post(reverse("write", args=[category.slug]), pair())
    submission = Submission.objects.get()
    factories.decide(submission, "approve", by=factories.reviewer())
    response = client.get(reverse("submission-detail", args=[submission.pk]), {"sent": "1"})
    assert "sent" not in response.context


def test_the_same_pair_sent_twice_makes_one_submission(client: Client, category: Category) -> None:
    sent = pair()
    first = client.post(reverse("write", args=[category.slug]), sent)
    second = client.post(reverse("write", args=[category.slug]), sent)
    assert first["Location"] == second["Location"]
    assert Submission.objects.count() == 1


def test_an_id_that_stands_for_another_text_is_a_conflict_with_the_text_kept(
    client: Client, category: Category
) -> None:
    sent = pair()
    client.post(reverse("write", args=[category.slug]), sent)
    response = client.post(reverse("write", args=[category.slug]), sent | {"response": "Another answer."})
    assert response.status_code == 409
    assert "Another answer." in response.content.decode()
    assert Revision.objects.get().response == "Because."


@pytest.mark.parametrize("field", ["instruction", "context", "response"])
def test_a_nul_is_refused_at_its_field_with_its_position(client: Client, category: Category, field: str) -> None:
    response = client.post(reverse("write", args=[category.slug]), pair(**{field: "ab\x00c"}))
    assert response.status_code == 400
    assert "Character 3 is a NUL" in response.context["form"].errors[field][0]
    assert not Submission.objects.exists()


@pytest.mark.parametrize(
    "field",
    [
        "id",
        "version",
        "passage",
        "campaign",
        "source_title",
        "source_url",
        "pasted_count",
        "pasted_characters",
        "person",
    ],
)
def test_a_nul_in_any_other_field_is_no_server_error(client: Client, category: Category, field: str) -> None:
    response = client.post(reverse("write", args=[category.slug]), pair(**{field: "a\x00"}))
    assert response.status_code in {200, 302, 400, 409}


def test_what_is_missing_is_said_at_the_field_and_the_text_stays(client: Client, category: Category) -> None:
    response = client.post(reverse("write", args=[category.slug]), pair(response="  \u200b", instruction="  Kept?"))
    assert response.status_code == 400
    assert response.context["form"].errors["response"] == ["Write a response."]
    assert ">\n  Kept?</textarea>" in response.content.decode()


def test_a_paste_over_the_limit_is_refused_with_its_length_and_kept(
    client: Client, category: Category, settings: Any
) -> None:
    settings.WOOLGATHER_MAX_CHARACTERS = 1_000
    response = client.post(reverse("write", args=[category.slug]), pair(response="x" * 1_001))
    assert response.status_code == 400
    assert "1,001 characters long; the limit is 1,000" in response.context["form"].errors["response"][0]
    assert "x" * 1_001 in response.content.decode()


def test_a_megabyte_is_taken(client: Client, category: Category) -> None:
    response = client.post(reverse("write", args=[category.slug]), pair(response="x" * 1_000_000))
    assert response.status_code == 302
    assert len(Revision.objects.get().response) == 1_000_000


def test_a_first_newline_survives_the_way_through_the_form(client: Client, category: Category) -> None:
    response = client.post(reverse("write", args=[category.slug]), pair(instruction="\n  x", response=""))
    assert ">\n\n  x</textarea>" in response.content.decode()


def test_without_accepted_terms_the_page_leads_to_them(
    sign_in: Callable[[Person], Client], campaign: Campaign, category: Category
) -> None:
    response = sign_in(factories.PersonFactory.create()).get(reverse("write", args=[category.slug]))
    assert response["Location"].startswith(reverse("terms", args=[campaign.slug]) + "?next=%2Fwrite%2F")


def test_text_sent_before_the_terms_are_accepted_is_kept_as_a_draft(
    sign_in: Callable[[Person], Client], category: Category
) -> None:
    client = sign_in(factories.PersonFactory.create())
    response = client.post(reverse("write", args=[category.slug]), pair(response=EXACT))
    assert "/terms/" in response["Location"]
    assert Draft.objects.get().response == EXACT
    assert str(Draft.objects.get().submission_id) in response["Location"]


def test_a_draft_is_continued_where_it_was(client: Client, category: Category) -> None:
    sent = pair(response=EXACT)
    client.post(reverse("write", args=[category.slug]), sent | {"save": "1"})
    response = client.get(reverse("write", args=[category.slug]), {"draft": sent["id"]})
    form = response.context["form"]
    assert (str(form["id"].value()), form["version"].value(), form["response"].value()) == (sent["id"], 1, EXACT)


def test_anothers_draft_is_not_shown(
    sign_in: Callable[[Person], Client], client: Client, campaign: Campaign, category: Category
) -> None:
    sent = pair(response="A secret plan.")
    client.post(reverse("write", args=[category.slug]), sent | {"save": "1"})
    stranger = sign_in(factories.contributor_in(campaign))
    response = stranger.get(reverse("write", args=[category.slug]), {"draft": sent["id"]})
    assert "A secret plan." not in response.content.decode()


def test_an_unknown_category_is_not_there(client: Client, category: Category) -> None:
    assert client.get("/write/nonsense/").status_code == 404


def test_another_passage_keeps_what_was_written(client: Client, campaign: Campaign, category: Category) -> None:
    category.context = "required"
    category.save()
    Passage.objects.all().delete()
    one, two = factories.PassageFactory.create(text="The first."), factories.PassageFactory.create(text="The second.")
    response = client.post(
        reverse("write", args=[category.slug]),
        pair(instruction=" Mine ", context=one.text, passage=one.slug, another="1"),
    )
    form = response.context["form"]
    assert (form["instruction"].value(), form["context"].value(), form["passage"].value()) == (
        " Mine ",
        two.text,
        two.slug,
    )


def test_ones_own_text_is_not_credited_to_the_passage(client: Client, category: Category) -> None:
    passage = factories.PassageFactory.create()
    sent = pair(context="My own words.", passage=passage.slug, source_title="My notes")
    client.post(reverse("write", args=[category.slug]), sent)
    submission = Submission.objects.get()
    assert (submission.passage, submission.source_title) == (None, "My notes")


def test_the_passage_is_credited(client: Client, category: Category) -> None:
    passage = factories.PassageFactory.create()
    client.post(reverse("write", args=[category.slug]), pair(context=passage.text, passage=passage.slug))
    submission = Submission.objects.get()
    assert (submission.passage, submission.source_url) == (passage, passage.url)


class TestPasted:
    """The figures are evidence: whatever arrives in their place, the text is never refused for it."""

    @pytest.mark.parametrize(
        ("sent", "kept"),
        [
            ({}, (0, 0)),
            ({"pasted_count": "2", "pasted_characters": "17"}, (2, 17)),
            ({"pasted_count": "-1", "pasted_characters": "-5"}, (0, 0)),
            ({"pasted_count": "many", "pasted_characters": "1e9"}, (0, 0)),
            ({"pasted_count": "9" * 5000, "pasted_characters": "2147483648"}, (2**31 - 1, 2**31 - 1)),
        ],
    )
    def test_it_goes_into_the_revision(
        self, client: Client, category: Category, sent: dict[str, str], kept: tuple[int, int]
    ) -> None:
        assert client.post(reverse("write", args=[category.slug]), pair(**sent)).status_code == 302
        revision = Revision.objects.get()
        assert (revision.pasted_count, revision.pasted_characters) == kept

    def test_it_goes_into_the_draft_and_back_into_the_page(self, client: Client, category: Category) -> None:
        sent = pair(pasted_count="2", pasted_characters="17")
        client.post(reverse("write-draft", args=[category.slug]), sent)
        form = client.get(reverse("write", args=[category.slug]), {"draft": sent["id"]}).context["form"]
        assert (form["pasted_count"].value(), form["pasted_characters"].value()) == (2, 17)

    def test_an_edit_starts_from_what_was_pasted_before(self, client: Client, category: Category) -> None:
        sent = pair(pasted_count="2", pasted_characters="5")
        client.post(reverse("write", args=[category.slug]), sent)
        form = client.get(reverse("submission-edit", args=[sent["id"]])).context["form"]
        assert (form["pasted_count"].value(), form["pasted_characters"].value()) == (2, 5)
        edit = {"base_revision": 1, "response": "Because it is.", "pasted_count": "3", "pasted_characters": "9"}
        client.post(reverse("submission-edit", args=[sent["id"]]), sent | edit)
        assert Revision.objects.get(number=2).pasted_characters == 9


class TestSkip:
    """Passing a passage by, with a reason."""

    @pytest.fixture
    def reading(self, category: Category) -> Category:
        category.context = "required"
        category.save()
        Passage.objects.all().delete()
        return category

    def skip(self, client: Client, category: Category, passage: Passage, **fields: str) -> Any:
        sent = pair(instruction=" Mine ", context=passage.text, passage=passage.slug, skip="1")
        return client.post(reverse("write", args=[category.slug]), sent | {"skip-reason": "unclear"} | fields)

    def test_it_is_noted_and_another_passage_comes_beside_what_was_typed(
        self, client: Client, reading: Category
    ) -> None:
        one, two = factories.PassageFactory.create(text="One."), factories.PassageFactory.create(text="Two.")
        form = self.skip(client, reading, one, **{"skip-note": "Who is “he”?"}).context["form"]
        skip = PassageSkip.objects.get()
        assert (skip.passage, skip.reason, skip.note) == (one, "unclear", "Who is “he”?")
        shown = (form["instruction"].value(), form["context"].value(), form["passage"].value())
        assert shown == (" Mine ", "Two.", two.slug)

    def test_without_a_reason_nothing_is_noted_and_nothing_is_lost(self, client: Client, reading: Category) -> None:
        passage = factories.PassageFactory.create()
        response = self.skip(client, reading, passage, **{"skip-reason": ""})
        assert response.status_code == 400
        assert "Choose a reason" in response.content.decode()
        assert response.context["form"]["instruction"].value() == " Mine "
        assert response.context["passage"] == passage
        assert not PassageSkip.objects.exists()

    def test_a_skipped_passage_does_not_come_back(self, client: Client, reading: Category) -> None:
        one, two = factories.PassageFactory.create(), factories.PassageFactory.create()
        self.skip(client, reading, one)
        for _time in range(5):
            assert client.get(reverse("write", args=[reading.slug])).context["passage"] == two

    def test_where_none_is_left_the_page_says_so(self, client: Client, reading: Category) -> None:
        response = self.skip(client, reading, factories.PassageFactory.create())
        assert "There is no other passage for you" in response.content.decode()
        assert response.context["passage"] is None

    def test_asking_for_another_where_there_is_none_keeps_the_one(self, client: Client, reading: Category) -> None:
        passage = factories.PassageFactory.create(text="The only one.")
        sent = pair(context="The only one.", passage=passage.slug, another="1")
        response = client.post(reverse("write", args=[reading.slug]), sent)
        assert response.context["passage"] == passage
        assert response.context["form"]["context"].value() == "The only one."

    def test_ones_own_context_is_not_replaced_by_a_passage(self, client: Client, reading: Category) -> None:
        factories.PassageFactory.create()
        response = client.post(reverse("write", args=[reading.slug]), pair(context="My own words.", another="1"))
        assert response.context["form"]["context"].value() == "My own words."
        assert "Your own context was kept" in response.content.decode()

    def test_a_passage_can_be_asked_for_by_name(self, client: Client, reading: Category) -> None:
        wanted = factories.PassageFactory.create()
        factories.PassageFactory.create_batch(3)
        response = client.get(reverse("write", args=[reading.slug]), {"passage": wanted.slug})
        assert response.context["passage"] == wanted


def test_the_number_of_queries_is_bounded(
    client: Client, category: Category, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    # Session, person, campaigns, category, examples, terms, acceptance, groups of the navigation; for the points the
    # pair's own row, the rules, the target and what is approved of it.
    with django_assert_max_num_queries(13):
        client.get(reverse("write", args=[category.slug]))
