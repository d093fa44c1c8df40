"""The kinds of refusal that an action can answer with; each action's own exceptions derive from one of these."""

from __future__ import annotations


class Refused(Exception):
    """The action was not done and nothing was changed; ``str()`` tells the person why and what to do."""

    code = "refused"

    def __init__(self, message: object) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return str(self.message)


class NotAllowed(Refused):
    """This person may not do this (HTTP 403)."""

    code = "not_allowed"


class Conflict(Refused):
    """The thing changed in the meantime (HTTP 409)."""

    code = "conflict"
