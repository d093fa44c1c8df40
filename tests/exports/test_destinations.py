"""What may stand after --to, and what the stores' refusals mean."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock

import pytest
from django.core.management import CommandError

from exports import destinations
from exports.destinations import BadDestination, Destination, Directory, Stored, Unreachable
from exports.models import DatasetVersion
from tests.exports.gcs_server import GcsServer
from tests.exports.helpers import approve, tree
from tests.exports.test_commands import NAME, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collector.models import Campaign, Category

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def test_a_large_file_goes_up_in_parts(bucket: str, tmp_path: Path) -> None:
    source = tmp_path / "large"
    source.write_bytes(bytes(range(256)) * (40 << 12))  # 40 MiB
    place = Destination(bucket, "s3").place("set", 1)
    told: list[int] = []
    place.put(source, "large", told.append)
    assert len(told) == 3
    assert sum(told) == place.sizes()["large"] == 40 << 20
    assert place.sha256("large") == Directory(tmp_path, "set", 1).sha256(str(source))


@pytest.fixture
def gcs(monkeypatch: pytest.MonkeyPatch) -> Iterator[GcsServer]:
    """A bucket of Google Cloud Storage on this machine, found by the environment."""
    with GcsServer() as server:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
        yield server


def test_google_cloud_storage_takes_a_version_byte_for_byte(
    gcs: GcsServer, version: DatasetVersion, directory: Path
) -> None:
    flags = [*NAME, "--version", "v1", "--to", "gs://bucket/pre", "--check"]
    run("export_dataset", *flags)
    files = tree(directory)
    assert gcs.objects == {f"pre/set/v1/{path}": data for path, data in files.items()}
    assert list(gcs.objects)[-1] == "pre/set/v1/manifest.json"
    assert "already there" in run("export_dataset", *flags)


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")  # how gcsfs uses its HTTP library
def test_a_large_file_goes_to_google_in_parts(gcs: GcsServer, tmp_path: Path) -> None:
    source = tmp_path / "large"
    source.write_bytes(bytes(range(256)) * (40 << 12))
    place = Destination("bucket", "gs").place("set", 1)
    told: list[int] = []
    place.put(source, "large", told.append)
    assert len(told) == 3
    assert sum(told) == place.sizes()["large"] == 40 << 20
    assert place.sha256("large") == Directory(tmp_path, "set", 1).sha256(str(source))


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_google_names_the_variable_to_set(
    gcs: GcsServer, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr("gcsfs.retry.asyncio", SimpleNamespace(sleep=AsyncMock()))
    gcs.refuse = status
    with pytest.raises(CommandError, match=r"refuses.*GOOGLE_APPLICATION_CREDENTIALS") as error:
        run("export_dataset", *NAME, "--version", "v1", "--to", "gs://bucket/pre")
    assert "\n" not in str(error.value)


def test_a_refusal_of_s3_names_the_variable_to_set() -> None:
    place = Stored(fs=None, base="bucket/set/v1", shown="s3://bucket/set/v1", store=destinations.S3)
    with pytest.raises(Unreachable, match=r"refuses \(Access Denied\)\. Set AWS_ACCESS_KEY_ID"), place.errors():
        raise PermissionError("Access Denied")


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
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
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
