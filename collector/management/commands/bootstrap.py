"""Sets an installation up so that it can be served; safe to repeat."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from collector.actions.people import add_person, sign_in_link
from collector.models import Person, Role
from jobs.management.base import OneLineCommand

if TYPE_CHECKING:
    import argparse

FIRST_ADMIN = "admin@localhost"


class Command(OneLineCommand):
    """Migrate, collect static files, make the first admin, say how to sign in."""

    help = (
        "Set the database up, collect the static files and make the first admin, then print how to sign in. "
        "Repeating it changes nothing that is there. `make run` calls it before it serves."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Take what differs between `make run`, `make demo` and an image."""
        parser.add_argument("--port", type=int, default=8000, help="The port of the links that are printed.")
        parser.add_argument("--demo", action="store_true", help="Fill an empty database with demonstration content.")
        parser.add_argument("--no-static", action="store_true", help="The static files are part of the image.")

    def handle(self, *, port: int, demo: bool, no_static: bool, **_options: Any) -> None:
        """Do each step; the first that fails ends the command."""
        call_command("migrate", verbosity=0, interactive=False)
        call_command("createcachetable", verbosity=0)
        if not no_static:
            call_command("collectstatic", verbosity=0, interactive=False)
        address = f"http://localhost:{port}" if settings.EMBEDDED else settings.SITE_URL
        if demo:
            # How to sign in is said once, below.
            call_command("seed_demo", "--if-empty", stdout=StringIO())
            self.stdout.write("  The demonstration is in place: invented colleagues and three weeks of their work.")
        self._first_admin(address)

    def _first_admin(self, address: str) -> None:
        admins = Person.objects.filter(is_active=True, groups__name=Role.ADMIN)
        if admins.filter(last_login__isnull=False).exists():
            self.stdout.write(
                f"Woolgather: {address}   (forgot the password? `manage.py add_person EMAIL --role admin`)"
            )
            return
        person = admins.first() or add_person(
            email=FIRST_ADMIN, role=Role.ADMIN, by=None, now=timezone.now(), display_name="First Admin"
        )
        link = sign_in_link(person=person, base=address)
        self.stdout.write(
            f"\n  Woolgather is at {address}\n"
            f"  First sign-in, as {person.email}: open this link once and choose a password\n"
            f"  {link}\n"
        )
