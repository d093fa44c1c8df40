"""Sends the daily e-mails that are due."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from collector import notice_queries
from collector.actions.notices import wants_digest_now
from collector.management.base import HouseCommand
from collector.tasks import send_due

if TYPE_CHECKING:
    import argparse


class Command(HouseCommand):
    """`manage.py send_digests`."""

    help = (
        "Send the daily e-mail to everybody who wants one, who has news, and for whom it is 8:00 or later; at most one "
        "a day each, however often this runs. The sweeper does it by itself every quarter of an hour: run it by hand "
        "to try your EMAIL_URL, or from cron where no sweeper runs. Example: manage.py send_digests --dry-run"
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Whether to send, and how to answer."""
        parser.add_argument("--dry-run", action="store_true", help="Count who would get one; send nothing.")
        parser.add_argument("--json", action="store_true", help="Print one JSON line on stdout.")

    def act(self, **options: Any) -> None:
        """Send, and say how many."""
        now = timezone.now()
        if options["dry_run"]:
            due = sum(wants_digest_now(person=person, now=now) for person in notice_queries.wanting_digest(now))
            if options["json"]:
                self.answer({"due": due})
            else:
                self.say(ngettext("%(count)d digest is due.", "%(count)d digests are due.", due) % {"count": due})
            return
        done = send_due(now=now, watch=None if options["json"] or not sys.stderr.isatty() else self._show)
        if options["json"]:
            self.answer({"sent": done.sent, "failed": done.failed})
        else:
            self.say(ngettext("%(count)d digest sent.", "%(count)d digests sent.", done.sent) % {"count": done.sent})
        if done.failed:
            raise CommandError(
                _("The mail server refused %(count)d. Look at EMAIL_URL and the log, then run this again.")
                % {"count": done.failed}
            )

    def _show(self, done: int, total: int) -> None:
        self.stderr.write(f"\r{done + 1}/{total} ", ending="\n" if done + 1 == total else "")
