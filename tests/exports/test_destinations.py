"""What may stand after --to, and what the stores' refusals mean."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError

from exports import destinations
from exports.destinations import BadDestination, Destination, Directory
from exports.models import DatasetVersion
from tests.exports.helpers import approve
from tests.exports.test_commands import NAME, run

if TYPE_CHECKING:
    from collector.models import Campaign, Category

pytestmark = pytest.mark.django_db


def test_a_large_file_goes_up_in_parts(bucket: str, tmp_path: Path) -> None:
    source = tmp_path / "large"
    source.write_bytes(bytes(range(256)) * (40 << 12))  # 40 MiB
    place = Destination(bucket, "s3").place("set", 1)
    told: list[int] = []
    place.put(source, "large", told.append)
    assert len(told) == 3
    assert sum(told) == place.sizes()["large"] == 40 << 20
    assert place.sha256("large") == Directory(tmp_path, "set", 1).sha256(str(source))


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
