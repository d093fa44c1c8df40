"""Who is told how a run goes on, beside the person at the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .runs import Run


class Follower:
    """Follows nothing; the one that fills the site's list is :class:`training.listing.Listed`."""

    entry: str = ""
    """The id that the run is to have, or "" for a new one."""

    def follow(self, run: Run, *, at_once: bool) -> None:
        """Be told that the run's directory says something new; ``at_once``, or when it has been a while."""

    @property
    def wants_to_stop(self) -> bool:
        """Whether the run should save and stop."""
        return False
