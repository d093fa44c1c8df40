"""Who does which kind of job. Apps register a handler in their ``tasks`` module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import threading
    import uuid
    from datetime import datetime, timedelta

JobPayload = Mapping[str, int | str | bool | None]
"""Ids only: a handler reads the rest from the database, as it is when it runs."""
JobResult = Mapping[str, Any]
"""A small object that JSON can hold."""


class JobError(Exception):
    """The work can't be done, and the text says to a person why and what to do."""


class TryAgain(Exception):
    """The work can't be done now, but may be in a while; counts as one of the job's attempts."""


class LeaseLost(Exception):
    """This attempt no longer owns its job: cancelled, or taken over by another. Stop, write nothing."""


class UnknownKind(LookupError):
    """No handler is registered under this name."""


class KindTaken(ValueError):
    """Another handler already has this name."""


class JobContext(Protocol):
    """What a handler is given."""

    job_id: uuid.UUID
    kind: str
    payload: JobPayload
    attempt: int
    requested_by_id: Any
    lost: threading.Event

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Say how far the work is; raises LeaseLost when this attempt must stop. Cheap to call often."""

    def hold(self) -> None:
        """Inside the transaction that publishes: lock the job until it commits, or raise LeaseLost."""


Handler = Callable[[JobContext], JobResult | None]
FailureHook = Callable[[JobPayload, str], None]
HandlerT = TypeVar("HandlerT", bound=Handler)


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A handler, and what to call when its job ends without success."""

    handler: Handler
    on_failure: FailureHook | None = None


@dataclass(frozen=True, kw_only=True)
class Periodic:
    """A kind of job that the sweeper queues by itself, at most once a period and only where there is work."""

    kind: str
    every: timedelta
    is_due: Callable[[datetime], bool]

    def period(self, now: datetime) -> int:
        """Return the number of the period that a moment lies in, counted from 1970 in UTC."""
        return int(now.timestamp() // self.every.total_seconds())


_registrations: dict[str, Registration] = {}
_periodic: dict[str, Periodic] = {}


def register(kind: str, *, on_failure: FailureHook | None = None) -> Callable[[HandlerT], HandlerT]:
    """Register the decorated function as the handler of ``kind``.

    ``on_failure(payload, reason)`` runs in the transaction that ends the job as failed or cancelled.
    Raises KindTaken when another function has the name.
    """

    def remember(handler: HandlerT) -> HandlerT:
        known = _registrations.get(kind)
        if known is not None and known.handler is not handler:
            raise KindTaken(f"Two handlers want to be {kind!r}: {known.handler!r} and {handler!r}.")
        _registrations[kind] = Registration(handler=handler, on_failure=on_failure)
        return handler

    return remember


def registration(kind: str) -> Registration:
    """Return what is registered under ``kind``; raises UnknownKind."""
    try:
        return _registrations[kind]
    except KeyError:
        raise UnknownKind(f"No handler is registered for jobs of the kind {kind!r}.") from None


def periodically(kind: str, *, every: timedelta, is_due: Callable[[datetime], bool]) -> None:
    """Have the sweeper queue a registered kind; ``is_due(now)`` says, in a query or two, whether there is work."""
    _periodic[kind] = Periodic(kind=kind, every=every, is_due=is_due)


def periodic() -> list[Periodic]:
    """Return what the sweeper queues by itself."""
    return list(_periodic.values())


def unregister(kind: str) -> None:
    """Forget a kind; tests clean up with it."""
    _registrations.pop(kind, None)
    _periodic.pop(kind, None)
