"""Makes a personal API token."""

from __future__ import annotations

import argparse
from datetime import timedelta
from typing import Any

from django.utils import timezone

from collector.actions.people import get_person
from collector.actions.tokens import create_token
from collector.management.base import HouseCommand
from collector.models import ApiToken

MOST_DAYS = 3650


class Command(HouseCommand):
    """`manage.py create_token EMAIL --scope SCOPE`."""

    help = (
        "Make a personal API token and print it, once: only its hash is kept. A token may do what its person may do, "
        "within its scope. Example: manage.py create_token ada@example.com --scope write"
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Whose, and for what."""
        parser.add_argument("email")
        parser.add_argument("--scope", choices=ApiToken.Scope.values, default=ApiToken.Scope.READ.value)
        parser.add_argument(
            "--days",
            type=_days,
            default=0,
            metavar="N",
            help=f"Days until it expires, from 1 to {MOST_DAYS}; 0 is never (default: never).",
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON line on stdout.")

    def act(self, **options: Any) -> None:
        """Call the action."""
        now = timezone.now()
        expires_at = now + timedelta(days=options["days"]) if options["days"] else None
        person = get_person(email=options["email"])
        token, raw = create_token(person=person, scope=options["scope"], by=None, now=now, expires_at=expires_at)
        if options["json"]:
            self.answer({"token": raw, "scope": token.scope, "email": person.email, "expires_at": token.expires_at})
            return
        self.say(f"A token with the scope “{token.scope}” for {person.email}; it is shown this once:")
        self.stdout.write(raw)


def _days(text: str) -> int:
    try:
        days = int(text)
    except ValueError:
        days = -1
    if not 0 <= days <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"“{text}” is not a number of days from 1 to {MOST_DAYS}, or 0 for never")
    return days
