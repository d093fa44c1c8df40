"""What the core's commands share: exit codes, one line per failure, one JSON line on stdout."""

from __future__ import annotations

import json
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from collector.errors import Refused
from jobs.management.base import OneLineCommand

if TYPE_CHECKING:
    from collections.abc import Mapping


class HouseCommand(OneLineCommand, ABC):
    """Runs ``act`` and turns a refusal into exit code 1 with one line that says what to do."""

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the command's own work."""
        try:
            self.act(**options)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except Refused as refused:
            raise CommandError(str(refused)) from refused

    @abstractmethod
    def act(self, **options: Any) -> None:
        """Do the work; each command has its own."""

    def say(self, text: str) -> None:
        """Tell a person something, on stderr, where it never mixes with the JSON line."""
        self.stderr.write(text, self.style.SUCCESS)

    def answer(self, result: Mapping[str, object]) -> None:
        """Print the one machine-readable line."""
        self.stdout.write(json.dumps(result, ensure_ascii=False, default=str))

    @staticmethod
    def secret_from_stdin() -> str:
        """Read one line, without its end."""
        return sys.stdin.readline().rstrip("\r\n")
