"""Texts come back from every file exactly as they went in."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exports.schema import COLUMNS, Record, as_json, from_json, to_arrow
from exports.writers import parquet
from exports.writers.lines import Texts, json_objects
from exports.writers.parquet import ParquetSplit, Shards
from exports.writers.tables import CsvSplit
from exports.writers.text import JSONL, OPTIONAL_FORMATS, TextSplit
from tests.exports.helpers import record

# What people may write: anything but NUL and lone surrogates.
texts = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
GROUP = 4
NAUGHTY = [
    "one\u2028two\u2029three\u0085four\x0bfive\x0csix\x1cseven",
    "e\u0301 is not é",
    "    indented = True\n\treturn  ",
    "\u202eevil\u202c \u200b\U000e0041 \U0001f468\u200d\U0001f469",
    '"quotes" \\ back\\slashes\r alone',
    "=HYPERLINK(1)",
    "---\nlicense: mit\n---",
]


def write_parquet(root: Path, records: list[Record]) -> list[Path]:
    """Write one split and return its shards."""
    writer = ParquetSplit(root, "train", Shards.for_rows(len(records)))
    for first in range(0, len(records), GROUP):
        writer.add(to_arrow(records[first : first + GROUP]))
    return [root / entry["path"] for entry in writer.finish()]


def write_text(root: Path, records: list[Record], name: str = "jsonl") -> Path:
    """Write one split and return its file."""
    writer = TextSplit(root, name, "train", JSONL if name == "jsonl" else OPTIONAL_FORMATS[name])
    for first in range(0, len(records), GROUP):
        writer.add(Texts(to_arrow(records[first : first + GROUP])))
    return root / writer.finish()[0]["path"]


@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=5))
@example([(text, text, text) for text in NAUGHTY])
def test_every_text_survives_jsonl_and_parquet(triples: list[tuple[str, str, str]]) -> None:
    records = [
        record(number, instruction=one, context=two, response=three, source_title=two)
        for number, (one, two, three) in enumerate(triples)
    ]
    with tempfile.TemporaryDirectory() as folder:
        lines = write_text(Path(folder), records).read_bytes()
        shards = write_parquet(Path(folder), records)
        rows = [Record(**row) for shard in shards for row in pq.read_table(shard, partitioning=None).to_pylist()]
    assert [from_json(json.loads(line)) for line in lines.split(b"\n")[:-1]] == records
    assert rows == records
    # Even a reader that splits where Unicode ends a line sees one record a line.
    assert len(lines.decode().splitlines()) == len(records)


def test_the_columns_have_their_order_and_types_and_none_is_nullable(tmp_path: Path) -> None:
    schema = pq.read_schema(write_parquet(tmp_path, [record()])[0])
    assert schema.names == list(COLUMNS)
    assert {str(schema.field(name).type) for name in COLUMNS[:11]} == {"string"}
    assert [str(schema.field(name).type) for name in COLUMNS[11:]] == ["int32", "int16", "timestamp[us, tz=UTC]"]
    assert not any(field.nullable for field in schema)


def test_a_null_is_refused() -> None:
    with pytest.raises(ValueError, match="licence"):
        to_arrow([record(licence=None)])


def test_jsonl_says_the_time_in_utc_with_microseconds(tmp_path: Path) -> None:
    line = json.loads(write_text(tmp_path, [record(7)]).read_text())
    assert line["approved_at"] == "2026-04-01T12:00:00.000007Z"
    assert list(line) == list(COLUMNS)


def test_many_rows_become_several_shards_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "SHARD_ROWS", 10)
    records = [record(number) for number in range(25)]
    shards = write_parquet(tmp_path, records)
    assert [path.name for path in shards] == [f"train-0000{number}-of-00003.parquet" for number in range(3)]
    ids = [pq.read_table(path, partitioning=None)["id"].to_pylist() for path in shards]
    assert [len(part) for part in ids] == [10, 10, 5]
    assert [key for part in ids for key in part] == [row.id for row in records]
    assert pq.ParquetFile(shards[0]).metadata.num_row_groups == 3


@given(st.lists(texts, min_size=1, max_size=5))
@example(NAUGHTY)
@example(["".join(map(chr, range(1, 0x100))), "\x7f", "/ < > & '"])
def test_the_lines_are_those_that_an_ordinary_json_writer_gives(values: list[str]) -> None:
    batch = to_arrow([record(number, instruction=text) for number, text in enumerate(values)])
    expected = b"".join(orjson.dumps(as_json(Record(**row))) + b"\n" for row in batch.to_pylist())
    for character in ("\u2028", "\u2029", "\u0085"):
        expected = expected.replace(character.encode(), f"\\u{ord(character):04x}".encode())
    assert bytes(json_objects(Texts(batch), COLUMNS)) == expected


def test_a_batch_that_is_a_slice_is_written_as_a_batch_of_its_own(tmp_path: Path) -> None:
    rows = [record(number, instruction=f'"{number}"', context="x" * number) for number in range(9)]
    part = to_arrow(rows).slice(3, 4)
    assert bytes(json_objects(Texts(part), COLUMNS)) == bytes(json_objects(Texts(to_arrow(rows[3:7])), COLUMNS))


def test_each_format_has_the_shape_its_tools_read(tmp_path: Path) -> None:
    with_context = record(1, instruction="Sum up.", context="A tale.", response="Short.")
    shapes = {}
    for name, form in OPTIONAL_FORMATS.items():
        text = write_text(tmp_path, [record(0), with_context], name).read_text()
        shapes[name] = json.loads(text)[1] if form.is_list else json.loads(text.split("\n")[1])
    assert shapes == {
        "dolly": {"instruction": "Sum up.", "context": "A tale.", "response": "Short.", "category": "open_qa"},
        "alpaca": {"instruction": "Sum up.", "input": "A tale.", "output": "Short."},
        "chat": {
            "messages": [
                {"role": "user", "content": "Sum up.\n\nA tale."},
                {"role": "assistant", "content": "Short."},
            ]
        },
        "sharegpt": {
            "id": with_context.id,
            "conversations": [{"from": "human", "value": "Sum up.\n\nA tale."}, {"from": "gpt", "value": "Short."}],
        },
        "prompt_completion": {"prompt": "Sum up.\n\nA tale.", "completion": "Short."},
    }


def test_a_table_has_a_head_and_no_formula(tmp_path: Path) -> None:
    writer = CsvSplit(tmp_path, "train")
    writer.add(Texts(to_arrow([record(1, instruction="=1+1", context="'=2", response='A "B",\nC')])))
    (entry,) = writer.finish()
    head, *rows = (tmp_path / entry["path"]).read_bytes().decode().split("\n", 1)
    assert head == ",".join(COLUMNS)
    assert rows[0].startswith("""00000000-0000-4000-8000-000000000001,'=1+1,''=2,"A ""B"",\nC",open_qa""")
    assert rows[0].endswith("Z\n")
    assert (entry["path"], entry["rows"]) == ("csv/train.csv", 1)
