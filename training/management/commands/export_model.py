"""``export_model``: a whole model from a finished run."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from jobs.management.base import OneLineCommand
from training.errors import TrainingError
from training.gguf_files import DEFAULT_KIND, KINDS
from training.places import places

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(OneLineCommand):
    """Parse the flags, call the action, say where the model is."""

    help = (
        "Write the whole model of a finished run to a directory, for whatever serves it: the adapter merged into its "
        "base, as safetensors, with the tokenizer, a chat template that asks as in training, and the model card. "
        "On golden prompts it must give the run's own logits, or it is not kept. With --gguf also one file for "
        "llama.cpp and Ollama, by llama.cpp's own converter (`make gguf-deps` once), compared with the run in it."
    )
    requires_system_checks: list[str] = []  # Django's own declaration; no database is needed

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the flags."""
        parser.add_argument("run", nargs="?", help="name or directory of a run (default: the newest finished)")
        parser.add_argument(
            "--output", type=Path, required=True, metavar="DIR", help="a directory that is not there yet"
        )
        parser.add_argument(
            "--gguf",
            nargs="?",
            const=DEFAULT_KIND,
            choices=KINDS,
            action="append",
            default=None,
            help=f"also write a GGUF of this type (default: {DEFAULT_KIND}) and a Modelfile; may be given again",
        )
        parser.add_argument(
            "--converter",
            type=Path,
            metavar="DIR",
            help="the directory with convert_hf_to_gguf.py (default: where `make gguf-deps` puts it)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON line to standard output")

    def handle(self, *_args: Any, **flags: Any) -> None:
        """Merge; exit 1 with one line on failure."""
        from django.conf import settings

        from training.merging import merge  # keeps `manage.py help` light
        from training.report import Reporter

        try:
            with redirect_stdout(sys.stderr):
                made = merge(
                    wanted=flags["run"],
                    output=flags["output"],
                    places=places(),
                    report=Reporter(),
                    gguf=flags["gguf"] or (),
                    converter=flags["converter"] or settings.WOOLGATHER_GGUF_CONVERTER,
                )
        except TrainingError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error}. Free some space, or choose another --output.") from error
        if flags["json"]:
            self.stdout.write(json.dumps(made.as_dict(), ensure_ascii=False))
            return
        self.stdout.write(
            f"{made.path}: on {made.prompts} golden prompts the logits differ by {made.largest_difference:.1e} at "
            f"most, {made.same_answers} answers are the same."
        )
        for one in made.gguf:
            self.stdout.write(
                f"{one.file}: {one.bytes / 1e6:.1f} MB; in llama.cpp log-probabilities differ by "
                f"{one.mean_difference:.1e} on average and {one.largest_difference:.1e} at most, "
                f"{one.same_answers} of {one.prompts} answers are the same."
            )
        if made.gguf:
            self.stdout.write(f"For Ollama, in {made.path}: ollama create {made.path.name} -f Modelfile")
