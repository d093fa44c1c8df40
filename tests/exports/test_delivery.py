"""Handing versions on: complete before they are seen, never overwritten, and to be had back byte for byte."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from django.core.management import CommandError
from moto.server import ThreadedMotoServer

from collector.models import AuditEntry
from exports import actions, delivery, destinations, manifest
from exports.destinations import BadDestination, Destination, Directory, Stored, Unreachable
from exports.models import DatasetVersion
from tests import factories
from tests.exports.helpers import NOW, approve, release, tree
from tests.exports.test_commands import NAME, answer, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.models import Campaign, Category, Person

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """A server on this machine that answers as S3 does."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of the server, found and entered by the environment alone."""
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    s3 = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
    s3.mkdir("outside")
    yield "outside"
    s3.rm("outside", recursive=True)


@pytest.fixture
def version(root: Path, campaign: Campaign, category: Category) -> DatasetVersion:
    """A small released version."""
    approve(campaign, category, 3)
    return release(root)


@pytest.fixture
def directory(root: Path, version: DatasetVersion) -> Path:
    """Where its files lie."""
    return root / "set" / version.label


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


def test_a_large_file_goes_up_in_parts(bucket: str, tmp_path: Path) -> None:
    source = tmp_path / "large"
    source.write_bytes(bytes(range(256)) * (40 << 12))  # 40 MiB
    place = Destination(bucket, "s3").place("set", 1)
    told: list[int] = []
    place.put(source, "large", told.append)
    assert len(told) == 3
    assert sum(told) == place.sizes()["large"] == 40 << 20
    assert place.sha256("large") == Directory(tmp_path, "set", 1).sha256(str(source))


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


def test_a_missing_bucket_ends_with_one_line(bucket: str, version: DatasetVersion) -> None:
    with pytest.raises(CommandError, match=r"There is no bucket for s3://elsewhere/set/v1") as error:
        run("export_dataset", *NAME, "--version", "v1", "--to", "s3://elsewhere")
    assert error.value.returncode == 1


def test_missing_credentials_end_with_one_line(
    bucket: str, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(CommandError, match=r"No credentials for s3://outside/set/v1.*AWS_ACCESS_KEY_ID"):
        run("export_dataset", *NAME, "--version", "v1", "--to", f"s3://{bucket}")


def test_a_server_that_is_not_there_ends_with_one_line(
    bucket: str, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    with pytest.raises(CommandError, match=r"did not take the version.*try again") as error:
        run("export_dataset", *NAME, "--version", "v1", "--to", f"s3://{bucket}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("url", "package"), [("s3://bucket/x", "s3fs"), ("gs://bucket/x", "gcsfs")])
def test_a_missing_library_says_what_to_install_before_anything_is_released(
    root: Path, campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch, url: str, package: str
) -> None:
    approve(campaign, category)
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(CommandError, match=f"pip install {package}") as error:
        run("export_dataset", *NAME, "--to", url)
    assert error.value.returncode == 1
    assert not DatasetVersion.objects.exists()


@pytest.mark.parametrize(
    "flags",
    [
        ["--to", "http://example.com/x"],
        ["--to", "ftp://example.com/x"],
        ["--to", "memory://x"],
        ["--to", "simplecache::s3://bucket/x"],
        ["--to", "s3:bucket/x"],
        ["--to", "s3://"],
        ["--to", "s3://bucket/../other"],
        ["--to", "s3://bucket//x"],
        ["--to", "s3://bucket/x?versionId=1"],
        ["--to", "s3://bucket/*"],
        ["--to", "s3://key:secret@bucket/x"],
        ["--to", "file://elsewhere/x"],
        ["--to", ""],
        ["--check"],
        ["--public"],
        ["--push-to-hub", "name"],
        ["--push-to-hub", "org/name/more"],
        ["--push-to-hub", "org/-name"],
        ["--push-to-hub", "org/na--me"],
    ],
)
def test_flags_that_make_no_sense_end_with_two_before_anything_is_released(
    root: Path, campaign: Campaign, category: Category, flags: list[str]
) -> None:
    approve(campaign, category)
    with pytest.raises(CommandError) as error:
        run("export_dataset", *NAME, *flags)
    assert error.value.returncode == 2
    assert "secret" not in str(error.value)
    assert not DatasetVersion.objects.exists()


def test_an_address_that_can_not_be_used_names_those_that_can() -> None:
    with pytest.raises(BadDestination, match=r"http:.*directory, s3://BUCKET/PREFIX and gs://BUCKET/PREFIX"):
        destinations.parse("http://example.com/")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/mnt/share", "/mnt/share"),
        ("file:///mnt/a%20share/", "/mnt/a share"),
        ("s3://bucket", "s3://bucket"),
        ("S3://bucket/a/b/", "s3://bucket/a/b"),
        ("gs://my_bucket/käse", "gs://my_bucket/käse"),
        ("./a:b", str(Path("./a:b").resolve())),
    ],
)
def test_addresses_are_read_as_they_are_meant(text: str, shown: str) -> None:
    assert destinations.parse(text).shown == shown


def test_a_directory_needs_no_library(directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    place = destinations.parse(f"file://{tmp_path}").place("set", 1)
    assert delivery.deliver(directory=directory, place=place).sent
