"""What can go wrong, as exceptions that carry the server's own words (problem details, RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


class WoolgatherError(Exception):
    """Everything that this package raises."""


class Damaged(WoolgatherError):
    """What was fetched is not what the server has: its SHA-256 is another one."""


class Unavailable(WoolgatherError):
    """The server could not be reached, or said that it can't answer now, in every attempt."""


class ProblemError(WoolgatherError):
    """The server refused a request.

    Attributes:
        status: the HTTP status.
        title: what kind of refusal it is.
        detail: what happened and what to do, in a sentence for people.
        code: which rule refused it, for programs; "" where the status says it all.
        errors: messages per field, where some fields are not right.
    """

    def __init__(self, *, status: int, title: str, detail: str, code: str, errors: dict[str, Any]) -> None:
        super().__init__(f"{status} {title}: {detail}" if detail else f"{status} {title}")
        self.status = status
        self.title = title
        self.detail = detail
        self.code = code
        self.errors = errors


class BadFields(ProblemError):
    """400: some fields are not right; nothing was stored."""


class NotSignedIn(ProblemError):
    """401: the token is unknown, expired or revoked."""


class NotAllowed(ProblemError):
    """403: the token's scope or the person's role does not reach."""


class NotFound(ProblemError):
    """404: not there, or not the person's to see."""


class Conflict(ProblemError):
    """409: it changed in the meantime, or the id stands for something else."""


class TooManyRequests(ProblemError):
    """429: too many requests, also after waiting as long as the server asked for."""


OF_STATUS: dict[int, type[ProblemError]] = {
    400: BadFields,
    401: NotSignedIn,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    429: TooManyRequests,
}


def problem_of(response: httpx.Response) -> ProblemError:
    """Make the exception for a refused request; a body that is no problem document is left out."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    kind = OF_STATUS.get(response.status_code, ProblemError)
    return kind(
        status=response.status_code,
        title=str(body.get("title", response.reason_phrase)),
        detail=str(body.get("detail", "")),
        code=str(body.get("code", "")),
        errors=body.get("errors") or {},
    )
