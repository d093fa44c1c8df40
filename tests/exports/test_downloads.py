"""Files come whole, in ranges or as one zip, to those who may have them, and each time it is noted."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from collector.models import AuditEntry
from tests import factories
from tests.collector.callers import Caller
from tests.exports.helpers import approve, release, tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from pytest_django.fixtures import Settings

    from collector.models import Campaign, Category, Person
    from exports.models import DatasetVersion

    SignIn = Callable[[Person], Client]

pytestmark = pytest.mark.django_db
FILE = "/datasets/v1/files/README.md?name=set"
ZIP = "/datasets/v1/all.zip?name=set"


@pytest.fixture
def version(root: Path, campaign: Campaign, category: Category) -> DatasetVersion:
    approve(campaign, category, 3)
    return release(root)


@pytest.fixture
def readme(version: DatasetVersion, root: Path) -> bytes:
    return (root / "set" / "v1" / "README.md").read_bytes()


@pytest.fixture
def client(author: Person, sign_in: SignIn) -> Client:
    return sign_in(author)


def body(answer: Any) -> bytes:
    return b"".join(answer)


def part(client: Client, wanted: str, **headers: str) -> Any:
    return client.get(FILE, headers={"Range": wanted, **headers})


def test_a_range_is_that_part_of_the_file(client: Client, readme: bytes) -> None:
    answer = part(client, "bytes=10-19")
    assert (answer.status_code, body(answer)) == (206, readme[10:20])
    assert answer.headers["Content-Range"] == f"bytes 10-19/{len(readme)}"
    assert answer.headers["Content-Length"] == "10"


def test_a_broken_download_goes_on_where_it_stopped(client: Client, readme: bytes) -> None:
    first = part(client, "bytes=0-99")
    rest = part(client, "bytes=100-", **{"If-Range": first.headers["ETag"]})
    assert body(first) + body(rest) == readme


def test_the_last_bytes_can_be_asked_for(client: Client, readme: bytes) -> None:
    assert body(part(client, "bytes=-7")) == readme[-7:]
    assert body(part(client, f"bytes=-{len(readme) * 2}")) == readme


def test_a_range_that_reaches_past_the_end_ends_there(client: Client, readme: bytes) -> None:
    answer = part(client, f"bytes=5-{len(readme) + 50}")
    assert body(answer) == readme[5:]
    assert answer.headers["Content-Range"] == f"bytes 5-{len(readme) - 1}/{len(readme)}"


@pytest.mark.parametrize("path", ["/datasets/v1/files/", "/api/v1/datasets/v1/files/"])
def test_while_others_are_sent_a_small_file_comes_and_a_large_one_has_to_wait(
    client: Client, readme: bytes, settings: Settings, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    settings.WOOLGATHER_STREAMS = 1
    under_way = client.get(ZIP)
    small = client.get(f"{path}README.md?name=set")
    monkeypatch.setattr("exports.downloads.WHOLE", len(readme) - 1)
    large = client.get(f"{path}README.md?name=set")
    assert body(under_way)
    assert (small.status_code, small.content) == (200, readme)
    assert (large.status_code, large.headers["Retry-After"]) == (503, "5")
    assert AuditEntry.objects.filter(verb="dataset.downloaded").count() == 2  # the zip and the small one
    assert body(client.get(f"{path}README.md?name=set")) == readme


@pytest.mark.parametrize("wanted", ["bytes=-0", "bytes={size}-"])
def test_a_range_outside_the_file_is_refused_with_its_size(client: Client, readme: bytes, wanted: str) -> None:
    answer = part(client, wanted.format(size=len(readme)))
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(readme)}")


@pytest.mark.parametrize("wanted", ["bytes=5-1", "bytes=-", "lines=1-2", "bytes=1-2,4-5", "bytes=x-y", "bytes=٣-٤"])
def test_what_is_no_single_range_gets_the_whole_file(client: Client, readme: bytes, wanted: str) -> None:
    answer = client.get(FILE, headers={"Range": wanted.encode().decode("latin-1")})
    assert (answer.status_code, body(answer)) == (200, readme)


def test_a_file_that_changed_since_is_sent_whole(client: Client, readme: bytes) -> None:
    answer = part(client, "bytes=10-19", **{"If-Range": '"of another file"'})
    assert (answer.status_code, body(answer)) == (200, readme)


def test_the_api_gives_ranges_too(author: Person, readme: bytes) -> None:
    caller = Caller(author, "read")
    answer = caller.client.get("/api/v1" + FILE, headers={**caller.headers, "Range": "bytes=1-3"})
    assert (answer.status_code, body(answer)) == (206, readme[1:4])


def test_the_zip_holds_every_file_as_it_is(client: Client, version: DatasetVersion, root: Path) -> None:
    answer = client.get(ZIP)
    with zipfile.ZipFile(io.BytesIO(body(answer))) as archive:
        assert archive.testzip() is None
        packed = {name.removeprefix("set-v1/"): archive.read(name) for name in archive.namelist()}
    assert packed == tree(root / "set" / "v1")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="set-v1.zip"'


def test_the_zip_is_noted_and_asking_for_its_head_is_not(client: Client, version: DatasetVersion) -> None:
    client.head(ZIP)
    assert not AuditEntry.objects.filter(verb="dataset.downloaded").exists()
    body(client.get(ZIP))
    assert AuditEntry.objects.get(verb="dataset.downloaded").target == "set v1 *.zip"


def test_a_zip_with_a_file_missing_is_refused_before_its_first_byte(
    client: Client, version: DatasetVersion, root: Path
) -> None:
    (root / "set" / "v1" / "LICENSE").unlink()
    assert client.get(ZIP).status_code == 404


def test_nobody_gets_the_zip_without_signing_in(client: Client, version: DatasetVersion) -> None:
    client.logout()
    assert client.get(ZIP).status_code == 302


def test_an_admin_withdraws_a_version_on_its_page(admin: Person, sign_in: SignIn, version: DatasetVersion) -> None:
    client = sign_in(admin)
    assert b"Withdraw this version" in client.get("/datasets/v1/?name=set").content
    answer = client.post("/datasets/v1/withdraw/?name=set", {"reason": "A customer's name is in it."}, follow=True)
    assert b"A customer&#x27;s name is in it." in answer.content
    assert client.get(FILE).status_code == client.get(ZIP).status_code == 404


def test_a_version_is_not_withdrawn_without_a_reason(admin: Person, sign_in: SignIn, version: DatasetVersion) -> None:
    answer = sign_in(admin).post("/datasets/v1/withdraw/?name=set", {"reason": " "}, follow=True)
    version.refresh_from_db()
    assert version.is_ready
    assert b"Say why the version is withdrawn" in answer.content


def test_a_lead_may_not_withdraw_and_is_not_offered_it(sign_in: SignIn, version: DatasetVersion) -> None:
    client = sign_in(factories.PersonFactory.create(roles=["lead"]))
    assert b"Withdraw this version" not in client.get("/datasets/v1/?name=set").content
    assert client.post("/datasets/v1/withdraw/?name=set", {"reason": "No."}).status_code == 403
