"""Datasets of these tests live in a directory of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.exports.helpers import approve, release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django.fixtures import Settings

    from collector.models import Campaign, Category
    from exports.models import DatasetVersion


@pytest.fixture
def root(settings: Settings, tmp_path: Path) -> Path:
    """The directory where this test's versions lie."""
    settings.WOOLGATHER_DATASETS = tmp_path / "datasets"
    return tmp_path / "datasets"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """A server on this machine that answers as S3 does."""
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of the server, found and entered by the environment alone."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nowhere",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    import fsspec

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
