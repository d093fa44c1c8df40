"""``finetune``: train a model on a dataset version."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from training.errors import TrainingError
from training.options import CPU_STEPS, DEFAULT_EPOCHS, DEFAULT_SYSTEM, FinetuneOptions, OptionError
from training.places import places

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator

HELP = f"""Fine-tune a language model on a dataset version. No flag is required: the latest version,
SmolLM2-135M, LoRA, {DEFAULT_EPOCHS:g} passes over the data (on a machine without a GPU at most {CPU_STEPS} steps).
The run goes to var/runs/: model, run.json, metrics.jsonl, samples.jsonl (ten held-out questions answered before
and after) and a model card. Ctrl-C saves; --resume goes on, also after a crash. Ask the result with:
generate --prompt "…". Nothing is fetched from elsewhere unless --allow-hub is given."""


class Stop:
    """Turns the first Ctrl-C (or polite kill) into a request to save and stop; the second stops at once."""

    def __init__(self) -> None:
        """Not asked yet."""
        self.asked = False

    def __call__(self) -> bool:
        """Whether to stop after this step."""
        return self.asked

    def _ask(self, _number: int, _frame: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        print("Stopping after this step. Once more stops at once, without saving.", file=sys.stderr, flush=True)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to signals inside the block."""
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Command(BaseCommand):
    """Parse the flags, call the action, say how it went."""

    help = HELP
    requires_system_checks: list[str] = []  # Django's own declaration; training needs no database

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the flags; every default is chosen when the data and the machine are known."""
        data = parser.add_argument_group("what")
        data.add_argument("--dataset", metavar="V", help="v2, name/v2, or the directory of a version (default: latest)")
        data.add_argument("--model", help="directory or hub name of the base model (default: SmolLM2-135M-Instruct)")
        data.add_argument(
            "--output", metavar="RUN", help="name or directory of the run (default: made from data and time)"
        )
        data.add_argument(
            "--resume",
            nargs="?",
            const="",
            metavar="RUN",
            help="go on with RUN, or with the newest unfinished run",
        )
        data.add_argument("--allow-hub", action="store_true", help="let the base model be downloaded from its hub")

        how = parser.add_argument_group("how")
        how.add_argument("--full", action="store_true", default=None, help="train all weights instead of LoRA layers")
        how.add_argument("--steps", type=int, help="how many updates")
        how.add_argument("--epochs", type=float, help=f"passes over the data (default: {DEFAULT_EPOCHS:g})")
        how.add_argument("--lr", dest="learning_rate", type=float, help="learning rate (default: 2e-4, --full 2e-5)")
        how.add_argument("--batch-size", type=int, help="rows at once (default: 8)")
        how.add_argument("--gradient-accumulation", type=int, help="batches for one update (default: 1)")
        how.add_argument("--lora-r", type=int, help="rank of the LoRA layers (default: 16)")
        how.add_argument(
            "--max-length",
            type=int,
            help="leave out rows with more tokens than this, and list them (default: 1024)",
        )
        how.add_argument("--system", help=f"the system message, in training and after (default: {DEFAULT_SYSTEM!r})")
        how.add_argument("--seed", type=int, help="same seed, data and machine: same weights (default: 0)")
        how.add_argument("--save-steps", type=int, help="updates between checkpoints (default: a tenth of the run)")

        measure = parser.add_argument_group("measuring")
        measure.add_argument("--eval-rows", type=int, help="held-out rows to measure the loss on (default: 64)")
        measure.add_argument("--sample-tokens", type=int, help="longest sample answer, in tokens (default: 96)")
        parser.add_argument("--json", action="store_true", help="print one JSON line to standard output")

    def handle(self, *_args: Any, **flags: Any) -> None:
        """Run; exit 1 with one line on failure, 2 when flags contradict each other."""
        from training import actions  # keeps `manage.py help` light
        from training.report import Reporter

        options = FinetuneOptions(**{name: flags[name] for name in FinetuneOptions.__dataclass_fields__})
        report, stop = Reporter(), Stop()
        common: dict[str, Any] = {
            "options": options,
            "places": places(),
            "report": report,
            "now": timezone.now(),
            "wants_to_stop": stop,
        }
        try:
            # Whatever a library prints must not end up beside the one line on standard output.
            with redirect_stdout(sys.stderr), stop.listening():
                if flags["resume"] is None:
                    outcome = actions.finetune(**common)
                else:
                    outcome = actions.resume(wanted=flags["resume"] or None, **common)
        except OptionError as error:
            raise CommandError(str(error), returncode=2) from error
        except TrainingError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped before training began.") from error
        except OSError as error:
            raise CommandError(f"{error}. Free some space or mend the directory, then go on with --resume.") from error
        if flags["json"]:
            self.stdout.write(json.dumps(outcome.as_dict(), ensure_ascii=False))
            return
        self.stdout.write(
            f"{outcome.run}: held-out loss {outcome.loss_before:.4f} before, {outcome.loss_after:.4f} after; "
            f"{outcome.tokens_per_second:,.0f} tokens/s. {outcome.path}\n"
            f'Ask it: python manage.py generate --model {outcome.run} --prompt "…"'
        )
