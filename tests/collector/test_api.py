"""The core's API: reading, submitting, withdrawing, reviewing."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from collector.models import Campaign, CampaignCategory, Submission
from tests import factories
from tests.collector.callers import SUBMISSIONS, Caller, a_pair
from tests.collector.naughty import NAUGHTY

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.models import Category, Person


@pytest.fixture
def pair(campaign: Campaign, category: Category) -> dict[str, str]:
    """What a client sends."""
    return a_pair(campaign, category)


# -- Submitting -------------------------------------------------------------------------------------------


def test_a_pair_is_submitted_by_its_author(author: Person, pair: dict[str, str]) -> None:
    answer = Caller(author).post(SUBMISSIONS, pair)
    assert answer.status_code == 201
    submission = Submission.objects.get(pk=pair["id"])
    assert (submission.author, submission.status) == (author, "submitted")
    assert answer.headers["Location"] == f"{SUBMISSIONS}{pair['id']}/"
    assert {**answer.json(), **pair} == answer.json()


def test_the_same_pair_sent_again_is_one_submission(author: Person, pair: dict[str, str]) -> None:
    first, second = Caller(author).post(SUBMISSIONS, pair), Caller(author).post(SUBMISSIONS, pair)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert Submission.objects.count() == 1


def test_an_id_that_stands_for_another_text_is_a_conflict(author: Person, pair: dict[str, str]) -> None:
    Caller(author).post(SUBMISSIONS, pair)
    answer = Caller(author).post(SUBMISSIONS, pair | {"response": "Another one."})
    assert (answer.status_code, answer.json()["code"]) == (409, "id_taken")
    assert factories.current_revision(Submission.objects.get()).response == pair["response"]


def test_an_id_of_somebody_else_is_a_conflict_that_shows_nothing(
    campaign: Campaign, author: Person, pair: dict[str, str]
) -> None:
    Caller(author).post(SUBMISSIONS, pair)
    answer = Caller(factories.contributor_in(campaign)).post(SUBMISSIONS, pair)
    assert answer.status_code == 409
    assert pair["response"] not in answer.content.decode()


def test_without_an_id_one_is_made(author: Person, pair: dict[str, str]) -> None:
    del pair["id"]
    made = uuid.UUID(Caller(author).post(SUBMISSIONS, pair).json()["id"])
    assert Submission.objects.get().pk == made


def test_without_a_campaign_the_only_open_one_is_meant(
    campaign: Campaign, author: Person, pair: dict[str, str]
) -> None:
    factories.CampaignFactory.create(status="paused")
    del pair["campaign"]
    assert Caller(author).post(SUBMISSIONS, pair).json()["campaign"] == campaign.slug


def test_with_two_open_campaigns_one_must_be_named(author: Person, pair: dict[str, str]) -> None:
    other = factories.CampaignFactory.create()
    del pair["campaign"]
    answer = Caller(author).post(SUBMISSIONS, pair)
    assert answer.status_code == 400
    assert other.slug in answer.json()["errors"]["campaign"][0]


@pytest.mark.parametrize("text", NAUGHTY)
def test_texts_are_kept_exactly(author: Person, pair: dict[str, str], text: str) -> None:
    sent = pair | {"instruction": text, "context": text, "response": text}
    answer = Caller(author).post(SUBMISSIONS, sent)
    assert answer.status_code == 201, answer.content
    revision = factories.current_revision(Submission.objects.get())
    assert (revision.instruction, revision.context, revision.response) == (text, text, text)
    assert answer.json()["response"] == text


def test_a_blank_response_is_named(author: Person, pair: dict[str, str]) -> None:
    answer = Caller(author).post(SUBMISSIONS, pair | {"response": " \n\u200b"})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["response"]


def test_a_passage_gives_its_source(author: Person, pair: dict[str, str]) -> None:
    passage = factories.PassageFactory.create()
    body = Caller(author).post(SUBMISSIONS, pair | {"passage": passage.slug}).json()
    assert (body["passage"], body["source_title"], body["source_url"]) == (passage.slug, passage.title, passage.url)


def test_a_passage_out_of_use_is_refused(author: Person, pair: dict[str, str]) -> None:
    passage = factories.PassageFactory.create(is_active=False)
    answer = Caller(author).post(SUBMISSIONS, pair | {"passage": passage.slug})
    assert list(answer.json()["errors"]) == ["passage"]


def test_a_draft_campaign_does_not_exist_for_contributors(author: Person, pair: dict[str, str]) -> None:
    hidden = factories.CampaignFactory.create(status="draft")
    answer = Caller(author).post(SUBMISSIONS, pair | {"campaign": hidden.slug})
    assert list(answer.json()["errors"]) == ["campaign"]
    assert Caller(author).get(f"/api/v1/campaigns/{hidden.slug}/").status_code == 404


def test_without_the_terms_nothing_is_stored(pair: dict[str, str]) -> None:
    answer = Caller(factories.PersonFactory.create()).post(SUBMISSIONS, pair)
    assert (answer.status_code, answer.json()["code"]) == (403, "terms_not_accepted")
    assert not Submission.objects.exists()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "nowhere"])
def test_a_source_that_is_no_web_address_is_refused(author: Person, pair: dict[str, str], url: str) -> None:
    answer = Caller(author).post(SUBMISSIONS, pair | {"source_url": url})
    assert list(answer.json()["errors"]) == ["source_url"]


@pytest.mark.parametrize(
    "name",
    [
        *("status", "points", "author", "approved_at", "submitted_at", "created_at", "updated_at", "revision"),
        *("licence", "terms", "import_batch", "is_staff", "approved_by", "__class__"),
    ],
)
def test_a_field_that_is_not_ones_own_to_set_is_refused_by_name(
    author: Person, pair: dict[str, str], name: str
) -> None:
    answer = Caller(author).post(SUBMISSIONS, pair | {name: "approved"})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [name]
    assert not Submission.objects.exists()


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_submission_is_changed_by_no_other_verb(author: Person, method: str) -> None:
    submission = factories.make_submission(author=author)
    caller = Caller(author, "admin")
    send = getattr(caller.client, method)
    path = f"{SUBMISSIONS}{submission.pk}/"
    assert send(path, "{}", content_type="application/json", headers=caller.headers).status_code == 405


# -- Who may do what --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "withdraw/", "reviews/"])
@pytest.mark.parametrize("status", ["draft", "submitted", "approved", "withdrawn"])
def test_a_strangers_submission_does_not_exist(campaign: Campaign, path: str, status: str) -> None:
    submission = factories.make_submission(campaign=campaign, status=status)
    stranger = Caller(factories.contributor_in(campaign), "admin")
    method = stranger.post if path == "withdraw/" else stranger.get
    assert method(f"{SUBMISSIONS}{submission.pk}/{path}").status_code == 404
    assert stranger.get(SUBMISSIONS).json()["results"] == []


def test_a_draft_is_its_authors_alone(author: Person, reviewer: Person) -> None:
    draft = factories.make_submission(author=author, status="draft", instruction="Half a thought")
    assert Caller(reviewer).get(f"{SUBMISSIONS}{draft.pk}/").status_code == 404
    assert Caller(author).get(f"{SUBMISSIONS}{draft.pk}/").json()["instruction"] == "Half a thought"


@pytest.mark.parametrize("role", ["reviewer", "lead", "admin"])
def test_reviewers_and_leads_read_what_was_submitted(author: Person, role: str) -> None:
    submission = factories.make_submission(author=author)
    caller = Caller(factories.PersonFactory.create(roles=[role]), "read")
    assert [row["id"] for row in caller.get(SUBMISSIONS).json()["results"]] == [str(submission.pk)]


ALLOWED = {"read": {"read"}, "write": {"read", "write"}, "review": {"read", "write", "review"}}
ALLOWED["admin"] = ALLOWED["review"]


@pytest.mark.parametrize("scope", ALLOWED)
def test_a_tokens_scope_is_its_limit(campaign: Campaign, pair: dict[str, str], scope: str) -> None:
    person = factories.contributor_in(campaign, roles=["reviewer"])
    other = factories.make_submission(campaign=campaign)
    caller = Caller(person, scope)
    review = {"revision": 1, "decision": "approve"}
    answers = {
        "read": caller.get(SUBMISSIONS),
        "write": caller.post(SUBMISSIONS, pair),
        "review": caller.post(f"{SUBMISSIONS}{other.pk}/reviews/", review),
    }
    assert {name for name, answer in answers.items() if answer.status_code < 300} == ALLOWED[scope]
    assert {answer.status_code for answer in answers.values()} <= {200, 201, 403}


@pytest.mark.parametrize("path", ["submissions", "campaigns", "categories", "passages"])
def test_without_a_sign_in_there_is_nothing(db: None, path: str) -> None:
    answer = Caller(None).get(f"/api/v1/{path}/")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_token_is_refused(db: None) -> None:
    assert Client().get(SUBMISSIONS, headers={"Authorization": "Bearer wg_nonsense"}).status_code == 401


def test_a_session_needs_the_csrf_token(author: Person, pair: dict[str, str]) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(author, backend="allauth.account.auth_backends.AuthenticationBackend")
    refused = client.post(SUBMISSIONS, pair, content_type="application/json")
    assert refused.status_code == 403
    client.cookies["csrftoken"] = "a" * 32
    taken = client.post(SUBMISSIONS, pair, content_type="application/json", headers={"X-CSRFToken": "a" * 32})
    assert taken.status_code == 201


# -- Withdrawing and reviewing ----------------------------------------------------------------------------


def test_the_author_withdraws_once_or_twice(author: Person) -> None:
    submission = factories.make_submission(author=author)
    for _time in range(2):
        answer = Caller(author).post(f"{SUBMISSIONS}{submission.pk}/withdraw/")
        assert (answer.status_code, answer.json()["status"]) == (200, "withdrawn")
    assert submission.events.filter(kind="withdrawn").count() == 1


def test_a_reviewer_cant_withdraw_anothers(author: Person, reviewer: Person) -> None:
    submission = factories.make_submission(author=author)
    answer = Caller(reviewer).post(f"{SUBMISSIONS}{submission.pk}/withdraw/")
    assert answer.status_code == 403
    submission.refresh_from_db()
    assert submission.status == "submitted"


def test_a_review_decides(author: Person, reviewer: Person) -> None:
    submission = factories.make_submission(author=author)
    path = f"{SUBMISSIONS}{submission.pk}/reviews/"
    body = {"revision": 1, "decision": "reject", "rating": 2, "reasons": ["copied"], "comment": " as is "}
    answer = Caller(reviewer, "review").post(path, body)
    assert answer.status_code == 201
    assert {**answer.json(), **body} == answer.json()
    submission.refresh_from_db()
    assert submission.status == "rejected"
    assert Caller(author).get(path).json()["results"] == [answer.json()]


def test_ones_own_work_is_not_ones_own_to_review(campaign: Campaign) -> None:
    both = factories.contributor_in(campaign, roles=["reviewer"])
    submission = factories.make_submission(campaign=campaign, author=both)
    answer = Caller(both, "review").post(
        f"{SUBMISSIONS}{submission.pk}/reviews/", {"revision": 1, "decision": "approve"}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "own_work")


def test_a_contributor_cant_review_even_with_the_scope(author: Person) -> None:
    submission = factories.make_submission(author=author)
    answer = Caller(author, "admin").post(
        f"{SUBMISSIONS}{submission.pk}/reviews/", {"revision": 1, "decision": "approve"}
    )
    assert answer.status_code == 403


def test_another_revision_than_the_current_is_a_conflict(author: Person, reviewer: Person) -> None:
    submission = factories.make_submission(author=author)
    answer = Caller(reviewer, "review").post(
        f"{SUBMISSIONS}{submission.pk}/reviews/", {"revision": 2, "decision": "approve"}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "revision_changed")


# -- Lists ------------------------------------------------------------------------------------------------


def test_lists_are_filtered_by_the_allowed_parameters(campaign: Campaign, author: Person) -> None:
    submitted = factories.make_submission(campaign=campaign, author=author)
    approved = factories.make_submission(campaign=campaign, author=author, status="approved")
    caller = Caller(author)

    def found(**query: Any) -> set[str]:
        return {row["id"] for row in caller.get(SUBMISSIONS, **query).json()["results"]}

    assert found(status="approved") == {str(approved.pk)}
    assert found(status=["approved", "submitted"]) == {str(approved.pk), str(submitted.pk)}
    assert found(category=submitted.category.slug) == {str(submitted.pk)}
    assert found(campaign="no-such") == set()


@pytest.mark.parametrize(
    "name", ["author__password__startswith", "ordering", "search", "author", "status__in", "limit", "offset", "page"]
)
@pytest.mark.parametrize("path", ["submissions", "campaigns", "categories", "passages"])
def test_any_other_parameter_is_refused_by_name(author: Person, path: str, name: str) -> None:
    answer = Caller(author).get(f"/api/v1/{path}/", **{name: "x"})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [name]


def test_an_unknown_status_is_refused(author: Person) -> None:
    assert list(Caller(author).get(SUBMISSIONS, status="gone").json()["errors"]) == ["status"]


def test_cursor_pages_hold_each_row_once_even_where_times_are_equal(campaign: Campaign, author: Person) -> None:
    made = {str(factories.make_submission(campaign=campaign, author=author).pk) for _number in range(7)}
    caller, seen = Caller(author), []
    page = caller.get(SUBMISSIONS, page_size=2).json()
    for _page in range(3):  # of two rows each; a fourth holds the last
        seen += [row["id"] for row in page["results"]]
        page = caller.client.get(page["next"], headers=caller.headers).json()
    seen += [row["id"] for row in page["results"]]
    assert page["next"] is None
    assert len(seen) == 7
    assert set(seen) == made


@pytest.mark.parametrize("size", ["1000000", "-1", "x", "9" * 400])
def test_a_page_size_is_capped(author: Person, size: str) -> None:
    assert Caller(author).get(SUBMISSIONS, page_size=size).status_code == 200


@pytest.mark.parametrize("path", ["submissions", "campaigns", "categories", "passages"])
def test_a_list_costs_the_same_queries_for_one_row_and_for_many(
    campaign: Campaign,
    category: Category,
    author: Person,
    path: str,
    django_assert_max_num_queries: Callable[[int], Any],
) -> None:
    for _number in range(6):
        factories.make_submission(campaign=campaign, author=author)
        factories.CategoryExampleFactory.create()
        factories.PassageFactory.create()
        other: Any = factories.CampaignFactory.create()
        CampaignCategory.objects.create(campaign=other, category=category)
    caller = Caller(author)
    with django_assert_max_num_queries(6):
        answer = caller.get(f"/api/v1/{path}/")
    assert len(answer.json()["results"]) >= 6


def test_categories_campaigns_and_passages_are_found_by_slug(
    campaign: Campaign, category: Category, author: Person
) -> None:
    passage = factories.PassageFactory.create()
    caller = Caller(author, "read")
    assert caller.get(f"/api/v1/categories/{category.slug}/").json()["name"] == category.name
    assert caller.get(f"/api/v1/campaigns/{campaign.slug}/").json()["targets"] == [
        {"category": category.slug, "target": 10}
    ]
    assert caller.get(f"/api/v1/passages/{passage.slug}/").json()["text"] == passage.text
    assert caller.get("/api/v1/passages/no-such/").status_code == 404


@pytest.mark.parametrize(("is_blind", "expected"), [(True, None), (False, "ada")])
def test_a_reviewer_learns_the_author_only_where_review_is_not_blind(
    category: Category, campaign: Campaign, is_blind: bool, expected: str | None
) -> None:
    campaign.is_blind = is_blind
    campaign.save()
    author = factories.contributor_in(campaign, handle="ada")
    pair = factories.make_submission(campaign=campaign, category=category, author=author)
    address = f"{SUBMISSIONS}{pair.pk}/"
    assert Caller(factories.reviewer(), "read").get(address).json()["author"] == expected
    assert Caller(author, "read").get(address).json()["author"] == "ada"
    assert Caller(factories.PersonFactory.create(roles=["lead"]), "read").get(address).json()["author"] == "ada"
