"""Forgets what is no longer needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from collector.actions.retention import apply_retention
from collector.management.base import HouseCommand

if TYPE_CHECKING:
    import argparse


class Command(HouseCommand):
    """`manage.py apply_retention`."""

    help = (
        "Forget what is older than the WOOLGATHER_KEEP_… settings say: addresses in the audit, read notices, expired "
        "invitations and tokens, drafts of withdrawn pairs, uploaded sheets, finished jobs, and sessions that ran out. "
        "The sweeper does it by itself once a day. Example: manage.py apply_retention --dry-run"
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Whether to change anything."""
        parser.add_argument("--dry-run", action="store_true", help="Only count what would be forgotten.")
        parser.add_argument("--json", action="store_true", help="Print one JSON line on stdout.")

    def act(self, **options: Any) -> None:
        """Call the action."""
        counts = apply_retention(now=timezone.now(), is_dry=options["dry_run"])
        if options["json"]:
            self.answer(counts)
            return
        found = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count) or "nothing"
        self.say(f"{'Would forget' if options['dry_run'] else 'Forgot'}: {found}.")
