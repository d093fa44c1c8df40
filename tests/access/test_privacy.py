"""Download my data, erase my account, take a record's words out, and forget in time."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from collector.actions import comments
from collector.actions.blanking import REMOVED, StillThere, blank_texts
from collector.actions.erasure import AlreadyErased, LastAdmin, erase_person
from collector.actions.holdings import write_holdings
from collector.actions.people import invite, set_role
from collector.actions.retention import apply_retention
from collector.actions.submissions import take_out
from collector.actions.tokens import create_token
from collector.errors import NotAllowed, Refused
from collector.models import ApiToken, AuditEntry, Award, Comment, Draft, Invitation, Notice, Person, Submission
from exports.models import DatasetRecord
from tests import factories
from tests.collector.beside import Interrupted
from tests.exports.helpers import records_of, release
from webhooks.actions import add_endpoint
from webhooks.models import Endpoint, Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client

    from collector.models import Campaign

pytestmark = pytest.mark.django_db
NOW = factories.NOW


def files_of(data: bytes) -> dict[str, list[Any]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {
            name: [json.loads(line) for line in archive.read(name).decode().split("\n") if line]
            for name in archive.namelist()
            if name.endswith(".jsonl")
        }


# -- Download my data -------------------------------------------------------------------------------------


def test_the_download_holds_what_i_wrote_and_nothing_secret(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    mine = factories.make_submission(campaign=campaign, author=author, status="approved", instruction="My own words?")
    factories.make_submission(campaign=campaign, status="approved", instruction="Somebody else’s?")
    _token, raw = create_token(person=author, scope="read", by=author, now=NOW)
    answer = sign_in(author).post("/profile/data/")
    data = b"".join(answer.streaming_content)  # type: ignore[attr-defined]  # a streaming answer
    files = files_of(data)
    assert [row["id"] for row in files["collector-submission-author.jsonl"]] == [str(mine.pk)]
    assert [row["instruction"] for row in files["of-my-pairs/collector-revision.jsonl"]] == ["My own words?"]
    assert [row["email"] for row in files["person.jsonl"]] == [author.email]
    everything = json.dumps(files)
    for secret in (raw, "token_hash", '"password"', "Somebody else"):
        assert secret not in everything
    assert AuditEntry.objects.get(verb="person.data").by == author


def test_an_admins_download_holds_no_address_of_others_and_nothing_that_opens_a_webhook(
    admin: Person, settings: Any
) -> None:
    settings.WOOLGATHER_WEBHOOK_HOSTS = ["hooks.example.com"]
    endpoint, _secret = add_endpoint(
        name="Ours",
        url="https://hooks.example.com/in/quiet-word",
        style=Endpoint.Style.STANDARD,
        kinds=[Kind.VERSION_READY],
        by=admin,
        now=NOW,
    )
    invite(email="grace@elsewhere.example", by=admin, now=NOW)
    own = AuditEntry.objects.create(by=admin, verb="person.invited", target=admin.email.upper(), at=NOW)
    file = io.BytesIO()
    write_holdings(person=admin, file=file, by=admin, now=NOW)
    files = files_of(file.getvalue())
    everything = json.dumps(files)
    assert [row["name"] for row in files["webhooks-endpoint-created_by.jsonl"]] == ["Ours"]
    for secret in ("sealed", endpoint.sealed_url, endpoint.sealed_secret, "grace@elsewhere.example"):
        assert secret not in everything
    assert [row["role"] for row in files["collector-invitation-invited_by.jsonl"]] == ["contributor"]
    targets = {row["id"]: row["target"] for row in files["collector-auditentry-by.jsonl"]}
    assert targets[own.pk] == admin.email.upper()


def test_the_download_keeps_reviews_closed_until_there_is_a_verdict(campaign: Campaign, author: Person) -> None:
    campaign.reviews_per_item = 2
    campaign.save()
    item = factories.make_submission(campaign=campaign, author=author)
    factories.decide(item, "approve", by=factories.reviewer(), comment="a secret so far")
    file = io.BytesIO()
    write_holdings(person=author, file=file, by=author, now=NOW)
    assert "a secret so far" not in json.dumps(files_of(file.getvalue()))


@pytest.mark.django_db(transaction=True)
def test_others_go_on_writing_while_a_download_is_made_and_it_shows_one_moment(author: Person) -> None:
    def write() -> None:
        AuditEntry.objects.create(by=author, verb="made.meanwhile", target="a target", at=NOW)

    # The first row was read when the first file with rows begins.
    file = Interrupted(write, mark=b"person.jsonl")
    write_holdings(person=author, file=file, by=author, now=NOW)
    assert AuditEntry.objects.filter(verb="made.meanwhile").exists()
    verbs = [row["verb"] for row in files_of(file.getvalue())["collector-auditentry-by.jsonl"]]
    assert (verbs.count("person.data"), verbs.count("made.meanwhile")) == (1, 0)
    with transaction.atomic():
        write()


def test_the_command_writes_the_same_and_never_over_a_file(author: Person, tmp_path: Path) -> None:
    path = tmp_path / "mine.zip"
    call_command("export_person", author.email.upper(), output=str(path))
    assert "person.jsonl" in files_of(path.read_bytes())
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="exists already"):
        call_command("export_person", author.email, output=str(path))
    with pytest.raises(CommandError, match="Nobody here"):
        call_command("export_person", "no@example.com", output=str(tmp_path / "no.zip"))


# -- Erase ------------------------------------------------------------------------------------------------


def test_erasing_leaves_the_pseudonym_and_nothing_else_of_the_person(
    campaign: Campaign, sign_in: Callable[[Person], Client]
) -> None:
    person = factories.contributor_in(campaign, display_name="Ada Byron", handle="ada-byron", email="ada@example.org")
    kept = factories.make_submission(campaign=campaign, author=person, status="approved")
    draft = factories.make_submission(campaign=campaign, author=person, status="draft")
    comments.add_comment(submission=kept, text="Call me: Ada", by=person, now=NOW)
    create_token(person=person, scope="write", by=person, now=NOW)
    EmailAddress.objects.create(user=person, email=person.email)
    invite(email="friend@example.org", by=person, now=NOW)
    client = sign_in(person)
    assert client.post("/profile/erase/", {"address": "wrong@example.org"}).status_code == 400
    assert Person.objects.get(pk=person.pk).erased_at is None
    assert client.post("/profile/erase/", {"address": "ADA@example.org "}).url == "/accounts/login/"  # type: ignore[attr-defined]
    gone = Person.objects.get(pk=person.pk)
    assert (gone.display_name, gone.handle) == (gone.pseudonym, gone.pseudonym)
    assert gone.email == f"{gone.pseudonym}@erased.invalid"
    assert not gone.is_active
    assert not gone.has_usable_password()
    assert not ApiToken.objects.filter(person=gone).exists()
    assert not Notice.objects.filter(person=gone).exists()
    assert not EmailAddress.objects.filter(user=gone).exists()
    assert not Submission.objects.filter(pk=draft.pk).exists()
    assert Comment.objects.get(by=gone).text == REMOVED
    assert Submission.objects.get(pk=kept.pk).status == "approved"
    assert client.get("/").url.startswith("/accounts/login/")  # type: ignore[attr-defined]  # the session is dead
    everything = json.dumps([list(model.objects.values()) for model in (AuditEntry, Person, Comment)], default=str)
    for name in ("ada-byron", "Ada Byron", "ada@example.org"):
        assert name not in everything
    entry = AuditEntry.objects.get(verb="person.erased")
    assert (entry.target, entry.detail) == (gone.pseudonym, {"drafts": 1, "kept": 1, "withdrawn": 0})


def test_where_the_campaign_says_so_what_is_not_released_goes_and_what_is_stays(
    campaign: Campaign, tmp_path: Path
) -> None:
    campaign.on_erasure = "withdraw"
    campaign.save()
    person = factories.contributor_in(campaign)
    released = factories.make_submission(campaign=campaign, author=person, status="approved", instruction="Released?")
    version = release(tmp_path)
    later = factories.make_submission(campaign=campaign, author=person, status="approved", instruction="Later?")
    waiting = factories.make_submission(campaign=campaign, author=person, instruction="Waiting?")
    before = records_of(version)
    done = erase_person(person=person, by=person, now=NOW)
    assert (done.kept, done.withdrawn) == (1, 2)
    assert {one.status for one in Submission.objects.filter(pk__in=[later.pk, waiting.pk])} == {"withdrawn"}
    assert {revision.instruction for one in (later, waiting) for revision in one.revisions.all()} == {""}
    assert released.revisions.get().instruction == "Released?"
    assert records_of(version) == before
    assert sum(Award.objects.filter(submission=later, person=person).values_list("points", flat=True)) == 0


def test_only_oneself_and_admins_erase_and_never_the_last_admin(admin: Person, author: Person) -> None:
    with pytest.raises(NotAllowed):
        erase_person(person=author, by=factories.reviewer(), now=NOW)
    for by in (admin, None):
        with pytest.raises(LastAdmin):
            erase_person(person=admin, by=by, now=NOW)
    erase_person(person=author, by=admin, now=NOW)
    assert AuditEntry.objects.get(verb="person.erased").by == admin
    with pytest.raises(AlreadyErased):
        erase_person(person=author, by=admin, now=NOW)
    with pytest.raises(Refused, match="erased"):
        set_role(person=Person.objects.get(pk=author.pk), role="admin", by=admin, now=NOW)
    other = factories.PersonFactory.create(roles=["admin"], is_staff=True, is_superuser=True)
    erase_person(person=admin, by=other, now=NOW)


def test_an_admin_erases_for_somebody(admin: Person, author: Person, sign_in: Callable[[Person], Client]) -> None:
    client = sign_in(admin)
    page = f"/admin/collector/person/{author.pk}/erase/"
    assert client.post(page, {"address": "other@example.com"}).status_code == 400
    assert client.post(page, {"address": author.email}).status_code == 302
    assert Person.objects.get(pk=author.pk).erased_at is not None
    assert client.get(page).status_code == 403


# -- A record's words -------------------------------------------------------------------------------------


def test_words_go_with_a_record_but_not_from_a_frozen_version(
    campaign: Campaign, admin: Person, tmp_path: Path
) -> None:
    item = factories.make_submission(campaign=campaign, status="approved", instruction="Frozen?")
    version = release(tmp_path)
    comments.add_comment(submission=item, text="About Bob", by=item.author, now=NOW)
    with pytest.raises(StillThere):
        blank_texts(submission=item, by=admin, now=NOW)
    free = factories.make_submission(campaign=campaign, status="approved", instruction="Free?", source_title="Bob’s")
    for one in (item, free):
        gone = take_out(submission=one, reason="Bob asked.", by=admin, now=NOW)
        blank_texts(submission=gone, by=admin, now=NOW)
    assert item.revisions.get().instruction == "Frozen?"
    assert DatasetRecord.objects.get(version=version).revision.instruction == "Frozen?"
    assert item.comments.get().text == REMOVED
    assert (free.revisions.get().instruction, free.revisions.get().response) == ("", "")
    assert Submission.objects.get(pk=free.pk).source_title == ""


def test_taking_out_blanks_where_it_is_asked(
    campaign: Campaign, admin: Person, sign_in: Callable[[Person], Client]
) -> None:
    item = factories.make_submission(campaign=campaign, instruction="Bob’s number?")
    page = f"/admin/collector/submission/{item.pk}/take-out/"
    assert sign_in(admin).post(page, {"reason": "Bob asked.", "blank": "on"}).status_code == 302
    assert item.revisions.get().instruction == ""
    assert AuditEntry.objects.get(verb="submission.blanked").detail == {"revisions": 1, "kept_by_versions": 0}


# -- Forgetting in time -----------------------------------------------------------------------------------


def test_what_is_old_is_forgotten_and_what_is_not_stays(
    campaign: Campaign, author: Person, sign_in: Callable[[Person], Client]
) -> None:
    now = timezone.now()
    old = now - timedelta(days=400)
    AuditEntry.objects.create(by=author, verb="x", target="old", ip="192.0.2.1", at=old)
    AuditEntry.objects.create(by=author, verb="x", target="new", ip="192.0.2.1", at=now)
    Notice.objects.create(person=author, kind="badge", created_at=old, read_at=old)
    Notice.objects.create(person=author, kind="badge", created_at=old)
    invite(email="old@example.com", by=None, now=old)
    invite(email="new@example.com", by=None, now=now)
    create_token(person=author, scope="read", by=author, now=old, expires_at=old)
    item = factories.make_submission(campaign=campaign, author=author, status="draft", now=old)
    Submission.objects.filter(pk=item.pk).update(status="withdrawn", updated_at=old)
    sign_in(author)
    Session.objects.update(expire_date=old)
    dry = apply_retention(now=now, is_dry=True)
    assert Draft.objects.count() == 1
    assert apply_retention(now=now) == dry
    assert {kind: count for kind, count in dry.items() if count} == {
        "sessions": 1,
        "addresses": 1,
        "notices": 1,
        "invitations": 1,
        "tokens": 1,
        "drafts": 1,
    }
    assert AuditEntry.objects.get(target="old").ip is None
    assert AuditEntry.objects.get(target="new").ip == "192.0.2.1"
    assert list(Invitation.objects.values_list("email", flat=True)) == ["new@example.com"]
    assert not any(apply_retention(now=now).values())


def test_nothing_is_forgotten_where_the_days_are_zero(settings: Any, author: Person) -> None:
    settings.WOOLGATHER_RETENTION_DAYS = dict.fromkeys(settings.WOOLGATHER_RETENTION_DAYS, 0)
    old = NOW - timedelta(days=4000)
    Notice.objects.create(person=author, kind="badge", created_at=old, read_at=old)
    assert set(apply_retention(now=timezone.now())) == {"sessions"}
    assert Notice.objects.filter(person=author).exists()


def test_the_command_tells_and_can_only_look(author: Person, capsys: pytest.CaptureFixture[str]) -> None:
    Notice.objects.create(person=author, kind="badge", created_at=NOW, read_at=NOW - timedelta(days=4000))
    call_command("apply_retention", dry_run=True, json=True)
    assert json.loads(capsys.readouterr().out)["notices"] == 1
    assert Notice.objects.filter(person=author).exists()
