"""``generate``: let a fine-tuned model answer."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from training.errors import TrainingError
from training.places import places

if TYPE_CHECKING:
    from argparse import ArgumentParser


HOTTEST = 100.0


class Command(BaseCommand):
    """Parse the flags, call the action, print the answer."""

    help = (
        "Answer a question with a fine-tuned model: the newest finished run, or the one that --model names. "
        "The prompt is built exactly as in training, with --context in its own place."
    )
    requires_system_checks: list[str] = []  # Django's own declaration; no database is needed

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the flags."""
        parser.add_argument("--prompt", required=True, help="the question or task")
        parser.add_argument("--context", default="", help="reference text to work from")
        parser.add_argument("--model", metavar="RUN", help="name or directory of a run (default: the newest finished)")
        parser.add_argument("--max-new-tokens", type=int, default=256, help="longest answer, in tokens (default: 256)")
        parser.add_argument(
            "--temperature",
            type=float,
            default=0.0,
            help="0 takes the likeliest token, 1 samples freely (default: 0)",
        )
        parser.add_argument("--seed", type=int, default=0, help="for temperatures above 0 (default: 0)")
        parser.add_argument("--json", action="store_true", help="print one JSON line to standard output")

    def handle(self, *_args: Any, **flags: Any) -> None:
        """Answer; exit 1 with one line on failure, 2 on flags that make no sense."""
        if flags["max_new_tokens"] < 1 or not 0 <= flags["temperature"] <= HOTTEST:
            raise CommandError("--max-new-tokens must be 1 or more, --temperature between 0 and 100.", returncode=2)
        if not flags["prompt"].strip():
            raise CommandError("--prompt is empty. Ask something.", returncode=2)
        from training import actions  # keeps `manage.py help` light

        try:
            with redirect_stdout(sys.stderr):
                answer = actions.generate(
                    wanted=flags["model"],
                    prompt=flags["prompt"],
                    context=flags["context"],
                    max_new_tokens=flags["max_new_tokens"],
                    temperature=flags["temperature"],
                    seed=flags["seed"],
                    places=places(),
                )
        except TrainingError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(json.dumps(answer, ensure_ascii=False) if flags["json"] else answer["response"])
