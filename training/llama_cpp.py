"""llama.cpp itself with a GGUF open, asked over a local port: in a process of its own, which may fail by itself.

Run as a file, this is that process. It says its address on a line, and ends when its standard input does.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

KEY = "WOOLGATHER_LLAMA_KEY"
SECONDS = 600.0


class LlamaCppError(Exception):
    """llama.cpp cannot open this file, or stopped answering."""


@dataclass(frozen=True)
class LlamaCpp:
    """A GGUF that answers. Everything goes in and out as token ids, except where text is what is asked about."""

    address: str
    key: str

    def tokens(self, text: str, *, template: bool = False) -> list[int]:
        """Return the ids of ``text``: of a rendered ``template`` with control tokens, else of plain words."""
        asked = {"content": text, "add_special": template, "parse_special": template}
        return [int(token) for token in self._post("/tokenize", asked)["tokens"]]

    def rendered(self, messages: Sequence[dict[str, str]]) -> str:
        """Return what the template inside the file makes of ``messages``."""
        return str(self._post("/apply-template", {"messages": list(messages)})["prompt"])

    def likeliest(self, ids: Sequence[int], *, most: int) -> dict[int, float]:
        """Return the ``most`` likeliest next tokens after ``ids`` with the natural logarithm of their probability."""
        asked = {"prompt": list(ids), "n_predict": 1, "temperature": 0, "n_probs": most, "cache_prompt": True}
        (said,) = self._post("/completion", asked)["completion_probabilities"]
        return {int(entry["id"]): float(entry["logprob"]) for entry in said["top_logprobs"]}

    def answer(self, ids: Sequence[int], *, most: int) -> tuple[list[int], bool]:
        """Return the likeliest answer of at most ``most`` tokens, and whether the model ended it by itself.

        A token that ends it is its last.
        """
        asked = {"prompt": list(ids), "n_predict": most, "temperature": 0, "return_tokens": True}
        said = self._post("/completion", asked)
        return [int(token) for token in said["tokens"]], said["stop_type"] == "eos"

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        request = urllib.request.Request(f"{self.address}{path}", json.dumps(body).encode(), headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - its own child, on 127.0.0.1
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read(2000).decode(errors="replace")
            raise LlamaCppError(f"llama.cpp answered {error.code} to {path}: {said}") from error
        except OSError as error:
            raise LlamaCppError(f"llama.cpp stopped answering at {path}: {error}") from error


def is_installed() -> bool:
    """Whether llama.cpp is here, as the package xllamacpp."""
    return importlib.util.find_spec("xllamacpp") is not None


@contextmanager
def llama_cpp(file: Path, *, context: int) -> Iterator[LlamaCpp]:
    """Open a GGUF for prompts of up to ``context`` tokens. Raises LlamaCppError where llama.cpp cannot."""
    key = secrets.token_urlsafe(16)  # others on this machine shall not ask
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as complaints,
        subprocess.Popen(
            # -P: its own directory holds modules of this app, which must not stand before the library's.
            [sys.executable, "-P", __file__, str(file), str(context)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            env={**os.environ, KEY: key},
        ) as child,
    ):
        try:
            said = child.stdout.readline().strip() if child.stdout else ""
            if not said.startswith("http://127.0.0.1:"):
                child.wait()
                complaints.seek(0)
                lines = complaints.read().strip().splitlines()
                raise LlamaCppError(f"llama.cpp cannot open {file.name}: {lines[-1] if lines else 'it ended'}")
            yield LlamaCpp(said, key)
        finally:
            child.kill()


def _serve(file: str, context: int) -> None:
    import xllamacpp

    asked = xllamacpp.CommonParams()
    asked.model.path = file
    asked.n_ctx = context
    asked.n_parallel = 1
    asked.n_gpu_layers = 0
    asked.hostnames, asked.port = ["127.0.0.1"], 0
    asked.api_keys = [os.environ.pop(KEY)]
    asked.ui = asked.warmup = asked.fit_params = False
    asked.verbosity = -1
    # Whatever a server saves on for speed would be counted against the file.
    asked.cache_type_k = asked.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    asked.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    server = xllamacpp.Server(asked)
    print(server.listening_address, flush=True)  # noqa: T201 - this line is what the parent waits for
    sys.stdin.read()
    os._exit(0)  # nothing here is worth the time that putting it away takes


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
