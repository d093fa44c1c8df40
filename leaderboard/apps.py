"""Standings and the public page of a person."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LeaderboardConfig(AppConfig):
    """The boards; they keep no tables of their own, the ledger of awards says it all."""

    name = "leaderboard"
    verbose_name = _("Leaderboard")
