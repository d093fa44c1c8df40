"""What people write comes back byte for byte: form and API, database, files, readers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from django.test import Client
from django.urls import reverse

from collector.models import Submission
from collector.sheets.cells import unguard
from collector.text import is_blank
from exports import places
from exports.writers.formats import FORMATS
from tests import factories
from tests.collector.callers import SUBMISSIONS, Caller, a_pair
from tests.exports.helpers import release
from tests.exports.naughty import BIG_LIST, OURS, REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from collector.models import Campaign, Category, Person

Rows = dict[str, tuple[str, str, str]]
NAMES = ("instruction", "context", "response")
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"

pytestmark = pytest.mark.django_db


def triples() -> list[tuple[str, str, str]]:
    """Return all texts, each as an instruction, a context or a response; those with nothing to see as a context."""
    blank = [text for text in (*BIG_LIST, *OURS) if is_blank(text)]
    texts = [text for text in (*BIG_LIST, *OURS) if not is_blank(text)]
    texts += ["The last."] * (-len(texts) % 3)
    rows = list(zip(texts[::3], texts[1::3], texts[2::3], strict=True))
    return rows + [(f"Blank {number}", text, "Blank.") for number, text in enumerate(blank)]


@pytest.fixture
def writer(campaign: Campaign) -> Person:
    return factories.contributor_in(campaign)


@pytest.fixture
def expected(campaign: Campaign, category: Category, writer: Person) -> Rows:
    """Write every text through the form and through the API; returns what must come back, by id."""
    form, program = Client(), Caller(writer)
    form.force_login(writer, backend=BACKEND)
    address = reverse("write", args=[category.slug])
    rows: Rows = {}
    for way in ("form", "api"):
        for triple in triples():
            sent = a_pair(campaign, category) | dict(zip(NAMES, triple, strict=True))
            answer = form.post(address, sent | {"version": "0"}) if way == "form" else program.post(SUBMISSIONS, sent)
            assert answer.status_code == (302 if way == "form" else 201), (way, triple, answer.content[-600:])
            one, two, three = (text.replace("\r\n", "\n") for text in triple)
            rows[sent["id"]] = (one, two, three)
    return rows


@pytest.fixture
def directory(expected: Rows, root: Path) -> Path:
    """Approve what was written, and release it in every format."""
    judge = factories.reviewer()
    for pair in Submission.objects.filter(pk__in=expected):
        factories.decide(pair, "approve", by=judge)
    version = release(root, formats=list(FORMATS))
    assert version.rows == len(expected)
    return places.version_path(root, "set", 1)


def by_id(rows: Iterable[Mapping[Any, Any]]) -> Rows:
    return {str(row["id"]): (row["instruction"], row["context"], row["response"]) for row in rows}


def lines(directory: Path, pattern: str) -> list[dict[str, Any]]:
    """Return the JSON of each line, where only LF ends one."""
    texts = [path.read_bytes().decode() for path in sorted(directory.glob(pattern))]
    return [json.loads(line) for text in texts for line in text.split("\n") if line]


def lists(directory: Path, pattern: str) -> list[dict[str, Any]]:
    return [row for path in sorted(directory.glob(pattern)) for row in json.loads(path.read_bytes())]


def prompt(triple: tuple[str, str, str]) -> str:
    one, two, _three = triple
    return f"{one}\n\n{two}" if two else one


def test_there_are_enough_of_them() -> None:
    assert len(BIG_LIST) >= 485
    assert len(set(OURS)) >= 150


def test_every_text_comes_back_from_every_file_to_every_reader(
    expected: Rows, directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = sorted(map(str, directory.glob("data/*.parquet")))
    jsonl = sorted(map(str, directory.glob("jsonl/*.jsonl")))
    assert by_id(lines(directory, "jsonl/*.jsonl")) == expected
    assert by_id(row for path in parquet for row in pq.read_table(path).to_pylist()) == expected
    assert by_id(row for path in parquet for row in pd.read_parquet(path).to_dict("records")) == expected
    assert by_id(pl.read_parquet(parquet).iter_rows(named=True)) == expected
    assert by_id(row for path in jsonl for row in pl.read_ndjson(path).iter_rows(named=True)) == expected
    found = duckdb.read_parquet(parquet).select("id, instruction, context, response").fetchall()
    assert {key: tuple(texts) for key, *texts in found} == expected
    frames = (pd.read_json(path, lines=True, dtype=False) for path in jsonl)
    assert by_id(row for frame in frames for row in frame.to_dict("records")) == expected

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    cache = str(tmp_path / "cache")
    loaded = load_dataset(str(directory), cache_dir=cache)
    assert by_id(row for split in loaded.values() for row in split) == expected
    assert by_id(load_dataset("json", data_files=jsonl, cache_dir=cache)["train"]) == expected

    tables = sorted(directory.glob("csv/*.csv"))
    frame = pd.concat(
        pd.read_csv(path, keep_default_na=False, dtype=str, lineterminator="\n") for path in tables
    ).set_index("id")
    assert len(frame) == len(expected)
    assert {key: tuple(map(unguard, frame.loc[key, list(NAMES)])) for key in expected} == expected

    some = sorted(expected.values())
    assert sorted(tuple(row[name] for name in NAMES) for row in lines(directory, "dolly/*.jsonl")) == some
    assert (
        sorted((row["instruction"], row["input"], row["output"]) for row in lists(directory, "alpaca/*.json")) == some
    )
    asked = sorted((prompt(triple), triple[2]) for triple in some)
    chats = [[turn["content"] for turn in row["messages"]] for row in lines(directory, "chat/*.jsonl")]
    assert sorted(map(tuple, chats)) == asked
    talks = [[turn["value"] for turn in row["conversations"]] for row in lists(directory, "sharegpt/*.json")]
    assert sorted(map(tuple, talks)) == asked
    pairs = lines(directory, "prompt_completion/*.jsonl")
    assert sorted((row["prompt"], row["completion"]) for row in pairs) == asked


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("field", NAMES)
def test_what_no_file_can_hold_is_refused_with_its_place(
    campaign: Campaign, category: Category, writer: Person, what: str, field: str
) -> None:
    sent = a_pair(campaign, category) | {field: REFUSED[what]}
    answer = Caller(writer).post(SUBMISSIONS, json.dumps(sent))
    assert answer.status_code == 400
    assert "Character 4 is" in str(answer.json()["errors"][field])
    assert not Submission.objects.exists()
