"""``learning_curve``: how much would more data help?"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from jobs.management.base import OneLineCommand
from training import config_file
from training.errors import TrainingError
from training.management.stopping import Stop
from training.options import FinetuneOptions, OptionError
from training.places import places
from training.sitting import StoppedError

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from training.learning_curve import CurveOptions, Plan
    from training.report import Reporter

HELP = """Say how much more data would help. Trains models on an eighth, a quarter, half and all of a dataset version,
each share part of the next and every category in proportion, measures all on the same held-out rows, fits a power law
and says with an interval what twice the data would change, category by category. Every model is a run of its own
(/runs/), the curve is at /runs/curves/, and its report in var/runs/NAME-curve/: README.md, curve.json, losses.csv and
plots. Without a GPU the largest share is 512 rows, once over. Ctrl-C stops; the same command with the same --output
goes on."""


class Command(OneLineCommand):
    """Parse the flags, call the action, say what it found."""

    help = HELP
    requires_system_checks: list[str] = []  # Django's own declaration; training needs no database

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the flags; those of a single model come from --config."""
        parser.add_argument("--config", metavar="FILE", help="options of the models: a YAML file or a recipe's name")
        parser.add_argument("--dataset", metavar="V", help="v2, name/v2, or the directory of a version")
        parser.add_argument("--model", help="directory or hub name of the base model")
        parser.add_argument("--epochs", type=float, help="passes over each share (default: 2, without a GPU 1)")
        parser.add_argument("--max-rows", type=int, metavar="N", help="rows of the largest share; 0: all")
        parser.add_argument("--only", metavar="NAMES", help="train on these categories only, with commas")
        parser.add_argument("--without", metavar="NAMES", help="train without these categories, with commas")
        parser.add_argument("--eval-rows", type=int, metavar="N", help="held-out rows to measure on (default: 200)")
        parser.add_argument(
            "--shares", default="1/8,1/4,1/2,1", metavar="LIST", help="of the rows, with commas (default: %(default)s)"
        )
        parser.add_argument(
            "--seeds", type=int, default=1, metavar="N", help="train each share N times; the interval then knows of it"
        )
        parser.add_argument(
            "--leave-out",
            default="",
            metavar="NAMES",
            help="also train on all but one category, for each of these; `each` is every one in turn",
        )
        parser.add_argument("--output", metavar="NAME", help="name of the curve (default: made from data and time)")
        parser.add_argument("--dry-run", action="store_true", help="say what would be trained and how long, and stop")
        parser.add_argument("--allow-hub", action="store_true", default=None, help="let the base model be downloaded")
        parser.add_argument(
            "--entry", default="", metavar="ID", help="the entry of /runs/curves/ that waits for this; workers give it"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON line to standard output")

    def handle(self, *_args: Any, **flags: Any) -> None:
        """Run; exit 1 with one line on failure, 2 when flags contradict each other."""
        from training.report import Reporter

        stop = Stop()
        try:
            with redirect_stdout(sys.stderr), stop.listening():
                given, said = self._do(flags, _options(flags), Reporter(), stop)
        except OptionError as error:
            raise CommandError(str(error), returncode=2) from error
        except StoppedError as error:
            raise CommandError(f"{error} Then the same command, with the same --output, does the rest.") from error
        except TrainingError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped. The same command with the same --output goes on.") from error
        self.stdout.write(json.dumps(given, ensure_ascii=False) if flags["json"] else said)

    def _do(self, flags: dict[str, Any], options: CurveOptions, report: Reporter, stop: Stop) -> tuple[Any, str]:
        from training import learning_curve
        from training.curve_listing import ListedCurve
        from training.curve_words import in_words, name_of

        common: dict[str, Any] = {"options": options, "places": places(), "now": timezone.now()}
        if flags["dry_run"]:
            return _ahead(learning_curve.plan(**common), report)
        follower = ListedCurve(entry=flags["entry"], warn=report.warn)
        result = learning_curve.learning_curve(**common, report=report, wants_to_stop=stop, follower=follower)
        path = result.plan.path(places().runs)
        lines = [f"{name_of(curve.category)}: {in_words(curve)}" for curve in result.curves]
        said = "\n".join(["What twice the data would buy:", *(f"  {line}" for line in lines), str(path)])
        return {**result.as_dict(), "path": str(path)}, said


def _ahead(plan: Plan, report: Reporter) -> tuple[dict[str, Any], str]:
    from training import actions
    from training.estimate import duration

    largest = replace(plan.largest.options, output=None)
    made = actions.look_ahead(options=largest, places=places(), report=report, estimated=True, examples=None)
    seconds = made.facts["estimate"]["seconds"] * plan.work
    names = [one.name for one in plan.trainings]
    said = "\n".join([*plan.notes, *names, f"{len(names)} models, about {duration(seconds)} of training."])
    return {"runs": names, "seconds": round(seconds, 1)}, said


def _options(flags: dict[str, Any]) -> CurveOptions:
    from training.learning_curve import CurveOptions

    names = ("dataset", "model", "epochs", "max_rows", "only", "without", "eval_rows", "allow_hub")
    model = FinetuneOptions(**{name: flags[name] for name in names})
    if flags["config"]:
        model = config_file.merged(config_file.read(flags["config"]), model)
    if model.price_per_hour is None:
        model = replace(model, price_per_hour=settings.WOOLGATHER_PRICE_PER_HOUR)
    try:
        shares = [Fraction(part.strip()) for part in flags["shares"].split(",")]
    except (ValueError, ZeroDivisionError) as error:
        raise OptionError("--shares takes numbers such as 1/8,1/4,1/2,1.") from error
    return CurveOptions(
        model=model, shares=shares, seeds=flags["seeds"], leave_out=flags["leave_out"], output=flags["output"]
    )
