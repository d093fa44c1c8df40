"""Readers: bytes in, rows or reasons out."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.imports import containers
from collector.imports.containers import read_lines
from collector.imports.reading import Format, find_format, open_dataset
from collector.imports.rejects import RejectsFile
from collector.imports.rows import Reject, Row, UnreadableFile
from tests.collector.naughty import NAUGHTY
from tests.collector.readings import DOLLY, TEXT, lines, read, reason, row, texts

if TYPE_CHECKING:
    from pathlib import Path


# -- Lines ------------------------------------------------------------------------------------------------


def test_only_a_line_feed_ends_a_line() -> None:
    separators = "\u2028\u2029\u0085\x0b\x0c\x1c\x1d\x1e\r"
    found = read(lines(DOLLY | {"response": separators}, DOLLY), Format.DOLLY)
    assert [item.line for item in found] == [1, 2]
    assert texts(found[0])[2] == separators


@given(st.lists(st.binary(max_size=40).filter(lambda data: b"\n" not in data), max_size=8))
def test_lines_come_back_as_they_were_written(written: list[bytes]) -> None:
    file = io.BytesIO(b"".join(line + b"\n" for line in written))
    expected = [line.removeprefix(containers.BOM) if at == 0 else line for at, line in enumerate(written)]
    assert [line.data for line in read_lines(file)] == expected


def test_a_line_beyond_the_limit_is_read_past_and_the_next_one_is_right() -> None:
    found = list(read_lines(io.BytesIO(b"a" * 100 + b"\nnext\n"), limit=10))
    assert [(line.number, line.too_long) for line in found] == [(1, True), (2, False)]
    assert found[1].data == b"next"
    assert found[1].offset == 101


def test_a_line_of_exactly_the_limit_is_not_too_long() -> None:
    assert [line.too_long for line in read_lines(io.BytesIO(b"a" * 10 + b"\nb\n"), limit=10)] == [False, False]


# -- JSON that nobody should accept -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"instruction": "a", "response": "b"', "Not valid JSON"),
        (b'{"instruction": NaN, "response": "b"}', "NaN is not JSON"),
        (b'{"instruction": "a", "response": "b", "score": -Infinity}', "Infinity is not JSON"),
        (b'{"instruction": "a", "response": "b", "response": "c"}', "'response' stands there twice"),
        (b'{"instruction": "a", "response": "\xff"}', "Byte 35 of the row is not valid UTF-8"),
        (b'{"instruction": "a"}', "'response' is missing"),
        (b'{"response": "a"}', "'instruction' is missing"),
        (b'{"instruction": 7, "response": "b"}', "'instruction' is a number"),
        (b'{"instruction": null, "response": "b"}', "'instruction' is null"),
        (b'{"instruction": "a", "response": ["b"]}', "'response' is a list"),
        (b'{"instruction": "a", "response": "b", "context": {}}', "'context' is an object"),
        (b'{"instruction": "a", "response": "b", "category": true}', "'category' is true or false"),
        (b'"a text"', "this is a text"),
        (b"[1, 2]", "this is a list"),
        (b"garbage", "Not valid JSON"),
        (b'{"a":' * 100_000, "nested too deep"),
        (b"[" * 100_000, "nested too deep"),
        (b'{"instruction": ' + b"9" * 10_000 + b"}", "Not usable JSON"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_bad_line_is_rejected_with_a_reason_and_the_next_is_read(line: bytes, says: str) -> None:
    bad, good = read(line + b"\n" + lines(DOLLY), Format.DOLLY)
    assert isinstance(bad, Reject)
    assert says in bad.reason
    assert bad.line == 1
    assert texts(good)[2] == "Scattering."


def test_a_file_cut_off_in_its_last_line_says_so() -> None:
    good, bad = read(lines(DOLLY) + lines(DOLLY)[:40])
    assert texts(good)[2] == "Scattering."
    assert isinstance(bad, Reject)
    assert "cut off" in bad.reason
    assert bad.line == 2
    assert bad.raw == lines(DOLLY)[:40].decode()


def test_a_complete_last_line_needs_no_line_feed() -> None:
    assert row(lines(DOLLY)[:-1]).response == "Scattering."


@pytest.mark.parametrize("text", NAUGHTY)
def test_text_is_read_exactly(text: str) -> None:
    found = row(lines({"instruction": text, "context": text, "response": text}), Format.DOLLY)
    assert texts(found) == (text, text, text)


@given(TEXT, TEXT, TEXT)
def test_every_text_survives_each_way_of_writing_json(instruction: str, context: str, response: str) -> None:
    value = {"instruction": instruction, "context": context, "response": response}
    for ascii_only in (True, False):
        data = json.dumps(value, ensure_ascii=ascii_only).encode() + b"\n"
        assert texts(row(data, Format.DOLLY)) == (instruction, context, response)


@given(st.binary(max_size=200))
def test_no_bytes_make_a_reader_fail(data: bytes) -> None:
    for kind in (Format.DOLLY, Format.ALPACA, Format.CHAT, Format.OASST):
        for name in ("data.json", "data.jsonl"):
            assert all(isinstance(found, Row | Reject) for found in read(data, kind, name))
    for found in read(b"instruction,response\n" + data, Format.CSV):
        assert isinstance(found, Row | Reject)


# -- Formats ----------------------------------------------------------------------------------------------


def test_dolly_rows_keep_what_our_own_records_add() -> None:
    found = row(
        lines(DOLLY | {"language": "de", "licence": "MIT", "source_title": "A book", "source_url": "https://x"})
    )
    assert (found.category, found.language, found.licence) == ("open_qa", "de", "MIT")
    assert (found.source_title, found.source_url) == ("A book", "https://x")


def test_alpaca_input_is_the_context_and_output_the_response() -> None:
    data = json.dumps([{"instruction": "Sum up.", "input": "Long.", "output": "Short."}], indent=2).encode()
    assert texts(row(data, name="alpaca.json")) == ("Sum up.", "Long.", "Short.")


def test_alpaca_is_read_as_lines_too() -> None:
    assert texts(row(lines({"instruction": "Say a.", "output": "a"}))) == ("Say a.", "", "a")


def test_a_chat_of_one_turn_is_a_pair() -> None:
    messages = [
        {"role": "system", "content": "A passage."},
        {"role": "user", "content": "What is it?"},
        {"role": "assistant", "content": "A text."},
    ]
    assert texts(row(lines({"messages": messages}))) == ("What is it?", "A passage.", "A text.")


def test_sharegpt_conversations_are_chats() -> None:
    said = [{"from": "human", "value": "Hi?"}, {"from": "gpt", "value": "Hello."}]
    assert texts(row(lines({"conversations": said}))) == ("Hi?", "", "Hello.")


@pytest.mark.parametrize(
    ("roles", "says"),
    [
        (["user", "assistant", "user", "assistant"], "has 4 messages"),
        (["assistant", "user"], "this has: assistant, user"),
        (["user"], "this has: user"),
        ([], "this has: none"),
        (["user", "tool"], "role is 'tool'"),
        (["system", "system", "user", "assistant"], "this has: system"),
    ],
)
def test_a_chat_that_is_no_pair_is_rejected(roles: list[str], says: str) -> None:
    assert says in reason(lines({"messages": [{"role": role, "content": "x"} for role in roles]}))


def test_a_picture_in_a_chat_is_rejected() -> None:
    content = [{"type": "image_url", "image_url": "x"}]
    assert "content is a list" in reason(lines({"messages": [{"role": "user", "content": content}]}))


def message(key: str, parent: str | None, text: str, **more: Any) -> dict[str, Any]:
    role = "assistant" if key.startswith("a") else "prompter"
    return {"message_id": key, "parent_id": parent, "text": text, "role": role, "lang": "en"} | more


def test_an_oasst_prompt_gets_its_best_ranked_reply_in_whatever_order_they_come() -> None:
    data = lines(
        message("a2", "p1", "second", rank=1),
        message("p1", None, "Why?", lang="pt-BR"),
        message("a3", "p1", "unranked", rank=None),
        message("a1", "p1", "best", rank=0),
    )
    found = row(data)
    assert texts(found) == ("Why?", "", "best")
    assert (found.language, found.line) == ("pt-BR", 2)


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ([message("p2", None, "Alone?")], "Nobody answered"),
        ([message("p2", "a1", "And then?"), message("a2", "p2", "Then.")], "can't stand alone"),
        ([message("a2", "p9", "Lost")], "not in the file"),
        ([message("p1", None, "Again?")], "twice"),
        ([message("a2", "p1", "gone", deleted=True)], "deleted"),
        ([message("p2", None, "x", role="bot")], "role is 'bot'"),
        ([message("p\ud800", None, "x")], "surrogate"),
    ],
)
def test_an_oasst_message_that_makes_no_pair_is_rejected(extra: list[dict[str, Any]], says: str) -> None:
    data = b"".join(
        json.dumps(value).encode() + b"\n"
        for value in [message("p1", None, "Why?"), message("a1", "p1", "So."), *extra]
    )
    found = read(data)
    assert [texts(item)[2] for item in found if isinstance(item, Row)] == ["So."]
    assert [says in item.reason for item in found if isinstance(item, Reject)] == [True]


def test_an_oasst_tree_gives_its_first_pair() -> None:
    replies = [
        {"text": "worse", "role": "assistant", "rank": 1, "replies": []},
        {"text": "better", "role": "assistant", "rank": 0, "replies": []},
    ]
    tree = {"message_tree_id": "t", "prompt": {"text": "Why?", "role": "prompter", "lang": "en", "replies": replies}}
    assert texts(row(lines(tree))) == ("Why?", "", "better")


def table(*rows: list[str], delimiter: str = ",", bom: bool = False) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return (containers.BOM if bom else b"") + out.getvalue().encode()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("bom", [True, False])
def test_csv_columns_are_found_by_their_header(delimiter: str, bom: bool) -> None:
    data = table(["Category", "Answer", "Prompt"], ["open_qa", "b\r\n“c”", "a"], delimiter=delimiter, bom=bom)
    found = row(data)
    assert texts(found) == ("a", "", "b\r\n“c”")
    assert (found.category, found.line) == ("open_qa", 2)


@given(TEXT, TEXT)
def test_csv_cells_come_back_exactly(instruction: str, response: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([["instruction", "response"], [instruction, response]])
    assert texts(row(out.getvalue().encode(), Format.CSV)) == (instruction, "", response)


def test_a_csv_row_that_spans_lines_is_named_by_its_first() -> None:
    found = read(table(["instruction", "response"], ["a\nb", "c"], ["d", "e", "f"]))
    assert [item.line for item in found] == [2, 4]
    assert isinstance(found[1], Reject)
    assert "3 cells; the header has 2" in found[1].reason


def test_csv_bytes_that_are_not_utf8_are_rejected_not_replaced() -> None:
    bad, good = read(b"instruction,response\na,\xff\nb,c\n")
    assert isinstance(bad, Reject)
    assert "'response' is not valid UTF-8" in bad.reason
    assert texts(good) == ("b", "", "c")


def test_a_csv_cell_longer_than_any_text_is_rejected_and_the_next_row_read() -> None:
    bad, good = read(b'instruction,response\n"' + b"a" * (8 * 2**20 + 10) + b'",x\nb,c\n')
    assert isinstance(bad, Reject)
    assert "field" in bad.reason
    assert texts(good) == ("b", "", "c")


def test_csv_without_the_needed_columns_is_refused_as_a_whole() -> None:
    with pytest.raises(UnreadableFile, match="instruction and response"):
        read(b"question_id,score\n1,2\n", Format.CSV)


# -- The file as a whole ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("empty.jsonl", b"", "is empty"),
        ("packed.jsonl.gz", b"\x1f\x8b\x08\x00", "gzip"),
        ("packed.zip", b"PK\x03\x04", "zip"),
        ("data.parquet", b"PAR1", "Parquet"),
        ("wide.csv", "instruction".encode("utf-16"), "UTF-16"),
    ],
)
def test_a_file_that_has_to_be_prepared_first_is_refused(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableFile, match=says):
        open_dataset(tmp_path / name)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no file"):
        open_dataset(tmp_path / "none.jsonl")
    with pytest.raises(UnreadableFile, match="directory"):
        open_dataset(tmp_path)


@pytest.mark.parametrize("data", [b"hello\nworld\n", b'{"a": 1}\n', b"\n \n", b"[1, 2]", b"\x00\x01\x02"])
def test_what_looks_like_no_format_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableFile):
        find_format(io.BytesIO(data), "x.txt")


def test_a_bad_first_line_does_not_hide_the_format() -> None:
    assert find_format(io.BytesIO(b"[" * 100_000 + b"\n" + lines(DOLLY)), "x.jsonl") is Format.DOLLY
    assert find_format(io.BytesIO(b"{broken\n" + lines(DOLLY)), "x.jsonl") is Format.DOLLY


def test_a_file_of_one_line_that_was_cut_off_still_has_a_format() -> None:
    assert find_format(io.BytesIO(lines(DOLLY)[:-30]), "x.jsonl") is Format.DOLLY


# -- The report -------------------------------------------------------------------------------------------


def test_rejects_go_beside_the_file_and_a_stale_report_is_removed(tmp_path: Path) -> None:
    dataset = tmp_path / "data.jsonl"
    for reasons in (["half \ud800"], []):
        with RejectsFile(dataset, tmp_path / "var") as rejects:
            for said in reasons:
                rejects.add(Reject(line=3, raw="raw\x00\u2028", reason=said))
        report = tmp_path / "data.jsonl.rejects.jsonl"
        assert report.exists() == bool(reasons)
        if reasons:
            [line] = report.read_bytes().removesuffix(b"\n").split(b"\n")
            assert json.loads(line) == {"line": 3, "reason": "half \\ud800", "raw": "raw\x00\u2028"}


def test_rejects_go_elsewhere_where_the_data_cannot_be_written_beside(tmp_path: Path) -> None:
    with RejectsFile(tmp_path / "missing" / "data.jsonl", tmp_path / "var") as rejects:
        rejects.add(Reject(line=1, raw="", reason="bad"))
    assert rejects.path == tmp_path / "var" / "data.jsonl.rejects.jsonl"
    assert rejects.path.exists()
