"""The one exception that every failure of this app is a kind of."""

from __future__ import annotations


class TrainingError(Exception):
    """Something stopped the work; the message is one line that says what happened and what to do."""
