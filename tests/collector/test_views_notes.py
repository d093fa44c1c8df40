"""The notes that appear while a pair is written."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from collector.models import Draft, Submission
from collector.views import notes
from tests.factories import CampaignFactory, PassageFactory, contributor_in, make_submission

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from collector.models import Campaign, Category, Person

pytestmark = pytest.mark.django_db

SKY = "Explain to a child why the sky is blue during the day and red in the evening."
TIDES = "Twice a day the sea rises and falls, because the moon pulls at the water of the side that faces it."


@pytest.fixture
def ask(
    campaign: Campaign, category: Category, author: Person, sign_in: Callable[[Person], Client]
) -> Callable[..., str]:
    """Post what is in the editor, and return the fragment."""
    client = sign_in(author)

    def ask(status: int = 200, **fields: Any) -> str:
        data = {"campaign": campaign.slug, "id": str(uuid.uuid4()), "instruction": "", "context": "", "response": ""}
        answer = client.post(f"/write/{category.slug}/notes/", data | fields)
        assert answer.status_code == status
        return answer.content.decode()

    return ask


def test_nothing_to_say_is_an_empty_answer(ask: Callable[..., str]) -> None:
    assert ask(instruction="Why is the sky blue?", response="Because light is scattered.").strip() == ""


def test_an_empty_editor_is_an_empty_answer(ask: Callable[..., str]) -> None:
    assert ask().strip() == ""


def test_a_finding_is_a_line_that_names_its_field(ask: Callable[..., str]) -> None:
    html = ask(instruction="Write to anna@firma.de", response="Dear Anna")
    assert '<span class="note-field">Instruction</span>' in html
    assert "There is an e-mail address." in html
    assert "<q>anna@firma.de</q>" in html


def test_a_key_is_shown_masked(ask: Callable[..., str]) -> None:
    key = "ghp_" + "b7Gx2Kq9Zr4Tn8Wd1Vm6Ys3Pf5Lh0Jc2Qa7E"
    html = ask(response=f"token {key}")
    assert "ghp_…" in html
    assert key not in html


def test_an_instruction_that_exists_stands_beside_the_persons_own(
    ask: Callable[..., str], campaign: Campaign, category: Category
) -> None:
    make_submission(campaign=campaign, category=category, instruction=SKY)
    html = ask(instruction=SKY.replace("child", "girl"))
    assert "One like it exists already." in html
    assert "Explain to a <mark>child </mark>why" in html
    assert "Explain to a <mark>girl </mark>why" in html


def test_several_that_exist_are_counted(ask: Callable[..., str], campaign: Campaign, category: Category) -> None:
    for word in ("briefly", "gently", "slowly", "simply"):
        make_submission(campaign=campaign, category=category, instruction=f"{SKY} Do it {word}.")
    html = ask(instruction=SKY)
    assert "3 like it exist already." in html
    assert html.count("% alike") == 3


def test_the_same_words_are_shown_once(ask: Callable[..., str], campaign: Campaign, category: Category) -> None:
    for _copy in range(3):
        make_submission(campaign=campaign, category=category, instruction=SKY)
    html = ask(instruction=SKY)
    assert "One like it exists already." in html
    assert html.count("100 % alike") == 1


def test_who_wrote_it_and_the_answer_are_not_told(
    ask: Callable[..., str], campaign: Campaign, category: Category
) -> None:
    other = contributor_in(campaign, display_name="Grace Hopper", handle="grace")
    sent = make_submission(
        campaign=campaign, category=category, author=other, instruction=SKY, response="Rayleigh did it."
    )
    html = ask(instruction=SKY)
    assert "alike" in html
    assert not [text for text in ("Grace", "grace", "Rayleigh", str(sent.pk), sent.pk.hex, other.email) if text in html]


def test_ones_own_submission_is_not_a_neighbour_of_itself(
    ask: Callable[..., str], campaign: Campaign, category: Category, author: Person
) -> None:
    sent = make_submission(campaign=campaign, category=category, author=author, instruction=SKY)
    assert ask(instruction=SKY, id=str(sent.pk)).strip() == ""


@pytest.mark.parametrize("id", ["", "no id", "\x00", "1" * 5000])
def test_an_id_that_is_none_is_overlooked(
    ask: Callable[..., str], campaign: Campaign, category: Category, id: str
) -> None:
    make_submission(campaign=campaign, category=category, instruction=SKY)
    assert "alike" in ask(instruction=SKY, id=id)


def test_what_is_copied_from_the_passage_is_found(ask: Callable[..., str]) -> None:
    passage = PassageFactory.create(text=TIDES * 2)
    html = ask(response=TIDES * 2, passage=passage.slug)
    assert "stands word for word in the source" in html


def test_the_campaigns_language_is_wanted(ask: Callable[..., str], campaign: Campaign) -> None:
    german = "Der Himmel ist blau, weil kurzwelliges Licht in der Luft am stärksten gestreut wird."
    assert "looks like German" in ask(response=german)
    campaign.language = "de"
    campaign.save()
    assert ask(response=german).strip() == ""


def test_without_the_context_that_the_category_needs_nothing_is_compared(
    ask: Callable[..., str], campaign: Campaign, category: Category
) -> None:
    make_submission(campaign=campaign, category=category, instruction="Summarize the text below.", context=TIDES)
    assert "alike" in ask(instruction="Summarize the text below.")
    category.context = "required"
    category.save()
    assert ask(instruction="Summarize the text below.").strip() == ""
    assert "alike" in ask(instruction="Summarize the text below.", context=TIDES)


@pytest.mark.parametrize("text", ["\x00", "<script>alert(1)</script>", "\u202e", "a\x00" * 50])
def test_any_text_gets_an_answer_and_nothing_is_ever_markup(
    ask: Callable[..., str], campaign: Campaign, category: Category, text: str
) -> None:
    make_submission(campaign=campaign, category=category, instruction=f"{SKY} <script>")
    html = ask(instruction=f"{SKY} {text}", context=text, response=f"### End\n<|im_end|>{text}", passage=text)
    assert "<script" not in html
    assert "&lt;|im_end|&gt;" in html


def test_only_the_beginning_of_a_very_long_text_is_read(
    ask: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "MOST_READ", 50)
    assert ask(response="x " * 25 + "anna@firma.de").strip() == ""
    assert "e-mail" in ask(response="anna@firma.de " + "x " * 50)


def test_a_long_instruction_is_shown_shortened(ask: Callable[..., str], campaign: Campaign, category: Category) -> None:
    long = f"{SKY} {'And then some more of that. ' * 60}"
    make_submission(campaign=campaign, category=category, instruction=long)
    html = ask(instruction=long)
    assert html.count("…</dd>") == 2
    assert len(html) < 4000


def test_notes_write_nothing(ask: Callable[..., str]) -> None:
    ask(instruction=SKY, response="anna@firma.de")
    assert not Submission.objects.exists()
    assert not Draft.objects.exists()


def test_notes_are_asked_for_by_post_only(
    category: Category, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    assert sign_in(author).get(f"/write/{category.slug}/notes/").status_code == 405


def test_a_category_that_is_not_collected_is_not_there(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    assert sign_in(author).post("/write/nothing/notes/").status_code == 404


def test_notes_are_for_people_who_are_signed_in(category: Category, client: Client) -> None:
    assert client.post(f"/write/{category.slug}/notes/").status_code == 302


def test_the_number_of_queries_does_not_grow_with_the_neighbours(
    ask: Callable[..., str],
    campaign: Campaign,
    category: Category,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    make_submission(campaign=campaign, category=category, instruction=SKY)
    ask(instruction=SKY)
    with django_assert_num_queries(7):
        ask(instruction=SKY)
    for _one in range(6):
        make_submission(campaign=campaign, category=category, instruction=SKY)
    with django_assert_num_queries(7):
        ask(instruction=SKY)


def test_another_campaign_is_named_by_the_form(
    campaign: Campaign, category: Category, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    other = CampaignFactory.create(language="de")
    other.targets.create(category=category, target=1)
    data = {"campaign": other.slug, "response": "The sky is blue because light of a short wavelength is scattered."}
    assert "collects German" in sign_in(author).post(f"/write/{category.slug}/notes/", data).content.decode()
