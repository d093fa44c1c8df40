"""Sends the announcements and reminders that are due."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector import mailing_queries
from collector.management.base import HouseCommand
from collector.tasks import send_mailings

if TYPE_CHECKING:
    import argparse


class Command(HouseCommand):
    """`manage.py send_mailings`."""

    help = (
        "Send the announcements and reminders whose time has come, to each person once, however often this runs. The "
        "sweeper does it by itself every minute: run it by hand to try your EMAIL_URL, or from cron where no sweeper "
        "runs. Example: manage.py send_mailings --dry-run"
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Whether to send, and how to answer."""
        parser.add_argument("--dry-run", action="store_true", help="Count what would be sent; send nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON line on stdout.")

    def act(self, **options: Any) -> None:
        """Send, and say how many."""
        if options["dry_run"]:
            now = timezone.now()
            mails = mailing_queries.waiting().count()
            mails += sum(mailing_queries.reach(mailing, now).people for mailing in mailing_queries.due(now))
            if options["json"]:
                self.answer({"due": mails})
            else:
                self.say(ngettext("%(count)d mail is due.", "%(count)d mails are due.", mails) % {"count": mails})
            return
        done = send_mailings(watch=None if options["json"] or not sys.stderr.isatty() else self._show)
        if options["json"]:
            self.answer({"sent": done.sent, "failed": done.failed})
        else:
            self.say(ngettext("%(count)d mail sent.", "%(count)d mails sent.", done.sent) % {"count": done.sent})
        if done.failed:
            raise CommandError(
                _("The mail server refused %(count)d. Look at EMAIL_URL and the log, then run this again.")
                % {"count": done.failed}
            )

    def _show(self, done: int, total: int) -> None:
        self.stderr.write(f"\r{done + 1}/{total} ", ending="\n" if done + 1 == total else "")
