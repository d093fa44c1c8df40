"""``finetune``: train a model on a dataset version."""

from __future__ import annotations

import json
import os
import sys
from argparse import BooleanOptionalAction
from contextlib import redirect_stdout
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from jobs.management.base import OneLineCommand
from training import config_file
from training.errors import TrainingError
from training.management.stopping import Stop
from training.options import (
    CPU_STEPS,
    DEFAULT_EPOCHS,
    DEFAULT_SYSTEM,
    METHODS,
    PROMPT_FORMATS,
    SHARDS,
    TOO_LONG,
    FinetuneOptions,
    OptionError,
)
from training.places import places

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from training.report import Reporter

HELP = f"""Fine-tune a language model on a dataset version. No flag is required: the latest version,
SmolLM2-135M, LoRA, {DEFAULT_EPOCHS:g} passes over the data (on a machine without a GPU at most {CPU_STEPS} steps).
`finetune doctor` looks whether it could work here, `finetune recipes` lists what --config knows by name, --dry-run
says what a run will take and --preview what the model will see. The run goes to var/runs/: model, run.yaml (makes the
same run again), run.json, metrics.jsonl, evaluations.jsonl, samples.jsonl (held-out questions and a battery of 64,
answered before, on the way and after), what TensorBoard reads and a model card. Ctrl-C saves; --resume goes on, also
after a crash. Ask the result with: generate --prompt "…". Nothing is fetched from elsewhere unless --allow-hub is
given."""
LOCK = Path(__file__).parents[3] / "requirements" / "train.lock"


