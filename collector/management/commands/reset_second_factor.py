"""Lets somebody in who lost their second factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone

from collector.actions.people import get_person
from collector.actions.provisioning import reset_second_factor
from collector.management.base import HouseCommand

if TYPE_CHECKING:
    import argparse


class Command(HouseCommand):
    """`manage.py reset_second_factor EMAIL`."""

    help = (
        "Take the passkeys, the authenticator app and the recovery codes of somebody who lost them, once you know that "
        "it is really them who asks. Example: manage.py reset_second_factor ada@example.com"
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Whose."""
        parser.add_argument("email")
        parser.add_argument("--json", action="store_true", help="Print one JSON line on stdout.")

    def act(self, **options: Any) -> None:
        """Call the action."""
        person = get_person(email=options["email"])
        gone = reset_second_factor(person=person, by=None, now=timezone.now())
        if options["json"]:
            self.answer({"email": person.email, "removed": gone})
            return
        self.say(f"{person.email} had {gone} of them; the password alone signs in until a new one is set up.")
