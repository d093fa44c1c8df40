"""``export_model``: a whole model from a finished run."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from training.errors import TrainingError
from training.places import places

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    """Parse the flags, call the action, say where the model is."""

    help = (
        "Write the whole model of a finished run to a directory, for whatever serves it: the adapter merged into its "
        "base, as safetensors, with the tokenizer, a chat template that asks as in training, and the model card. "
        "On golden prompts it must give the run's own logits, or it is not kept."
    )
    requires_system_checks: list[str] = []  # Django's own declaration; no database is needed

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the flags."""
        parser.add_argument("run", nargs="?", help="name or directory of a run (default: the newest finished)")
        parser.add_argument(
            "--output", type=Path, required=True, metavar="DIR", help="a directory that is not there yet"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON line to standard output")

    def handle(self, *_args: Any, **flags: Any) -> None:
        """Merge; exit 1 with one line on failure."""
        from training.merging import merge  # keeps `manage.py help` light
        from training.report import Reporter

        try:
            with redirect_stdout(sys.stderr):
                made = merge(wanted=flags["run"], output=flags["output"], places=places(), report=Reporter())
        except TrainingError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error}. Free some space, or choose another --output.") from error
        self.stdout.write(
            json.dumps(made.as_dict(), ensure_ascii=False)
            if flags["json"]
            else f"{made.path}: on {made.prompts} golden prompts the logits differ by {made.largest_difference:.1e} at "
            f"most, {made.same_answers} answers are the same."
        )
