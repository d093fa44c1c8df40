"""Who is told how a run goes on, beside the person at the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

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


class CurveFollower:
    """Follows no learning curve; the one that fills the site's list is :class:`training.curve_listing.ListedCurve`."""

    entry: str = ""
    """The id that the curve is to have, or "" for a new one."""

    def follow(self, path: Path, *, at_once: bool) -> None:
        """Be told that the curve's directory says something new; ``at_once``, or when it has been a while."""

    def of_run(self, entry: str) -> Follower:
        """Return who follows the next of its models, a run that is to have the id ``entry``."""
        follower = Follower()
        follower.entry = entry
        return follower

    @property
    def wants_to_stop(self) -> bool:
        """Whether the model that is being trained should be saved, and no other begun."""
        return False
