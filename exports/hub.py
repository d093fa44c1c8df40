"""Handing a version on to the Hugging Face Hub: one commit that is complete, checked, and then tagged ``v<N>``."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import logging
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from collector.errors import NotAllowed, Refused
from exports import delivery, naming
from exports.delivery import Damaged, Delivered, Taken
from exports.destinations import MissingLibrary, Unreachable
from exports.manifest import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from exports.manifest import Manifest
    from exports.release import Progress
    from exports.writers.sink import FileEntry

HUB = "https://huggingface.co"
PART = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
LONGEST = 96  # characters of a repository's full name, by the Hub's rule
# What the Hub itself, or its page for new repositories, puts into one.
ITS_OWN = {".gitattributes", "README.md"}
# Answers of the Hub that mean something to the person at the terminal.
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, CONFLICT, PRECONDITION = 401, 403, 404, 409, 412


class BadRepository(ValueError):
    """What was typed can't name a repository; ``str()`` says what can."""


class NotPublic(NotAllowed):
    """The version would become readable for everybody, and nobody said that it may."""

    code = "not_public"


def repository_name(text: str) -> str:
    """Return ``text`` if it is ``ORG/NAME`` as the Hub allows it.

    Raises:
        BadRepository: it is not.
    """
    parts = text.split("/")
    if (
        len(parts) != 2  # noqa: PLR2004 - the owner and the name
        or not all(PART.fullmatch(part) for part in parts)
        or "--" in text
        or ".." in text
        or text.endswith(".git")
        or len(text) > LONGEST
    ):
        raise BadRepository(
            _("%(name)r is no repository of the Hub: write ORG/NAME in letters, digits, dots, hyphens, underscores.")
            % {"name": text}
        )
    return text


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "").rstrip("/") or HUB


def address(repository: str, version: str) -> str:
    """Return where a version will be read, as it may be shown to anybody: without what may stand before an ``@``."""
    url = urlsplit(_endpoint())
    host = url.netloc.rpartition("@")[2]
    return f"{url.scheme}://{host}{url.path}/datasets/{repository}/tree/{version}"


def require() -> None:
    """Make sure that the library is there before anything is begun.

    Raises:
        MissingLibrary
    """
    if not importlib.util.find_spec("huggingface_hub"):
        raise MissingLibrary(
            _("--push-to-hub needs huggingface_hub: run “make deliver-deps”, or pip install huggingface_hub.")
        )


def push(
    *,
    directory: Path,
    repository: str,
    public: bool,
    may_be_public: bool,
    progress: Progress,
    announce: Callable[[], object],
) -> Delivered:
    """Put a version's directory into a dataset repository and tag it; done twice, it is done once.

    The repository is made where there is none, private unless ``public``. All files go in one commit on top of what
    ``main`` is now, with the files removed that only the version before had. What the Hub then holds is compared, file
    by file, by its hashes; only then the tag is set. So a tag means a complete version, and an interrupted push can be
    repeated: it goes on with what is missing.

    ``progress`` is called with bytes; ``announce`` before anything leaves.

    Raises:
        Damaged: the version is not as released here, or did not arrive so.
        NotPublic: the repository is public, and that was not asked for or is not allowed.
        Taken: the repository holds something else, or a later version.
        Unreachable: no token, a refused one, no network, offline mode.
    """
    found, sha256 = delivery.checked(directory)
    require()
    with _errors(repository):
        pushing = _Push(_client(), repository, directory, found)
        return pushing.go(
            sha256=sha256, public=public, may_be_public=may_be_public, progress=progress, announce=announce
        )


