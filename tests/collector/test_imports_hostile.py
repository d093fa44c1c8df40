"""Imports of what no tool of the field writes: a bad row never stops the import, and takes no good one with it."""

from __future__ import annotations

import io
import json
import os
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command

from collector.imports import containers, tables
from collector.imports.reading import Format, read_rows
from collector.imports.rows import Reject, Row
from collector.models import ImportBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

DEEP = b"[" * 300 + b"]" * 300
ODD_VALUES = [b"[]", b"{}", b"true", b"1", b"9" * 400, b"null", b'"\\ud800"', b'""', b"1e999", DEEP]


def read(data: bytes, format: Format) -> list[Row | Reject]:
    return list(read_rows(io.BytesIO(data), format=format, name="data.jsonl"))


def responses(found: Sequence[Row | Reject]) -> list[str]:
    return [item.response for item in found if isinstance(item, Row)]


def reasons(found: Sequence[Row | Reject]) -> list[str]:
    return [item.reason for item in found if isinstance(item, Reject)]


# -- JSON -------------------------------------------------------------------------------------------------

TREE = b'{"message_tree_id": "t", "prompt": {"text": "Why?", "replies": [{"text": "So.", "role": "assistant"}]}}\n'


@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("name", ["role", "rank", "deleted", "text"])
def test_an_odd_value_in_a_tree_costs_that_tree_alone(name: str, value: bytes) -> None:
    reply = {"role": b'"assistant"', "text": b'"Odd."', "rank": b"0"} | {name: value}
    odd = b"{%b}" % b", ".join(b'"%b": %b' % (key.encode(), said) for key, said in reply.items())
    tree = b'{"message_tree_id": "u", "prompt": {"text": "Why?", "replies": [%b]}}\n' % odd
    found = read(tree + TREE, Format.OASST)
    assert len(found) == 2
    assert responses(found)[-1] == "So."


@pytest.mark.parametrize(("name", "says"), [("role", "'role' is a list"), ("rank", "hundreds of digits")])
def test_a_tree_that_is_rejected_says_why(name: str, says: str) -> None:
    reply: dict[str, Any] = {"text": "Odd.", "role": "assistant", name: [] if name == "role" else 10**400}
    tree = {"message_tree_id": "u", "prompt": {"text": "Why?", "replies": [reply]}}
    [reason] = reasons(read(json.dumps(tree).encode(), Format.OASST))
    assert says in reason


@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("name", ["message_id", "parent_id", "role", "rank", "deleted", "text", "lang"])
def test_an_odd_value_in_a_message_leaves_the_others_as_they_are(name: str, value: bytes) -> None:
    pair = [
        {"message_id": b'"p"', "text": b'"Why?"', "role": b'"prompter"'},
        {"message_id": b'"a"', "parent_id": b'"p"', "text": b'"So."', "role": b'"assistant"'},
    ]
    odd = {"message_id": b'"b"', "parent_id": b'"p"', "text": b'"Odd."', "role": b'"assistant"', "rank": b"9"}
    lines = [
        b"{%b}\n" % b", ".join(b'"%b": %b' % (key.encode(), said) for key, said in message.items())
        for message in (odd | {name: value}, *pair)
    ]
    found = read(b"".join(lines), Format.OASST)
    assert len(responses(found)) == 1


@pytest.mark.parametrize("value", ODD_VALUES, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize("name", ["role", "content"])
def test_an_odd_value_in_a_chat_costs_that_chat_alone(name: str, value: bytes) -> None:
    said = {"role": b'"user"', "content": b'"Why?"'} | {name: value}
    odd = b"{%b}" % b", ".join(b'"%b": %b' % (key.encode(), text) for key, text in said.items())
    answer = b'{"role": "assistant", "content": "So."}'
    chat = b'{"messages": [%b, %b]}\n'
    good = chat % (b'{"role": "user", "content": "Why?"}', answer)
    found = read(chat % (odd, answer) + good, Format.CHAT)
    assert len(found) == 2
    assert responses(found)[-1] == "So."
    assert all(len(reason) < 200 for reason in reasons(found))


# -- CSV --------------------------------------------------------------------------------------------------

HEADER = b"instruction,response\n"


def test_a_quotation_mark_that_nobody_closes_costs_its_own_row_alone() -> None:
    found = read(HEADER + b'a,b\nc,"d\n' + b"e,f\n" * 1000, Format.CSV)
    assert responses(found) == ["b", *["f"] * 1000]
    [reject] = [item for item in found if isinstance(item, Reject)]
    assert (reject.line, reject.raw) == (3, 'c,"d')
    assert "Is a quotation mark missing?" in reject.reason
    assert [item.line for item in found] == list(range(2, 1004))


def test_a_quotation_mark_in_the_wrong_place_costs_the_lines_that_are_no_rows() -> None:
    found = read(HEADER + b'"one\ntwo "three" four","five"\ng,h\n', Format.CSV)
    assert responses(found) == ["h"]
    assert [item.line for item in found] == [2, 3, 4]
    assert "piece of a row" in reasons(found)[1]


def test_a_mark_that_the_next_quoted_row_closes_costs_no_other_row() -> None:
    found = read(HEADER + b'a,"b\nc,d\n"e","f ""g"""\nh,i\n', Format.CSV)
    assert responses(found) == ["d", 'f "g"', "i"]
    assert [item.line for item in found if isinstance(item, Reject)] == [2]


def test_rows_that_go_on_over_lines_are_still_whole_after_a_bad_one() -> None:
    found = read(HEADER + b'c,"d\n"e\ne","f\nf"\n"g\ng",h\n', Format.CSV)
    assert responses(found)[-2:] == ["f\nf", "h"]


def test_lines_that_take_each_other_in_are_not_read_again_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    lines_read = 0
    real = containers.read_lines

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal lines_read
        for line in real(*args, **options):
            lines_read += 1
            yield line

    monkeypatch.setattr(tables, "read_lines", counted)
    found = read(HEADER + b'x","y\n' * 5000, Format.CSV)
    assert responses(found) == []
    assert lines_read < 5000 * (tables.MOST_AGAIN + 3)
    assert found[-1].raw.startswith('x","y\nx","y')
    assert len(found[-1].raw) <= 2000


def test_lines_without_a_closing_mark_are_held_up_to_the_size_of_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_ROW_BYTES", 1000)
    found = read(HEADER + b'c,"d\n' + b"e,f\n" * 1000, Format.CSV)
    assert responses(found) == ["f"] * 1000
    assert "longer than" in reasons(found)[0]


# -- The file's name --------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("as_json", [True, False])
def test_a_file_whose_name_is_not_utf8_is_imported_under_what_can_be_shown(tmp_path: Path, as_json: bool) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jsonl"))
    path.write_text('{"instruction": "Why?", "response": "So."}\n{"instruction": "cut off')
    out = StringIO()
    call_command("import_dataset", str(path), *(["--json"] if as_json else []), stdout=out)
    assert "caf\ufffd.jsonl.rejects.jsonl" in out.getvalue()
    out.getvalue().encode()
    assert ImportBatch.objects.get().file_name == "caf\ufffd.jsonl"
