"""Adds a person or changes their role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.utils import timezone

from collector.actions.people import add_person, sign_in_link
from collector.management.base import HouseCommand
from collector.models import Role

if TYPE_CHECKING:
    import argparse


class Command(HouseCommand):
    """`manage.py add_person EMAIL --role ROLE`."""

    help = (
        "Add a person, or change the role of the one who has this address, and their name, team and time zone where "
        "given. Prints a one-time sign-in link, unless --password-stdin gives a password. "
        "Example: manage.py add_person ada@example.com --role reviewer"
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Who, and as what."""
        parser.add_argument("email")
        parser.add_argument("--role", choices=Role.values, default=Role.CONTRIBUTOR.value)
        parser.add_argument("--name", default="", help="The name that others see (default: made of the address).")
        parser.add_argument("--team", default="", help="The slug or name of a team; a new name makes a new team.")
        parser.add_argument("--time-zone", default="", help="Such as Europe/Berlin (default: UTC).")
        parser.add_argument("--password-stdin", action="store_true", help="Read the password from standard input.")
        parser.add_argument("--json", action="store_true", help="Print one JSON line on stdout.")

    def act(self, **options: Any) -> None:
        """Call the action."""
        password = None
        if options["password_stdin"]:
            password = self.secret_from_stdin()
            validate_password(password)
        person = add_person(
            email=options["email"],
            role=options["role"],
            by=None,
            now=timezone.now(),
            display_name=options["name"],
            team=options["team"],
            time_zone=options["time_zone"],
            password=password,
        )
        link = "" if password is not None else sign_in_link(person=person, base=settings.SITE_URL)
        result = {"email": person.email, "handle": person.handle, "role": options["role"], "sign_in_link": link}
        if options["json"]:
            self.answer(result)
            return
        self.stdout.write(f"{person.email} is {person.display_name} (@{person.handle}), {options['role']}.")
        if link:
            self.stdout.write(f"One-time sign-in link, good for three days:\n{link}")
