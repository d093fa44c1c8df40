"""Pushing to the Hub: the real client against a server on this machine that answers as the Hub does."""

from __future__ import annotations

import importlib.util
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError
from huggingface_hub import HfApi, constants

from collector.models import AuditEntry
from exports import actions, hub
from exports.models import DatasetVersion
from tests.exports.helpers import NOW, approve, release, tree
from tests.exports.hub_server import TOKEN, HubServer
from tests.exports.test_commands import NAME, answer, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from collector.models import Campaign, Category, Person

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.one_database,
    # The Hub's client hands its files to its HTTP library in the old form.
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),
]
PUSH = [*NAME, "--push-to-hub", "org/pairs"]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub on this machine, and a token that it takes."""
    with HubServer() as started:
        monkeypatch.setenv("HF_ENDPOINT", started.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        # The library reads these when it is imported; another test may have done that.
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        # Xet speaks a binary protocol of its own to servers of its own; without it the same files go up over HTTP.
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        yield started


def test_a_version_is_one_commit_with_the_same_bytes_and_a_tag(
    server: HubServer, root: Path, version: DatasetVersion
) -> None:
    said = answer("export_dataset", *PUSH, "--version", "v1")
    files = tree(root / "set" / "v1")
    repository = server.repositories["org/pairs"]
    assert repository.private
    assert [commit.summary for commit in repository.commits] == ["", "set v1"]
    assert repository.commits[-1].files == files | {".gitattributes": repository.commits[0].files[".gitattributes"]}
    assert repository.commits[-1].lfs == {path for path in files if path.endswith(".parquet")}
    assert repository.tags == {"v1": repository.commits[-1].oid}
    assert said["delivered"] == [
        {
            "to": f"{server.url}/datasets/org/pairs/tree/v1",
            "sha256": version.manifest_sha256,
            "files": len(files),
            "bytes": sum(len(data) for data in files.values()),
            "sent": len(files),
        }
    ]


def test_the_client_loads_by_tag_what_was_pushed(
    server: HubServer, root: Path, tmp_path: Path, version: DatasetVersion
) -> None:
    from datasets import load_dataset

    run("export_dataset", *PUSH, "--version", "v1")
    api = HfApi(endpoint=server.url, token=TOKEN)
    copy = api.snapshot_download(
        "org/pairs",
        repo_type="dataset",
        revision="v1",
        local_dir=tmp_path / "copy",
        cache_dir=tmp_path / "cache",
        ignore_patterns=[".gitattributes"],
    )
    there = {path: data for path, data in tree(tmp_path / "copy").items() if not path.startswith(".cache/")}
    assert there == tree(root / "set" / "v1")
    loaded = load_dataset(copy, cache_dir=str(tmp_path / "datasets"))
    assert {split: rows.num_rows for split, rows in loaded.items()} == version.splits


def test_a_second_push_sends_nothing(server: HubServer, version: DatasetVersion) -> None:
    run("export_dataset", *PUSH, "--version", "v1")
    server.asked.clear()
    assert "already there" in run("export_dataset", *PUSH, "--version", "v1")
    assert set(server.asked) == {"info", "refs", "tree"}
    assert AuditEntry.objects.filter(verb="dataset.delivered").count() == 1


def test_the_next_version_replaces_the_one_before_and_both_can_be_had(
    server: HubServer, root: Path, version: DatasetVersion, campaign: Campaign, category: Category
) -> None:
    run("export_dataset", *PUSH, "--version", "v1")
    server.repositories["org/pairs"].commits[-1].files["logo.png"] = b"added by hand"
    approve(campaign, category)
    release(root, formats=["dolly"])
    approve(campaign, category)
    release(root)
    run("export_dataset", *PUSH, "--version", "v2")
    assert "dolly/" in " ".join(server.repositories["org/pairs"].commits[-1].files)
    run("export_dataset", *PUSH, "--version", "v3")
    repository = server.repositories["org/pairs"]
    own = {".gitattributes", "logo.png"}
    assert set(repository.commits[-1].files) - own == set(tree(root / "set" / "v3"))
    assert sorted(repository.tags) == ["v1", "v2", "v3"]
    second = repository.at("v2")
    assert second
    assert {path: data for path, data in second.files.items() if path not in own} == tree(root / "set" / "v2")


def test_an_earlier_version_after_a_later_one_is_refused(
    server: HubServer, root: Path, version: DatasetVersion, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category)
    release(root)
    run("export_dataset", *PUSH, "--version", "v2")
    with pytest.raises(CommandError, match="already holds v2"):
        run("export_dataset", *PUSH, "--version", "v1")
    assert list(server.repositories["org/pairs"].tags) == ["v2"]


@pytest.mark.parametrize("step", ["create", "refs", "tree", "preupload", "batch", "validate", "commit", "tag"])
def test_a_push_that_breaks_off_shows_no_tag_and_the_next_one_completes_it(
    server: HubServer, root: Path, version: DatasetVersion, step: str
) -> None:
    server.refuse[step] = 403
    with pytest.raises(CommandError, match="may not write to org/pairs") as error:
        run("export_dataset", *PUSH, "--version", "v1")
    assert error.value.returncode == 1
    assert "\n" not in str(error.value)
    assert not any(repository.tags for repository in server.repositories.values())
    server.refuse.clear()
    run("export_dataset", *PUSH, "--version", "v1")
    repository = server.repositories["org/pairs"]
    tagged = repository.at("v1")
    assert tagged
    assert {path: tagged.files[path] for path in tree(root / "set" / "v1")} == tree(root / "set" / "v1")
    assert len(repository.commits) == 2


def test_what_arrives_otherwise_is_not_tagged(server: HubServer, version: DatasetVersion) -> None:
    server.garble = True
    with pytest.raises(CommandError, match="not what was sent; it was not tagged"):
        run("export_dataset", *PUSH, "--version", "v1")
    assert not server.repositories["org/pairs"].tags


def test_another_version_under_the_tag_is_refused(server: HubServer, version: DatasetVersion) -> None:
    repository = server.make("org/pairs")
    repository.tags["v1"] = repository.commits[0].oid
    with pytest.raises(CommandError, match="already has another v1"):
        run("export_dataset", *PUSH, "--version", "v1")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"model.bin": b"?"}, r"model\.bin"),
        ({"manifest.json": b"[]"}, "none of ours"),
        ({"manifest.json": b'{"name": "other", "version": "v1", "files": []}'}, "the dataset other"),
        ({"manifest.json": b'{"name": "set", "version": "v1", "files": []}'}, "already has another v1"),
    ],
)
def test_a_repository_that_holds_something_else_is_refused(
    server: HubServer, version: DatasetVersion, files: dict[str, bytes], words: str
) -> None:
    repository = server.make("org/pairs", files)
    with pytest.raises(CommandError, match=words):
        run("export_dataset", *PUSH, "--version", "v1")
    assert len(repository.commits) == 1


def test_data_that_no_version_put_there_is_refused(
    server: HubServer, root: Path, version: DatasetVersion, campaign: Campaign, category: Category
) -> None:
    run("export_dataset", *PUSH, "--version", "v1")
    server.repositories["org/pairs"].commits[-1].files["data/train-extra.parquet"] = b"?"
    approve(campaign, category)
    release(root)
    with pytest.raises(CommandError, match=r"train-extra\.parquet"):
        run("export_dataset", *PUSH, "--version", "v2")


def test_public_is_asked_for(server: HubServer, version: DatasetVersion) -> None:
    server.make("org/open", private=False)
    flags = [*NAME, "--version", "v1", "--push-to-hub", "org/open"]
    with pytest.raises(CommandError, match="is public: add --public"):
        run("export_dataset", *flags)
    assert not server.repositories["org/open"].tags
    run("export_dataset", *flags, "--public")
    run("export_dataset", *NAME, "--version", "v1", "--push-to-hub", "org/new", "--public")
    assert not server.repositories["org/new"].private
    run("export_dataset", *PUSH, "--version", "v1")
    with pytest.raises(CommandError, match="exists and is private"):
        run("export_dataset", *PUSH, "--version", "v1", "--public")


def test_what_is_for_the_company_alone_never_becomes_public(
    server: HubServer, root: Path, campaign: Campaign, category: Category
) -> None:
    approve(campaign, category)
    release(root, licence="LicenseRef-Proprietary")
    server.make("org/open", private=False)
    with pytest.raises(CommandError, match="for the company alone"):
        run("export_dataset", *PUSH, "--version", "v1", "--public")
    assert server.asked == []
    with pytest.raises(CommandError, match="for the company alone"):
        run("export_dataset", *NAME, "--version", "v1", "--push-to-hub", "org/open")
    assert not server.repositories["org/open"].tags
    run("export_dataset", *PUSH, "--version", "v1")
    assert server.repositories["org/pairs"].tags


def test_a_withdrawn_version_is_not_pushed(
    server: HubServer, root: Path, version: DatasetVersion, admin: Person
) -> None:
    actions.withdraw_version(version=version, reason="Wrong.", by=admin, now=NOW)
    with pytest.raises(actions.WrongState):
        actions.push_version(
            version=version,
            directory=root / "set" / "v1",
            repository="org/pairs",
            public=False,
            by=admin,
            clock=lambda: NOW,
        )
    assert server.asked == []


def test_without_a_token_nothing_is_asked(
    server: HubServer, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(CommandError, match="Set HF_TOKEN"):
        run("export_dataset", *PUSH, "--version", "v1")
    assert server.asked == []


def test_a_refused_token_ends_with_one_line(
    server: HubServer, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_bad")
    with pytest.raises(CommandError, match="refuses the token") as error:
        run("export_dataset", *PUSH, "--version", "v1")
    assert error.value.returncode == 1
    assert "hf_bad" not in str(error.value)


def test_offline_mode_is_respected(server: HubServer, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CommandError, match="HF_HUB_OFFLINE"):
        run("export_dataset", *PUSH, "--version", "v1")
    assert server.asked == []


def test_a_hub_that_is_not_there_ends_with_one_line(
    server: HubServer, version: DatasetVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(CommandError, match="could not be reached") as error:
        run("export_dataset", *PUSH, "--version", "v1")
    assert "\n" not in str(error.value)


def test_who_pushes_at_the_same_time_is_not_mixed_in(server: HubServer, version: DatasetVersion) -> None:
    server.refuse["commit"] = 412
    with pytest.raises(CommandError, match="changed meanwhile"):
        run("export_dataset", *PUSH, "--version", "v1")


def test_no_signed_address_is_logged_and_no_telemetry_sent(
    server: HubServer, version: DatasetVersion, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        run("export_dataset", *PUSH, "--version", "v1")
    assert "upload" in server.asked
    assert "sesame" not in caplog.text
    assert constants.HF_HUB_DISABLE_TELEMETRY
    assert not any("torch" in agent for agent in server.agents)


def test_a_signed_address_in_an_error_loses_its_signature() -> None:
    assert hub._line("Server error for url https://store/x?X-Amz-Signature=sesame.") == (
        "Server error for url https://store/x"
    )


def test_a_hub_of_ones_own_is_shown_without_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://user:secret@hub.example.com/")
    assert hub.address("org/pairs", "v2") == "https://hub.example.com/datasets/org/pairs/tree/v2"


def test_the_audit_says_where_it_went(server: HubServer, version: DatasetVersion) -> None:
    run("export_dataset", *PUSH, "--version", "v1")
    began, done = AuditEntry.objects.filter(verb__startswith="dataset.deliver").order_by("pk")
    assert (began.verb, done.verb) == ("dataset.delivery_began", "dataset.delivered")
    assert began.detail["to"] == done.detail["to"] == f"{server.url}/datasets/org/pairs/tree/v1"
    assert done.detail["sha256"] == version.manifest_sha256
    assert TOKEN not in json.dumps([began.detail, done.detail])


def test_a_missing_library_says_what_to_install_before_anything_is_released(
    root: Path, campaign: Campaign, category: Category, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(campaign, category)
    find: Any = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "huggingface_hub" else find(name))
    with pytest.raises(CommandError, match="pip install huggingface_hub") as error:
        run("export_dataset", *PUSH)
    assert error.value.returncode == 1
    assert not DatasetVersion.objects.exists()
