"""``generate``: let a fine-tuned model answer."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from jobs.management.base import OneLineCommand
from training.errors import TrainingError
from training.places import places

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Iterator

    from training.answering import Answerer, Wish


HOTTEST = 100.0


class Command(OneLineCommand):
    """Parse the flags, call the action, print the answer."""

    help = (
        "Answer with a fine-tuned model: the newest finished run, or the one that --model names. One --prompt; every "
        "question of a JSONL file (--input: instruction, and context, id where you like) into another (--output); or "
        "one after the other (--interactive). The prompt is built exactly as in training, the context in its place."
    )
    requires_system_checks: list[str] = []  # Django's own declaration; no database is needed

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the flags."""
        asked = parser.add_mutually_exclusive_group(required=True)
        asked.add_argument("--prompt", help="the question or task")
        asked.add_argument("--input", type=Path, metavar="FILE", help="a JSONL file of questions; needs --output")
        asked.add_argument("--interactive", action="store_true", help="ask until the end of input (Ctrl-D)")
        parser.add_argument("--context", default="", help="reference text to work from")
        parser.add_argument("--output", type=Path, metavar="FILE", help="where the answers to --input go")
        parser.add_argument("--stream", action="store_true", help="print the answer as it comes")
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
        _check(flags)
        from training import actions  # keeps `manage.py help` light
        from training.answering import Wish, opened

        wish = Wish(flags["max_new_tokens"], flags["temperature"], flags["seed"])
        try:
            with redirect_stdout(sys.stderr):
                if flags["input"]:
                    done = actions.generate_all(
                        wanted=flags["model"],
                        questions=flags["input"],
                        output=flags["output"],
                        wish=wish,
                        places=places(),
                    )
                    self._tell(
                        flags, done, f"{done['answered']} answered, {done['failed']} could not be. {done['path']}"
                    )
                    return
                if flags["interactive"]:
                    with opened(wanted=flags["model"], places=places()) as loaded:
                        for prompt in _typed():
                            self._converse(loaded, prompt, wish, flags)
                    return
                answer = actions.generate(
                    wanted=flags["model"],
                    prompt=flags["prompt"],
                    context=flags["context"],
                    max_new_tokens=wish.max_new_tokens,
                    temperature=wish.temperature,
                    seed=wish.seed,
                    places=places(),
                    say=self._say if flags["stream"] else None,
                )
                self._tell(flags, answer, "" if flags["stream"] else answer["response"])
        except TrainingError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{error}. Free some space, or choose another --output.") from error

    def _converse(self, loaded: Answerer, prompt: str, wish: Wish, flags: dict[str, Any]) -> None:
        say = self._say if flags["stream"] else None
        try:
            answer = loaded.answer(instruction=prompt, context=flags["context"], wish=wish, say=say)
        except TrainingError as error:  # one question too long does not end the conversation
            self.stderr.write(str(error))
        else:
            self._tell(flags, answer, "" if flags["stream"] else answer["response"])

    def _say(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()

    def _tell(self, flags: dict[str, Any], facts: dict[str, Any], text: str) -> None:
        self.stdout.write(json.dumps(facts, ensure_ascii=False) if flags["json"] else text)


def _check(flags: dict[str, Any]) -> None:
    problem = ""
    if flags["max_new_tokens"] < 1 or not 0 <= flags["temperature"] <= HOTTEST:
        problem = "--max-new-tokens must be 1 or more, --temperature between 0 and 100."
    elif flags["prompt"] is not None and not flags["prompt"].strip():
        problem = "--prompt is empty. Ask something."
    elif bool(flags["input"]) != bool(flags["output"]):
        problem = "--input and --output belong together."
    elif flags["input"] and (flags["stream"] or flags["context"]):
        problem = "--stream and --context are for one question at a time; in --input each has its own context."
    elif flags["stream"] and flags["json"]:
        problem = "Choose --stream or --json."
    if problem:
        raise CommandError(problem, returncode=2)


def _typed() -> Iterator[str]:
    """Yield what is typed, a question a line, until the end of input; empty lines are passed over."""
    asks = sys.stdin.isatty()
    while True:
        if asks:
            print("> ", end="", file=sys.stderr, flush=True)
        try:
            line = sys.stdin.readline()
        except KeyboardInterrupt:
            return
        if not line:
            return
        if line.strip():
            yield line.rstrip("\n")