class _Push:
    """One version on its way into one repository."""

    def __init__(self, api: Any, repository: str, directory: Path, found: Manifest) -> None:
        self.api, self.repository, self.directory, self.found = api, repository, directory, found
        self.raw = (directory / MANIFEST).read_bytes()
        self.entries: list[FileEntry] = [
            *sorted(found["files"], key=lambda entry: entry["path"]),
            {"path": MANIFEST, "sha256": hashlib.sha256(self.raw).hexdigest(), "bytes": len(self.raw), "rows": 0},
        ]
        self.at = {"repo_id": repository, "repo_type": "dataset"}

    def go(
        self,
        *,
        sha256: str,
        public: bool,
        may_be_public: bool,
        progress: Progress,
        announce: Callable[[], object],
    ) -> Delivered:
        """Look, and do what is missing."""
        version = self.found["version"]

        def delivered(sent: int) -> Delivered:
            total = sum(entry["bytes"] for entry in self.entries)
            return Delivered(address(self.repository, version), sha256, len(self.entries), total, sent)

        announced = False
        if not self._exists(public=public, may_be_public=may_be_public):
            announce()
            announced = True
            self.api.create_repo(**self.at, private=not public, exist_ok=True)
        refs = self.api.list_repo_refs(**self.at)
        tagged = {tag.name: tag.target_commit for tag in refs.tags}
        if version in tagged:
            if self._differing(self._tree(tagged[version])):
                raise Taken(
                    _("%(repository)s already has another %(version)s. A version never changes: choose another one.")
                    % {"repository": self.repository, "version": version}
                )
            return delivered(0)
        head = next((branch.target_commit for branch in refs.branches if branch.name == "main"), None)
        tree = self._tree(head) if head else {}
        gone = self._superseded(tree, head)
        missing = self._differing(tree)
        if not announced:
            announce()
        commit = self._commit(missing, gone, head, progress) if missing or gone else str(head)
        if self._differing(self._tree(commit)):
            raise Damaged(
                _("What arrived at %(repository)s is not what was sent; it was not tagged. Try again.")
                % {"repository": self.repository}
            )
        self.api.create_tag(**self.at, tag=version, tag_message=f"manifest sha256 {sha256}", revision=commit)
        return delivered(len(missing))

    def _exists(self, *, public: bool, may_be_public: bool) -> bool:
        from huggingface_hub.errors import RepositoryNotFoundError

        try:
            info = self.api.dataset_info(self.repository)
        except RepositoryNotFoundError as error:
            if error.response.status_code == UNAUTHORIZED:
                raise
            return False
        if info.private and public:
            raise NotPublic(
                _("%(repository)s exists and is private. Make it public on the Hub, or leave --public out.")
                % {"repository": self.repository}
            )
        if not info.private and not may_be_public:
            raise NotPublic(
                _("%(repository)s is public, and this version is for the company alone. Choose a private repository.")
                % {"repository": self.repository}
            )
        if not info.private and not public:
            raise NotPublic(
                _("%(repository)s is public: add --public if everybody may read this version.")
                % {"repository": self.repository}
            )
        return True

    def _tree(self, revision: str) -> dict[str, Any]:
        files = self.api.list_repo_tree(**self.at, recursive=True, revision=revision)
        # Folders have no size.
        return {file.path: file for file in files if hasattr(file, "size")}

    def _differing(self, tree: dict[str, Any]) -> list[FileEntry]:
        """Return the files that the Hub lacks or holds otherwise: by sha256, or by git's own hash for the small."""
        return [entry for entry in self.entries if not self._same(entry, tree.get(entry["path"]))]

    def _same(self, entry: FileEntry, remote: Any) -> bool:
        if remote is None or remote.size != entry["bytes"]:
            return False
        if remote.lfs is not None:
            return bool(remote.lfs.sha256 == entry["sha256"])
        content = (self.directory / entry["path"]).read_bytes()
        # Not for secrecy: it is how git names a file.
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False)
        return bool(remote.blob_id == blob.hexdigest())

    def _superseded(self, tree: dict[str, Any], head: str | None) -> list[str]:
        """Return the files that only the version before had.

        Raises:
            Taken: the repository holds no versions of this dataset, or later ones.
        """
        if MANIFEST not in tree:
            if foreign := sorted(set(tree) - ITS_OWN):
                raise Taken(
                    _("%(repository)s holds files that are no dataset version, such as %(path)s. Choose an empty one.")
                    % {"repository": self.repository, "path": foreign[0]}
                )
            return []
        name, number, earlier = self._manifest_at(head)
        ours = naming.version_number(self.found["version"])
        if name != self.found["name"]:
            raise Taken(
                _("%(repository)s holds the dataset %(name)s. Choose a repository of its own for %(ours)s.")
                % {"repository": self.repository, "name": name, "ours": self.found["name"]}
            )
        if number > ours:
            raise Taken(
                _(
                    "%(repository)s already holds v%(number)s, and whoever loads it would get an older version again. "
                    "Choose a repository of its own for %(version)s."
                )
                % {"repository": self.repository, "number": number, "version": self.found["version"]}
            )
        if number == ours and not self._same(self.entries[-1], tree[MANIFEST]):
            raise Taken(
                _("%(repository)s already has another %(version)s. A version never changes: choose another one.")
                % {"repository": self.repository, "version": self.found["version"]}
            )
        wanted = {entry["path"] for entry in self.entries}
        stray = sorted(path for path in set(tree) - earlier - wanted if path.startswith("data/"))
        if stray:
            raise Taken(
                _("%(repository)s holds data that no version put there, such as %(path)s. Remove it, then try again.")
                % {"repository": self.repository, "path": stray[0]}
            )
        return sorted((earlier & set(tree)) - wanted)

    def _manifest_at(self, revision: str | None) -> tuple[str, int, set[str]]:
        """Return the name, the number and the files of the version that the repository holds."""
        with tempfile.TemporaryDirectory() as folder:
            path = self.api.hf_hub_download(**self.at, filename=MANIFEST, revision=revision, cache_dir=folder)
            raw = Path(path).read_bytes()
        try:
            found = json.loads(raw)
            return (
                str(found["name"]),
                naming.version_number(found["version"]),
                {str(entry["path"]) for entry in found["files"]},
            )
        except (ValueError, KeyError, TypeError) as error:
            raise Taken(
                _("%(repository)s holds a manifest.json that is none of ours. Choose an empty repository.")
                % {"repository": self.repository}
            ) from error

    def _commit(self, missing: list[FileEntry], gone: list[str], head: str | None, progress: Progress) -> str:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        total, done = sum(entry["bytes"] for entry in missing), 0
        additions = []
        for entry in missing:
            progress(done, total, _("Delivering"))
            addition = CommitOperationAdd(entry["path"], str(self.directory / entry["path"]))
            # Large files go up one after the other; what the commit itself carries are the small ones and the names.
            self.api.preupload_lfs_files(self.repository, [addition], repo_type="dataset", free_memory=False)
            additions.append(addition)
            done += entry["bytes"]
        progress(done, total, _("Delivering"))
        made = self.api.create_commit(
            **self.at,
            operations=[*additions, *(CommitOperationDelete(path) for path in gone)],
            commit_message=f"{self.found['name']} {self.found['version']}",
            commit_description=f"manifest sha256 {self.entries[-1]['sha256']}",
            # Who pushes at the same time is not mixed in: the Hub refuses the second.
            parent_commit=head,
        )
        return str(made.oid)