class Command(OneLineCommand):
    """Parse the flags, call the action, say how it went."""

    help = HELP
    requires_system_checks: list[str] = []  # Django's own declaration; training needs no database

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the flags; every default is chosen when the data and the machine are known."""
        parser.add_argument(
            "action",
            nargs="?",
            choices=("run", "doctor", "recipes"),
            default="run",
            help="run (default), doctor: look whether it could work here, recipes: list what --config knows by name",
        )
        data = parser.add_argument_group("what")
        data.add_argument(
            "--config",
            metavar="FILE",
            help="options from a YAML file, such as the run.yaml of a run, or a recipe by its name; flags win",
        )
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
        data.add_argument(
            "--allow-hub", action="store_true", default=None, help="let the base model be downloaded from its hub"
        )

        data.add_argument(
            "--max-rows",
            type=int,
            metavar="N",
            help="train on N rows at most, of each category in proportion; fewer are part of more (default: all)",
        )
        data.add_argument("--only", metavar="NAMES", help="train on these categories only, with commas")
        data.add_argument("--without", metavar="NAMES", help="train without these categories, with commas")

        how = parser.add_argument_group("how")
        how.add_argument(
            "--method", choices=METHODS, help="LoRA layers (default), those on 4-bit weights, or all weights"
        )
        how.add_argument("--full", dest="method", action="store_const", const="full", help="the same as --method full")
        how.add_argument(
            "--prompt-format",
            choices=PROMPT_FORMATS,
            help="the model's chat template, or Dolly's format (default: auto, the template where there is one)",
        )
        how.add_argument("--steps", type=int, help="how many updates")
        how.add_argument("--epochs", type=float, help=f"passes over the data (default: {DEFAULT_EPOCHS:g})")
        how.add_argument("--lr", dest="learning_rate", type=float, help="learning rate (default: 2e-4, --full 2e-5)")
        how.add_argument("--batch-size", type=int, help="rows at once (default: 8)")
        how.add_argument("--gradient-accumulation", type=int, help="batches for one update (default: 1)")
        how.add_argument("--lora-r", type=int, help="rank of the LoRA layers (default: 16)")
        how.add_argument(
            "--max-length",
            type=int,
            help="the most tokens of a row (default: 1024)",
        )
        how.add_argument(
            "--too-long",
            choices=TOO_LONG,
            help="what becomes of longer rows: left out and listed (default), cut and listed, or the run is refused",
        )
        how.add_argument(
            "--bf16",
            action=BooleanOptionalAction,
            default=None,
            help="16-bit products (default: where the machine gains by them)",
        )
        how.add_argument(
            "--gradient-checkpointing",
            action=BooleanOptionalAction,
            default=None,
            help="less memory, a third more time (default: for all weights on a GPU)",
        )
        how.add_argument(
            "--packing",
            action=BooleanOptionalAction,
            default=None,
            help="lay a batch's rows end to end instead of padding them; none sees another (default: no)",
        )
        how.add_argument(
            "--shard",
            choices=SHARDS,
            help="of several processes, each holds a share of the model only: by FSDP2, or DeepSpeed's ZeRO-3 "
            "(default: none, each holds all of it)",
        )
        how.add_argument("--system", help=f"the system message, in training and after (default: {DEFAULT_SYSTEM!r})")
        how.add_argument("--seed", type=int, help="same seed, data and machine: same weights (default: 0)")
        how.add_argument("--save-steps", type=int, help="updates between checkpoints (default: a tenth of the run)")

        before = parser.add_argument_group("before a run")
        before.add_argument("--dry-run", action="store_true", help="say what it will take, and stop")
        before.add_argument(
            "--preview",
            type=int,
            nargs="?",
            const=3,
            metavar="N",
            help="show N examples (default 3) with the trained tokens marked, and stop",
        )
        before.add_argument(
            "--price-per-hour",
            type=float,
            metavar="P",
            help="of this machine, for estimates and the run card",
        )
        measure = parser.add_argument_group("measuring")
        measure.add_argument("--eval-rows", type=int, help="held-out rows to measure the loss on (default: 64)")
        measure.add_argument(
            "--sample-tokens", type=int, help="longest sample answer, in tokens (default: 256, without a GPU 64)"
        )
        measure.add_argument(
            "--battery", metavar="FILE", help="the questions of samples.jsonl: a JSONL file, none, or default: our 64"
        )
        measure.add_argument(
            "--checkpoint-samples",
            type=int,
            metavar="N",
            help="how many of them are asked at each checkpoint (default: all, without a GPU 8)",
        )
        measure.add_argument(
            "--patience",
            type=int,
            metavar="N",
            help="stop after N checkpoints without a lower held-out loss and keep the best weights (default: 0, never)",
        )
        measure.add_argument(
            "--log-to", metavar="NAMES", help="tensorboard (default), wandb, mlflow, with commas; or none"
        )
        parser.add_argument(
            "--entry", default="", metavar="ID", help="the entry of /runs/ that waits for this run; workers give it"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON line to standard output")

    def handle(self, *_args: Any, **flags: Any) -> None:
        """Run; exit 1 with one line on failure, 2 when flags contradict each other."""
        from training.report import Reporter, Silence

        stop = Stop()
        main = os.environ.get("RANK", "0") == "0"  # of the processes that a launcher started, one speaks
        try:
            # Whatever a library prints must not end up beside the one line on standard output.
            with redirect_stdout(sys.stderr), stop.listening():
                options = _options(flags)
                given, said = self._do(flags, options, Reporter() if main else Silence(), stop)
        except OptionError as error:
            raise CommandError(str(error), returncode=2) from error
        except TrainingError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped before training began.") from error
        except OSError as error:
            raise CommandError(f"{error}. Free some space or mend the directory, then go on with --resume.") from error
        if not main:
            return
        self.stdout.write(json.dumps(given, ensure_ascii=False) if flags["json"] else said)
        if flags["action"] == "doctor" and not given["ready"]:
            raise CommandError("Not ready to train: mend what is marked as failed.")

    def _do(self, flags: dict[str, Any], options: FinetuneOptions, report: Reporter, stop: Stop) -> tuple[Any, str]:
        """Do what was asked for; return it for machines and for people."""
        from training import actions  # keeps `manage.py help` light
        from training.listing import Listed

        if flags["action"] == "recipes":
            return _recipes()
        if flags["action"] == "doctor":
            findings = actions.doctor(options=options, places=places(), lock=LOCK)
            ready = all(finding.state != "failed" for finding in findings)
            lines = [f"{finding.state:8} {finding.part:10} {finding.text}" for finding in findings]
            return {"ready": ready, "findings": [asdict(finding) for finding in findings]}, "\n".join(lines)
        if flags["preview"] is not None and flags["preview"] < 1:
            raise OptionError("--preview must be 1 or more.")
        if flags["dry_run"] or flags["preview"] is not None:
            if flags["resume"] is not None:
                raise OptionError("A resumed run keeps its settings: leave out --dry-run and --preview.")
            found = actions.look_ahead(
                options=options, places=places(), report=report, estimated=flags["dry_run"], examples=flags["preview"]
            )
            return found.facts, found.text
        common: dict[str, Any] = {
            "options": options,
            "places": places(),
            "report": report,
            "now": timezone.now(),
            "wants_to_stop": stop,
            "follower": Listed(entry=flags["entry"], warn=report.warn),
        }
        if flags["resume"] is None:
            outcome = actions.finetune(**common)
        else:
            outcome = actions.resume(wanted=flags["resume"] or None, **common)
        return outcome.as_dict(), (
            f"{outcome.run}: held-out loss {outcome.loss_before:.4f} before, {outcome.loss_after:.4f} after; "
            f"{outcome.tokens_per_second:,.0f} tokens/s. {outcome.path}\n"
            f'Ask it: python manage.py generate --model {outcome.run} --prompt "…"'
        )


def _options(flags: dict[str, Any]) -> FinetuneOptions:
    options = FinetuneOptions(**{name: flags[name] for name in FinetuneOptions.__dataclass_fields__})
    if flags["config"]:
        options = config_file.merged(config_file.read(flags["config"]), options)
    if options.price_per_hour is None:
        options = replace(options, price_per_hour=settings.WOOLGATHER_PRICE_PER_HOUR)
    return options


def _recipes() -> tuple[list[dict[str, Any]], str]:
    known = config_file.recipes()
    lines = []
    for recipe in known:
        lines += [recipe.name, *(f"    {part + ':':9} {text}" for part, text in recipe.about.items())]
    lines.append("Use one with: finetune --config NAME. Its file can be copied and changed; flags win over it.")
    return [{"name": recipe.name, "path": str(recipe.path), **recipe.about} for recipe in known], "\n".join(lines)
