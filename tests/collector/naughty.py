"""Texts that programs like to spoil; every one of them may be stored."""

from __future__ import annotations

NAUGHTY = [
    "    if x:\n\treturn '  '   ",
    "\n\nleading and trailing\n\n",
    "NFC é and NFD e\u0301 and ﬁ",
    "zero\u200bwidth \u2060 no-break\u00a0space \ufeff in the middle",
    "\u202eright to left\u202c \u2066isolate\u2069",
    "tags \U000e0041\U000e0042",
    "separators \u2028 \u2029 \u0085 \x0b \x0c \x1c \x1d \x1e end",
    "👩‍👩‍👧‍👦 🏳️‍🌈 e" + "\u0301" * 200,
    "replacement \ufffd stays",
    "### Response:\n<|im_end|></s>[INST]",
    "=cmd|' /C calc'!A0",
    "<script>alert('x')</script> ' OR 1=1 -- \\ \" \\n \\u0041",
    "lone\rcarriage return",
    "\x01\x07\x1b[31mred",
]