def _client() -> Any:
    """Return the Hub's client: no telemetry, no bars of its own, and a token."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import huggingface_hub
    from huggingface_hub import constants
    from huggingface_hub.utils import disable_progress_bars

    # Where the library was imported before, it has read its environment already.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    disable_progress_bars()
    # It logs each address, and those of uploads are signed: whoever has one may write there.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    if constants.is_offline_mode():
        raise Unreachable(
            _("The Hub is switched off here (HF_HUB_OFFLINE is set). Unset it for this command, then try again.")
        )
    token = huggingface_hub.get_token()
    if not token:
        raise Unreachable(
            _("There is no token for the Hub. Set HF_TOKEN to one that may write, or sign in with “hf auth login”.")
        )
    return huggingface_hub.HfApi(endpoint=_endpoint(), token=token, library_name="woolgather")


@contextlib.contextmanager
def _errors(repository: str) -> Iterator[None]:
    """Turn what the Hub and the network answer into one line that says what to do."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        yield
    except Refused:
        raise
    except OfflineModeIsEnabled as error:
        raise Unreachable(_("The Hub is switched off here (HF_HUB_OFFLINE is set).")) from error
    except HfHubHTTPError as error:
        raise Unreachable(_answered(error, repository)) from error
    # An upload's failure is wrapped; a proxy's page is no JSON.
    except (httpx2.HTTPError, OSError, RuntimeError, ValueError) as error:
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
        if isinstance(cause, HfHubHTTPError):
            raise Unreachable(_answered(cause, repository)) from error
        raise Unreachable(
            _("The Hub could not be reached (%(reason)s). Nothing is tagged yet; try again.") % {"reason": _line(cause)}
        ) from error


def _answered(error: Any, repository: str) -> str:
    """Say what an answer of the Hub means, and what to do."""
    status = error.response.status_code
    said = {"repository": repository, "reason": _line(error.server_message or error), "status": status}
    if status == UNAUTHORIZED:
        return _("The Hub refuses the token. Set HF_TOKEN to one that is valid and may write to %(repository)s.") % said
    if status == FORBIDDEN:
        return _("The token may not write to %(repository)s (%(reason)s). Use one that may.") % said
    if status == NOT_FOUND:
        return _("There is no %(repository)s on the Hub that this token may see. Check the name.") % said
    if status in {CONFLICT, PRECONDITION}:
        return _("%(repository)s changed meanwhile (%(reason)s). Try again.") % said
    return _("The Hub answered %(status)s for %(repository)s (%(reason)s). Try again later.") % said


def _line(error: object) -> str:
    # A signed address in an error is as good as a key.
    text = re.sub(r"\?\S*", "", " ".join(str(error).split()))
    return text.rstrip(".")[:200] or type(error).__name__
