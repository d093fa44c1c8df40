"""Handing versions on: complete before they are seen, never overwritten, and to be had back byte for byte."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from django.core.management import CommandError

from collector.models import AuditEntry
from exports import actions, delivery, destinations, manifest
from exports.destinations import Destination, Directory, Stored, Unreachable
from exports.models import DatasetVersion
from tests import factories
from tests.exports.helpers import NOW, approve, release, tree
from tests.exports.test_commands import NAME, answer, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.models import Campaign, Category, Person

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


class Failing:
    """A file system that breaks when the n-th file is sent, half of it written."""

    def __init__(self, fs: Any, after: int) -> None:
        self._fs, self._left = fs, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fs, name)

    def put_file(self, source: str, target: str, **options: Any) -> None:
        """Send, until it is enough."""
        if self._left == 0:
            raise ConnectionResetError("the line went dead")
        self._left -= 1
        self._fs.put_file(source, target, **options)


def memory(after: int | None = None) -> Stored:
    """A place in a store that lives in this process and may fail."""
    from fsspec.implementations.memory import MemoryFileSystem

    fs: Any = MemoryFileSystem(skip_instance_cache=True)
    return Stored(
        fs=fs if after is None else Failing(fs, after),
        base="/box/set/v1",
        shown="memory://box/set/v1",
        store=destinations.S3,
    )


@pytest.fixture(autouse=True)
def empty_memory() -> Iterator[None]:
    """Nothing stays in the store that lives in this process."""
    from fsspec.implementations.memory import MemoryFileSystem

    yield
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


def held(fs: Any, base: str) -> dict[str, bytes]:
    """Return what a store holds below a place."""
    return {name.lstrip("/").removeprefix(base.lstrip("/") + "/"): fs.cat_file(name) for name in fs.find(base)}


def s3_files(bucket: str) -> Any:
    """Return a fresh view of the server."""
    assert bucket
    return fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)


def test_a_version_lies_in_the_bucket_byte_for_byte(bucket: str, version: DatasetVersion, directory: Path) -> None:
    said = answer("export_dataset", *NAME, "--version", "v1", "--to", f"s3://{bucket}/some/prefix")
    files = tree(directory)
    assert list(said) == ["version", "path", "rows", "splits", "sha256", "delivered"]
    assert said["delivered"] == [
        {
            "to": f"s3://{bucket}/some/prefix/set/v1",
            "sha256": version.manifest_sha256,
            "files": len(files),
            "bytes": sum(len(data) for data in files.values()),
            "sent": len(files),
        }
    ]
    assert held(s3_files(bucket), f"{bucket}/some/prefix/set/v1") == files


def test_a_second_time_nothing_is_sent(bucket: str, version: DatasetVersion) -> None:
    flags = [*NAME, "--version", "v1", "--to", f"s3://{bucket}"]
    assert answer("export_dataset", *flags)["delivered"][0]["sent"] > 0
    before = s3_files(bucket).find(f"{bucket}/set/v1", detail=True)
    assert "already there" in run("export_dataset", *flags)
    assert s3_files(bucket).find(f"{bucket}/set/v1", detail=True) == before
    assert AuditEntry.objects.filter(verb="dataset.delivered").count() == 1


def test_datasets_and_pyarrow_read_a_version_from_the_bucket(
    bucket: str, version: DatasetVersion, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq
    from datasets import load_dataset

    run("export_dataset", *NAME, "--version", "v1", "--to", f"s3://{bucket}")
    at = f"{bucket}/set/v1/data"
    loaded = load_dataset(
        "parquet",
        data_files={split: f"s3://{at}/{split}-*.parquet" for split in version.splits},
        cache_dir=str(tmp_path),
    )
    assert {split: rows.num_rows for split, rows in loaded.items()} == version.splits
    files = s3_files(bucket)
    assert sum(pq.read_table(path, filesystem=files).num_rows for path in files.find(at)) == version.rows


def test_a_new_version_can_be_handed_on_at_once(
    bucket: str, root: Path, tmp_path: Path, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category)
    said = answer("export_dataset", *NAME, "--to", f"s3://{bucket}", "--to", str(tmp_path / "share"))
    assert [each["to"] for each in said["delivered"]] == [f"s3://{bucket}/set/v1", str(tmp_path / "share/set/v1")]
    again = answer("export_dataset", *NAME, "--to", f"s3://{bucket}")
    assert (again["version"], again["delivered"][0]["sent"]) == ("v1", 0)


def test_a_delivery_that_breaks_off_at_any_file_shows_nothing_and_the_next_one_completes_it(directory: Path) -> None:
    files = tree(directory)
    for after in range(len(files)):
        with pytest.raises(Unreachable, match="the line went dead"):
            delivery.deliver(directory=directory, place=memory(after))
        left = memory()
        assert left.read("manifest.json") is None
        assert len(left.sizes()) == after
        delivered = delivery.deliver(directory=directory, place=left)
        assert delivered.sent == len(files) - after
        assert held(left._fs, "/box/set/v1") == files
        left._fs.rm("/box", recursive=True)


def test_what_was_left_behind_is_trusted_only_when_its_bytes_are_right(directory: Path) -> None:
    with pytest.raises(Unreachable):
        delivery.deliver(directory=directory, place=memory(3))
    place = memory()
    path, size = next((path, size) for path, size in place.sizes().items() if size)
    place._fs.pipe_file(f"/box/set/v1/{path}", b"x" * size)
    delivery.deliver(directory=directory, place=place)
    assert held(place._fs, "/box/set/v1") == tree(directory)


def test_another_version_under_the_number_is_refused(directory: Path) -> None:
    place = memory()
    place._fs.pipe_file("/box/set/v1/manifest.json", b"{}")
    with pytest.raises(delivery.Taken, match="A version never changes"):
        delivery.deliver(directory=directory, place=place)
    assert held(place._fs, "/box/set/v1") == {"manifest.json": b"{}"}


def test_files_of_something_else_are_refused(directory: Path) -> None:
    place = memory()
    place._fs.pipe_file("/box/set/v1/data/train-extra.parquet", b"?")
    with pytest.raises(delivery.Taken, match=r"train-extra\.parquet"):
        delivery.deliver(directory=directory, place=place)


def test_a_file_that_is_gone_or_short_is_sent_again(directory: Path) -> None:
    place = memory()
    delivery.deliver(directory=directory, place=place)
    place._fs.rm_file("/box/set/v1/LICENSE")
    place._fs.pipe_file("/box/set/v1/README.md", b"short")
    assert delivery.deliver(directory=directory, place=place).sent == 2
    assert held(place._fs, "/box/set/v1") == tree(directory)


def test_check_finds_a_file_of_the_right_size_that_is_wrong(directory: Path) -> None:
    place = memory()
    delivery.deliver(directory=directory, place=place)
    size = place.sizes()["README.md"]
    place._fs.pipe_file("/box/set/v1/README.md", b"x" * size)
    assert delivery.deliver(directory=directory, place=place).sent == 0
    assert delivery.deliver(directory=directory, place=place, check=True).sent == 1
    assert held(place._fs, "/box/set/v1") == tree(directory)


def test_a_store_that_keeps_other_bytes_shows_no_manifest(directory: Path) -> None:
    place = memory()

    class Lossy(Failing):
        def put_file(self, source: str, target: str, **_options: Any) -> None:
            self._fs.pipe_file(target, b"x" * Path(source).stat().st_size)

    place._fs = Lossy(place._fs, 0)
    with pytest.raises(delivery.Damaged, match="is not what was sent"):
        delivery.deliver(directory=directory, place=place)
    assert place.read("manifest.json") is None


def test_a_damaged_version_is_not_handed_on(directory: Path) -> None:
    (directory / "LICENSE").write_text("other")
    with pytest.raises(delivery.Damaged, match="LICENSE"):
        delivery.deliver(directory=directory, place=memory())
    assert not memory().sizes()


def test_a_directory_gets_its_name_when_it_is_complete(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = tmp_path / "share"
    copy, seen = destinations.copy, []

    def watched(*arguments: Any) -> None:
        seen.append([path.name for path in (share / "set").glob("v*")])
        copy(*arguments)

    monkeypatch.setattr(destinations, "copy", watched)
    place = Directory(share, "set", 1)
    delivered = delivery.deliver(directory=directory, place=place)
    assert seen == [[]] * delivered.files
    assert tree(share / "set" / "v1") == tree(directory)
    assert [path.name for path in (share / "set").iterdir()] == ["v1"]
    assert not manifest.verify(share / "set" / "v1").faults


def test_a_copy_on_a_disk_that_fills_up_at_any_file_leaves_nothing(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = destinations.copy
    place = Directory(tmp_path / "share", "set", 1)
    for after in range(len(tree(directory))):
        copied: list[None] = []

        def full(*arguments: Any, copied: list[None] = copied, after: int = after) -> None:
            if len(copied) == after:
                raise OSError(28, "No space left on device")
            copied.append(copy(*arguments))

        monkeypatch.setattr(destinations, "copy", full)
        with pytest.raises(Unreachable, match="is full"):
            delivery.deliver(directory=directory, place=place)
        assert list((tmp_path / "share" / "set").iterdir()) == []
    monkeypatch.setattr(destinations, "copy", copy)
    delivery.deliver(directory=directory, place=place)
    assert tree(place.path) == tree(directory)


def test_a_copy_on_a_disk_is_mended_and_never_replaced(directory: Path, tmp_path: Path) -> None:
    place = Directory(tmp_path, "set", 1)
    delivery.deliver(directory=directory, place=place)
    (place.path / "LICENSE").unlink()
    (place.path / "README.md").unlink()
    (place.path / "README.md").symlink_to(directory / "README.md")
    assert delivery.deliver(directory=directory, place=place).sent == 2
    assert not manifest.verify(place.path).faults
    (place.path / "manifest.json").write_text("{}")
    with pytest.raises(delivery.Taken):
        delivery.deliver(directory=directory, place=place)


def test_progress_counts_the_bytes(directory: Path) -> None:
    calls: list[tuple[int, int, str]] = []
    delivered = delivery.deliver(directory=directory, place=memory(), progress=lambda *call: calls.append(call))
    assert calls[0][0] == 0
    assert calls[-1][:2] == (delivered.bytes, delivered.bytes)


def test_the_audit_knows_that_it_began_and_that_it_is_there(
    version: DatasetVersion, directory: Path, tmp_path: Path, admin: Person
) -> None:
    actions.deliver_version(
        version=version, directory=directory, destination=Destination(str(tmp_path)), by=admin, clock=lambda: NOW
    )
    began, done = AuditEntry.objects.filter(verb__startswith="dataset.deliver").order_by("pk")
    assert (began.verb, done.verb) == ("dataset.delivery_began", "dataset.delivered")
    assert {began.by, done.by} == {admin}
    assert done.target == "set v1"
    assert (done.detail["to"], done.detail["sha256"]) == (str(tmp_path / "set/v1"), version.manifest_sha256)


def test_what_breaks_off_stands_in_the_audit_too(version: DatasetVersion, directory: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unreachable):
        actions.deliver_version(
            version=version,
            directory=directory,
            destination=Destination(str(tmp_path / "file")),
            by=None,
            clock=lambda: NOW,
        )
    assert [entry.verb for entry in AuditEntry.objects.filter(verb__startswith="dataset.deliver")] == [
        "dataset.delivery_began"
    ]


def test_a_withdrawn_version_is_not_handed_on(
    version: DatasetVersion, directory: Path, tmp_path: Path, admin: Person
) -> None:
    actions.withdraw_version(version=version, reason="Wrong.", by=admin, now=NOW)
    with pytest.raises(actions.WrongState, match="it is withdrawn"):
        actions.deliver_version(
            version=version, directory=directory, destination=Destination(str(tmp_path)), by=admin, clock=lambda: NOW
        )
    with pytest.raises(CommandError, match="withdrawn"):
        run("export_dataset", *NAME, "--version", "v1", "--to", str(tmp_path))
    assert not (tmp_path / "set").exists()


def test_only_an_admin_hands_a_version_on_and_nothing_is_released_for_others(
    root: Path, tmp_path: Path, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category)
    lead = factories.PersonFactory.create(roles=["lead"])
    with pytest.raises(CommandError, match="Only an admin") as error:
        run("export_dataset", *NAME, "--by", lead.email, "--to", str(tmp_path))
    assert error.value.returncode == 2
    assert not DatasetVersion.objects.exists()


def test_a_directory_of_another_version_is_refused(
    root: Path, version: DatasetVersion, tmp_path: Path, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category)
    other = release(root)
    with pytest.raises(actions.CannotRebuild, match="not those that set v1"):
        actions.deliver_version(
            version=version,
            directory=root / "set" / other.label,
            destination=Destination(str(tmp_path)),
            by=None,
            clock=lambda: NOW,
        )


def test_a_directory_needs_no_library(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    place = destinations.parse(f"file://{tmp_path}").place("set", 1)
    assert delivery.deliver(directory=directory, place=place).sent
