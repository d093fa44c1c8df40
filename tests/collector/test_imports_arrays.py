"""Readers: one JSON array, cut into its elements."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.imports import containers
from collector.imports.containers import ArrayReader
from collector.imports.rows import Found, Reject
from tests.collector.readings import TEXT, read, texts

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 1]), st.integers(1, 17))
def test_an_array_is_cut_into_what_json_itself_reads(values: list[Any], indent: int | None, chunk: int) -> None:
    data = json.dumps(values, indent=indent, ensure_ascii=False).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(containers, "CHUNK", chunk)
        found = list(ArrayReader(io.BytesIO(data)))
    assert [item.value for item in found if isinstance(item, Found)] == values
    assert not [item for item in found if isinstance(item, Reject)]


def test_array_elements_are_named_by_their_lines() -> None:
    data = b'[\n  {"a": 1},\n\n  {"a": "]"}\n]\n'
    assert [item.line for item in ArrayReader(io.BytesIO(data))] == [2, 4]


def test_a_bad_element_of_an_array_does_not_end_it() -> None:
    data = b'[{"instruction": "a", "output": NaN}, {"instruction": "b", "output": "c"}]'
    bad, good = read(data, name="x.json")
    assert isinstance(bad, Reject)
    assert texts(good) == ("b", "", "c")


def test_an_array_cut_off_says_so() -> None:
    good, bad = read(b'[{"instruction": "b", "output": "c"}, {"instruction": "d", "ou', name="x.json")
    assert texts(good) == ("b", "", "c")
    assert isinstance(bad, Reject)
    assert "cut off" in bad.reason


def test_an_element_beyond_the_limit_is_not_held() -> None:
    found = list(ArrayReader(io.BytesIO(b'["' + b"a" * 200_000 + b'", 2]'), limit=1000))
    assert isinstance(found[0], Reject)
    assert "longer than 1,000 bytes" in found[0].reason
    assert isinstance(found[1], Found)
    assert found[1].value == 2
