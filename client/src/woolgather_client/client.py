"""The client."""

from __future__ import annotations

import time
import uuid
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

import httpx

from woolgather_client.downloads import fetch
from woolgather_client.errors import Damaged, Unavailable
from woolgather_client.models import Board, Campaign, Category, Passage, Review, Submission, Thing, Version
from woolgather_client.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from woolgather_client.models import File

API = "/api/v1/"
T = TypeVar("T", bound=Thing)
BUSY = frozenset({"building"})


class Client:
    """Speaks with one installation as one person.

    Args:
        base_url: where it is, such as https://woolgather.example.com.
        token: a personal token, from ``manage.py create_token`` or the profile page.
        timeout: seconds to wait for an answer.
        retries: how often a request that may be repeated is sent again.
        headers: further headers for every request.
        transport: what carries the requests, for tests and proxies.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str,
        timeout: float = 30.0,
        retries: int = 5,
        headers: Mapping[str, str] | None = None,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(
            base_url=base_url,
            headers={**(headers or {}), "Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=timeout,
            transport=transport,
        )
        self._wire = Wire(self._http, retries=retries, sleep=sleep)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # -- What there is to write for ------------------------------------------------------------------------

    def categories(self) -> Iterator[Category]:
        """Go through the categories with their guidelines and examples."""
        return self._pages(Category, "categories/")

    def campaigns(self) -> Iterator[Campaign]:
        """Go through the campaigns with their targets."""
        return self._pages(Campaign, "campaigns/")

    def passages(self) -> Iterator[Passage]:
        """Go through the passages in use."""
        return self._pages(Passage, "passages/")

    # -- Writing -------------------------------------------------------------------------------------------

    def submissions(
        self,
        *,
        status: str | Sequence[str] = (),
        category: str | Sequence[str] = (),
        campaign: str | Sequence[str] = (),
    ) -> Iterator[Submission]:
        """Go through one's own submissions, or for reviewers and leads everybody's, the newest first."""
        wanted = {"status": _many(status), "category": _many(category), "campaign": _many(campaign)}
        return self._pages(Submission, "submissions/", {name: values for name, values in wanted.items() if values})

    def submission(self, id: uuid.UUID | str) -> Submission:
        """Return one submission."""
        return Submission.of(self._get(f"submissions/{id}/"))

    def submit(
        self,
        *,
        category: str,
        instruction: str,
        response: str,
        context: str = "",
        id: uuid.UUID | str | None = None,
        **others: str,
    ) -> Submission:
        """Send a pair to review, once however often it has to be tried.

        Args:
            id: made here where none is given; the same id sent again is the same submission.
            others: ``campaign``, ``passage``, ``language``, ``source_title``, ``source_url``.

        Raises:
            BadFields: with messages per field.
            Conflict: the id stands for another text.
        """
        pair = {"category": category, "instruction": instruction, "context": context, "response": response}
        return Submission.of(self._post("submissions/", {"id": str(id or uuid.uuid4()), **pair, **others}))

    def withdraw(self, id: uuid.UUID | str) -> Submission:
        """Take a submission back; twice is the same as once."""
        return Submission.of(self._post(f"submissions/{id}/withdraw/", None))

    # -- Reviewing -----------------------------------------------------------------------------------------

    def reviews(self, id: uuid.UUID | str) -> Iterator[Review]:
        """Go through the reviews of a submission, the newest first."""
        return self._pages(Review, f"submissions/{id}/reviews/")

    def review(
        self,
        id: uuid.UUID | str,
        *,
        revision: int,
        decision: str,
        reasons: Sequence[str] = (),
        comment: str = "",
        **ratings: int,
    ) -> Review:
        """Decide a revision. It is sent once: after ``Unavailable`` look whether it was stored.

        Args:
            ratings: ``rating``, or ``rating_instruction`` and ``rating_response``, 1 to 5.

        Raises:
            Conflict: the text changed, or somebody was faster.
        """
        body = {"revision": revision, "decision": decision, "reasons": list(reasons), "comment": comment, **ratings}
        return Review.of(self._post(f"submissions/{id}/reviews/", body, is_repeatable=False))

    # -- The board -----------------------------------------------------------------------------------------

    def leaderboard(self, *, board: str = "people", period: str = "week", **filters: str) -> Board:
        """Return a board; ``filters`` are ``campaign``, ``category`` and ``contest``."""
        return Board.of(self._get("leaderboard/", {"board": board, "period": period, **filters}))

    # -- Datasets ------------------------------------------------------------------------------------------

    def versions(self, *, name: str = "") -> Iterator[Version]:
        """Go through the released versions, the newest first."""
        return self._pages(Version, "datasets/", {"name": name} if name else {})

    def version(self, label: str, *, name: str = "") -> Version:
        """Return one version with its files."""
        return Version.of(self._get(f"datasets/{label}/", {"name": name} if name else {}))

    def build(self, **wanted: Any) -> Version:
        """Start the next version (leads and admins), or get the one that holds just this already.

        Args:
            wanted: ``name``, ``filter``, ``formats``, ``licence``, ``splits``, all of them optional.
        """
        return Version.of(self._post("datasets/", wanted))

    def wait_for(self, version: Version, *, seconds: float = 600.0, every: float = 1.0) -> Version:
        """Wait until a version is built.

        Raises:
            Unavailable: it was not ready in time, or its build failed; the message says why.
        """
        sleep, waited = self._wire.sleep, 0.0
        while True:
            found = self.version(version.version, name=version.name)
            if found.status == "ready":
                return found
            if found.status not in BUSY:
                raise Unavailable(f"{version.version} is {found.status}: {found.failure or 'no reason given'}")
            if waited >= seconds:
                raise Unavailable(f"{version.version} was not ready within {seconds:.0f} s ({found.progress or 0} %).")
            sleep(every)
            waited += every

    def download(self, version: Version, file: File, target: Path | str) -> Path:
        """Write one file of a version to ``target``, checked against its SHA-256; a broken download goes on.

        Raises:
            Damaged: the SHA-256 is another one; nothing was left at the target.
        """
        query = {"name": version.name}
        url = httpx.URL(f"{API}datasets/{version.version}/files/{quote(file.path)}", params=query)
        return fetch(self._wire, str(url), Path(target), sha256=file.sha256)

    def download_version(self, version: Version | str, folder: Path | str, *, name: str = "") -> list[Path]:
        """Write every file of a version below ``folder``; returns the paths. What is there and right stays as it is."""
        label = version if isinstance(version, str) else version.version
        found = self.version(label, name=name or ("" if isinstance(version, str) else version.name))
        return [self.download(found, file, _below(Path(folder), file.path)) for file in found.files]

    # -- Requests ------------------------------------------------------------------------------------------

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        body: dict[str, Any] = self._wire.ask("GET", API + path, params=query or None).json()
        return body

    def _post(self, path: str, body: Any, *, is_repeatable: bool = True) -> dict[str, Any]:
        options = {} if body is None else {"json": body}
        answer: dict[str, Any] = self._wire.ask("POST", API + path, is_repeatable=is_repeatable, **options).json()
        return answer

    def _pages(self, kind: type[T], path: str, query: Mapping[str, Any] | None = None) -> Iterator[T]:
        """Follow the cursors, one page at a time."""
        page = self._get(path, query)
        while True:
            for row in page["results"]:
                yield kind.of(row)
            if not page["next"]:
                return
            # Only the cursor: the address is the one that we know, whatever a proxy made of it.
            page = self._get(path, {**(query or {}), "cursor": httpx.URL(page["next"]).params["cursor"]})


def _many(values: str | Sequence[str]) -> list[str]:
    return [values] if isinstance(values, str) else list(values)


def _below(folder: Path, path: str) -> Path:
    """Return the place of a file; a server can't name one outside the folder."""
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\\" in path or not parts.parts:
        raise Damaged(f"The server names a file that lies outside the folder: {path!r}")
    return folder.joinpath(*parts.parts)
