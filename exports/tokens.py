"""How long texts are in the tokens of a tokenizer that is on this machine."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache as kept
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from collector.models import Revision

FILE = "tokenizer.json"
CHUNK = 1_000
KEPT_SECONDS, MOST_KEPT = 24 * 3_600, 200_000


class NoTokenizer(Exception):
    """The tokenizer can't be used; ``str()`` says why and what to do."""


def available() -> dict[str, Path]:
    """Return the tokenizers of the models directory by name: the directory that holds their ``tokenizer.json``."""
    home = Path(settings.WOOLGATHER_MODELS)
    found = sorted([*home.glob(f"*/{FILE}"), *home.glob(f"*/*/{FILE}")]) if home.is_dir() else []
    return {path.parent.relative_to(home).as_posix(): path for path in found}


def sha256(name: str) -> str:
    """Return the hash (hex) of a tokenizer's file. Raises NoTokenizer."""
    return hashlib.sha256(_path(name).read_bytes()).hexdigest()


def counted(revisions: QuerySet[Revision], name: str) -> dict[int, int]:
    """Return the tokens of each revision's three texts together, without special tokens, by the revision's key.

    Texts never change, so what was counted is kept for a while.

    Raises:
        NoTokenizer: there is none of that name, or no library to read it.
    """
    digest = sha256(name)
    key = f"exports.tokens.{digest}"
    known: dict[int, int] = dict(kept.get(key) or {})
    pks = list(revisions.order_by("pk").values_list("pk", flat=True))
    missing = [pk for pk in pks if pk not in known]
    if missing:
        tokenizer = _load(str(_path(name)), digest)
        for first in range(0, len(missing), CHUNK):
            part = missing[first : first + CHUNK]
            rows = revisions.model.objects.filter(pk__in=part).values_list("pk", "instruction", "context", "response")
            for pk, *texts in rows:
                encoded = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
                known[pk] = sum(len(one) for one in encoded)
        if len(known) <= MOST_KEPT:
            kept.set(key, known, KEPT_SECONDS)
    return {pk: known[pk] for pk in pks}


def require(name: str) -> None:
    """Raise NoTokenizer unless the tokenizer can be used."""
    _load(str(_path(name)), sha256(name))


def described(name: str) -> dict[str, str]:
    """Return what a version keeps of its tokenizer: its name, and the hash of its file."""
    return {"name": name, "sha256": sha256(name)}


def _path(name: str) -> Path:
    known = available()
    if name not in known:
        raise NoTokenizer(
            _("There is no tokenizer %(name)s here; there are: %(known)s. Put its tokenizer.json into %(home)s.")
            % {
                "name": name,
                "known": ", ".join(known) or _("none yet"),
                "home": Path(settings.WOOLGATHER_MODELS) / name,
            }
        )
    return known[name]


@cache
def _load(path: str, _digest: str) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise NoTokenizer(_("Counting tokens needs the library tokenizers: run `make train-deps` first.")) from error
    try:
        return Tokenizer.from_file(path)
    except Exception as error:  # the library raises bare Exceptions
        raise NoTokenizer(_("%(path)s is no tokenizer (%(error)s).") % {"path": path, "error": error}) from error
