"""Marks that would poison training: those of prompt formats, and characters that nobody sees."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from collector.checks.findings import INVISIBLE, MARKER, Finding, first_few

_MARKERS = [
    # Special tokens of the chat formats: <|im_start|>, <|eot_id|>, <|user|>; DeepSeek writes full-width bars.
    re.compile(r"<[|｜][A-Za-z0-9_▁-]{1,40}+[|｜]>"),
    re.compile(
        r"\[/?INST\]|<</?SYS>>|</?s>|<(?:bos|eos|pad|unk|mask)>|<(?:start|end)_of_turn>|\[(?:BOS|EOS|PAD|UNK)\]"
    ),
    # Dolly's and Alpaca's: "### Instruction:", "### Response:", "### End".
    re.compile(
        r"^[ \t]{0,3}#{2,4}[ \t]{0,2}"
        r"(?:(?:instruction|response|input|output|context|system|user|assistant|human)[ \t]{0,2}:|end[ \t]{0,3}$)",
        re.IGNORECASE | re.MULTILINE,
    ),
    re.compile(
        r"^Below is an instruction that describes a task\b|^<(?:system|assistant|human)>[ \t]{0,3}$",
        re.MULTILINE,
    ),
]
# One speaker alone is a line of a play or a form; an assistant's turn is the format.
_ASSISTANT = re.compile(r"^[ \t]{0,3}(?:Assistant|AI|Bot|ChatGPT|GPT)[ \t]{0,2}:", re.MULTILINE)
_HUMAN = re.compile(r"^[ \t]{0,3}(?:Human|User)[ \t]{0,2}:", re.MULTILINE)

# Overrides of the writing direction, invisible tags, and what has no width; without the joiners and direction marks
# that scripts need.
_INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\u2060-\u2064\u200b\ufeff\u00ad\U000e0000-\U000e007f]")
_FLAG_OF_A_REGION = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f")


def markers(text: str) -> list[str]:
    """Return the marks of prompt formats in a text, as they stand there."""
    found = [match.group() for pattern in _MARKERS for match in pattern.finditer(text)]
    found += [match.group() for match in _ASSISTANT.finditer(text)]
    if found or text.lstrip().startswith("Human:"):
        found += [match.group() for match in _HUMAN.finditer(text)]
    return found


def invisible(text: str) -> list[str]:
    """Return the names (U+…) of the characters that nobody sees and no script needs."""
    if text.isascii():
        return []
    return [f"U+{ord(match.group()):04X}" for match in _INVISIBLE.finditer(_FLAG_OF_A_REGION.sub("", text))]


def check(field: str, text: str, *, known: str = "") -> list[Finding]:
    """Say where marks or unseen characters are; what also stands in ``known`` is nobody's fault here."""
    findings = []
    marks = [mark.strip() for mark in markers(text) if mark not in known]
    if marks:
        message = _(
            "There is a marker of a prompt format. A model trained on it would stop or change speaker there: write it "
            "in another way."
        )
        findings.append(Finding(code=MARKER, field=field, message=message, excerpts=first_few(marks)))
    unseen = invisible(text) if not known or text not in known else []
    if unseen:
        message = _("There are invisible characters, as some pages put between words. Type that place again.")
        findings.append(Finding(code=INVISIBLE, field=field, message=message, excerpts=first_few(unseen)))
    return findings
