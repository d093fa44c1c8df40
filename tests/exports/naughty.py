"""Texts that break programs: the Big List of Naughty Strings (Max Woolf, MIT, data/blns.json) and our own."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

BIG_LIST: list[str] = json.loads((Path(__file__).parent / "data" / "blns.json").read_text(encoding="utf-8"))

_CONTROLS = [chr(code) for code in (*range(0x01, 0x20), *range(0x7F, 0xA0))]
_BIDI = [chr(code) for code in (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x061C)]
_INVISIBLE = [chr(code) for code in (0x00AD, 0x034F, 0x180E, 0x200B, 0x200C, 0x200D, 0x2060, 0x2063, 0xFE0F, 0xFEFF)]
_SPACES = [chr(code) for code in (0x00A0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)]
_ODD = [chr(code) for code in (0xE000, 0xF8FF, 0xFDD0, 0xFFFD, 0xFFFE, 0xFFFF, 0x1FFFE, 0xE0041, 0xF0000, 0x10FFFF)]
_SCRIPTS = ["Ångström", "한국어", "が", "ﬁ", "ǰ", "Ω", "ạ̈", "שָׁלוֹם", "किताब", "ภาษาไทย"]

OURS: list[str] = [
    *(f"one{character}two" for character in (*_CONTROLS, *_BIDI, *_INVISIBLE, *_SPACES, *_ODD)),
    *(
        f"{character}edges{character}"
        for character in ("\t", "\n", " ", "\u00a0", "\u2028", "\u0085", "\ufeff", "\x0c")
    ),
    *(unicodedata.normalize(form, text) for text in _SCRIPTS for form in ("NFC", "NFD")),
    *(f"{sign}1+1" for sign in "=+-@\t\r＝＋－＠'"),
    *(f"'{sign}1" for sign in "=+-@'"),
    "    def f():\n\t\treturn  1  \n\n\n",
    "one\r\ntwo\rthree\n\rfour\r\n",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd",
    "Z" + "\u0310\u0301\u0316" * 300,
    '{"instruction": "x", "response": null}',
    '"a","b"\n"c","d"',
    "a,b;c\td|e",
    '""""',
    '"\n"',
    "\\u0000 \\x00 \\0 %00 &#0; \\ud800",
    "<|im_end|><|endoftext|></s>[INST] ### Response:",
    "---\nlicense: mit\n---\n# Not a card",
    "NaN",
    "null",
    "None",
    "1e400",
    "-0",
    "0123",
    "2026-02-30",
    "TRUE",
    "NA",
    "N/A",
    "#REF!",
    "x" * 1_000_000,
    "line\n" * 20_000,
]

REFUSED = {"a NUL": "one\x00two", "a high surrogate": "one\ud800two", "a low surrogate": "one\udfff"}
