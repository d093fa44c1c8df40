"""Writes everything held about a person into one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError
from django.utils import timezone

from collector.actions.holdings import write_holdings
from collector.management.base import HouseCommand
from collector.models import Person

if TYPE_CHECKING:
    import argparse


class Command(HouseCommand):
    """`manage.py export_person EMAIL --output FILE`."""

    help = (
        "Write everything that is held about a person into one zip of JSON Lines, as they can themselves at "
        "/profile/data/. Example: manage.py export_person ada@example.com --output ada.zip"
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """About whom, and where to."""
        parser.add_argument("email")
        parser.add_argument("--output", required=True, help="The zip to write; one that exists is not touched.")
        parser.add_argument("--json", action="store_true", help="Print one JSON line on stdout.")

    def act(self, **options: Any) -> None:
        """Call the action."""
        person = Person.objects.filter(email__iexact=options["email"].strip()).first()
        if person is None:
            raise CommandError(f"Nobody here has the address {options['email']}.")
        path = Path(options["output"])
        try:
            with path.open("xb") as file:
                path.chmod(0o600)
                rows = write_holdings(person=person, file=file, by=None, now=timezone.now())
        except FileExistsError as error:
            raise CommandError(f"{path} exists already: name another file, or remove it.") from error
        except OSError as error:
            raise CommandError(f"{path} can't be written: {error.strerror}.") from error
        if options["json"]:
            self.answer({"path": str(path), "rows": rows})
            return
        self.say(f"{rows:,} rows about {person.email} in {path}.")
