"""Versions in a bucket: ready when they lie there whole, and handed out by a host that has none of the files."""

from __future__ import annotations

import io
import shutil
import zipfile
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from exports import actions, store, tasks
from exports.failpoints import WITH_STORE
from exports.models import DatasetVersion
from jobs import runner
from jobs.models import Job
from tests import factories
from tests.exports.helpers import approve, build, freeze, tree
from tests.exports.test_delivery import held

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from pytest_django.fixtures import Settings

    from collector.models import Campaign, Category, Person

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
FILE = "/datasets/v1/files/README.md?name=set"


@pytest.fixture(autouse=True)
def kept(settings: Settings, bucket: str) -> str:
    """The address of this installation's store."""
    settings.WOOLGATHER_DATASETS_STORE = f"s3://{bucket}/kept"
    return f"{bucket}/kept/set/v1"


@pytest.fixture
def files() -> Any:
    """The bucket as another program sees it."""
    return fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)


@pytest.fixture
def elsewhere(root: Path, kept: str, campaign: Campaign, category: Category) -> dict[str, bytes]:
    """A version that a worker built on a disk which this host doesn't have; returns its files."""
    approve(campaign, category, 3)
    assert build(freeze(), root).is_ready
    found = tree(root / "set" / "v1")
    shutil.rmtree(root)
    return found


@pytest.fixture
def client(author: Person, sign_in: Callable[[Person], Client]) -> Client:
    return sign_in(author)


def body(answer: Any) -> bytes:
    return b"".join(answer)


def test_what_is_ready_lies_in_the_store_byte_for_byte(elsewhere: dict[str, bytes], kept: str, files: Any) -> None:
    assert held(files, kept) == elsewhere


def test_a_host_without_the_files_hands_them_out(client: Client, elsewhere: dict[str, bytes]) -> None:
    for path, data in elsewhere.items():
        answer = client.get(f"/datasets/v1/files/{path}?name=set")
        assert (answer.status_code, body(answer)) == (200, data)
        assert answer.headers["Content-Length"] == str(len(data))


def test_ranges_and_the_end_of_a_file_come_from_the_store(client: Client, elsewhere: dict[str, bytes]) -> None:
    readme = elsewhere["README.md"]
    for wanted, expected in {"bytes=10-19": readme[10:20], "bytes=-7": readme[-7:], "bytes=50-": readme[50:]}.items():
        answer = client.get(FILE, headers={"Range": wanted})
        assert (answer.status_code, body(answer)) == (206, expected)


def test_the_zip_is_packed_from_the_store(client: Client, elsewhere: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(body(client.get("/datasets/v1/all.zip?name=set")))) as archive:
        found = {name.removeprefix("set-v1/"): archive.read(name) for name in archive.namelist()}
    assert found == elsewhere


def test_each_get_is_authorised_anew(client: Client, author: Person, elsewhere: dict[str, bytes]) -> None:
    assert client.get(FILE).status_code == 200
    author.is_active = False
    author.save()
    assert client.get(FILE).status_code == 302
    DatasetVersion.objects.update(status="withdrawn", withdrawn_at=timezone.now(), withdrawn_because="asked to")
    author.is_active = True
    author.save()
    assert client.get(FILE).status_code == 404


@pytest.mark.parametrize("damage", ["gone", "other"])
def test_a_file_that_is_not_as_released_is_not_handed_out(
    client: Client, elsewhere: dict[str, bytes], kept: str, files: Any, damage: str
) -> None:
    if damage == "gone":
        files.rm(f"{kept}/README.md")
    else:
        files.pipe(f"{kept}/README.md", b"something else")
    assert client.get(FILE).status_code == 404


def test_a_store_that_is_away_is_said(
    client: Client, elsewhere: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = DatasetVersion.objects.get()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    store._place.cache_clear()
    try:
        with pytest.raises(store.StoreFault, match="does not answer"):
            store.open_file(version, "README.md", 1)
        assert client.get(FILE).status_code == 404
    finally:
        store._place.cache_clear()


def start(by: Person) -> DatasetVersion:
    """Have a version built in the background."""
    from exports.filters import Filter

    return tasks.start(name="set", filter=Filter(), formats=[], by=by, now=timezone.now())


def test_a_version_is_not_ready_before_the_store_has_it_and_the_job_is_tried_again(
    root: Path,
    kept: str,
    files: Any,
    campaign: Campaign,
    category: Category,
    monkeypatch: pytest.MonkeyPatch,
    settings: Settings,
) -> None:
    approve(campaign, category, 3)
    lead = factories.PersonFactory.create(roles=["lead"])
    version = start(lead)
    there = settings.WOOLGATHER_DATASETS_STORE
    settings.WOOLGATHER_DATASETS_STORE = "s3://no-such-bucket"
    assert version.job is not None
    job = Job.objects.get(pk=version.job)
    assert runner.execute(job_id=job.pk, worker="test", beat=False) == "again"
    version.refresh_from_db()
    assert version.is_building
    settings.WOOLGATHER_DATASETS_STORE = there
    outcome = runner.execute(job_id=job.pk, worker="test", beat=False)
    job.refresh_from_db()
    assert (outcome, job.error) == ("succeeded", "")
    version.refresh_from_db()
    assert version.is_ready
    assert held(files, kept) == tree(root / "set" / "v1")


def test_a_build_that_ends_between_store_and_ready_is_taken_up_and_sends_nothing_again(
    root: Path, kept: str, files: Any, campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What no handler of the build catches."""

    def die(name: str) -> None:
        if name in WITH_STORE:
            raise Killed

    approve(campaign, category, 3)
    version = freeze()
    with monkeypatch.context() as patched:
        patched.setattr("exports.actions.build.reach", die)
        with pytest.raises(Killed):
            build(version, root)
    version.refresh_from_db()
    assert version.is_building
    before = files.find(kept, detail=True)
    assert len(before) > 1
    assert build(version, root).is_ready
    files.invalidate_cache()
    assert files.find(kept, detail=True) == before


def test_what_a_failed_build_left_in_the_store_is_removed(
    root: Path, kept: str, files: Any, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category, 3)
    version = start(factories.PersonFactory.create(roles=["lead"]))
    files.pipe(f"{kept}/README.md", b"half")
    tasks.building_failed({"version": version.pk}, "it broke")
    assert held(files, kept) == {}


def test_a_version_that_is_whole_is_never_removed(elsewhere: dict[str, bytes], kept: str, files: Any) -> None:
    assert store.sweep(DatasetVersion.objects.get()) == 0
    assert held(files, kept) == elsewhere


def test_another_version_under_the_same_number_fails_the_build(
    root: Path, kept: str, files: Any, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category, 3)
    files.pipe(f"{kept}/manifest.json", b"{}")
    with pytest.raises(actions.BuildFailed, match="already holds another version"):
        build(freeze(), root)
    assert DatasetVersion.objects.get().status == "failed"


def test_what_the_store_holds_can_be_verified(
    elsewhere: dict[str, bytes], kept: str, files: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("verify_dataset", "v1", "--name", "set", "--store")
    assert "is as released" in capsys.readouterr().out
    files.pipe(f"{kept}/README.md", b"something else")
    with pytest.raises(CommandError, match="not as released"):
        call_command("verify_dataset", "v1", "--name", "set", "--store")


@pytest.mark.parametrize("wrong", ["/a/directory", "s3://key:secret@bucket", "ftp://x"])
def test_an_address_that_is_no_store_is_found_at_the_start(settings: Settings, wrong: str) -> None:
    settings.WOOLGATHER_DATASETS_STORE = wrong
    assert [error.id for error in store.check_store()] == ["exports.E001"]
