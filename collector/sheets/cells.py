r"""How a text travels in a cell, there and back, without becoming a formula or losing a character.

CSV has no types: a spreadsheet program takes a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line
break for a formula (OWASP, "CSV Injection"). Such a cell gets one ``'`` in front. So that this can be taken back
without doubt, cells that already begin with quotation marks *and then* such a character get one more, too:

    =1+1  →  '=1+1        '=1+1  →  ''=1+1        'tis  →  'tis

XLSX has typed cells, so a text is a text whatever it begins with; there the trouble is XML, which can't hold most
control characters and turns ``\r`` into ``\n``. Office writes them as ``_xHHHH_`` (ECMA-376 part 1, 22.9.2.19,
ST_Xstring), and an underscore that happens to look like the beginning of one as ``_x005F_``.
"""

from __future__ import annotations

import re

# The full-width forms are formulas, too, where the program runs in Japanese.
FORMULA_SIGNS = "=+\\-@\t\r\n＝＋－＠"
GUARDED = re.compile(f"'*[{FORMULA_SIGNS}]")
UNGUARDED = re.compile(f"''*[{FORMULA_SIGNS}]")

NOT_XML = "\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ud800-\udfff\ufffe\uffff"
ILLEGAL = re.compile(f"[{NOT_XML}]")
LOOKS_ESCAPED = re.compile(f"_(?=x[0-9A-Fa-f]{{4}}(?:_|[{NOT_XML}]))")
ESCAPES = re.compile("(?:_x[0-9A-Fa-f]{4}_)+")
ONE_ESCAPE = 7  # characters

MAX_XLSX_CHARACTERS = 32_767


def guard(text: str) -> str:
    """Return a text as a CSV cell that no spreadsheet program takes for a formula."""
    return f"'{text}" if GUARDED.match(text) else text


def unguard(cell: str) -> str:
    """Return the text of a CSV cell; the inverse of ``guard``."""
    return cell[1:] if UNGUARDED.match(cell) else cell


def escape(text: str) -> str:
    """Return a text as XLSX can hold it."""
    text = LOOKS_ESCAPED.sub("_x005F_", text)
    return ILLEGAL.sub(lambda match: f"_x{ord(match.group()):04X}_", text)


def unescape(cell: str) -> str:
    """Return the text of an XLSX cell; the inverse of ``escape``."""
    return ESCAPES.sub(_characters, cell) if "_x" in cell else cell


def _characters(match: re.Match[str]) -> str:
    run = match.group()
    units = [int(run[at + 2 : at + 6], 16) for at in range(0, len(run), ONE_ESCAPE)]
    # Two halves of a surrogate pair become their character; a lone one stays, and is refused by name later.
    data = b"".join(unit.to_bytes(2, "big") for unit in units)
    return data.decode("utf-16-be", "surrogatepass")


def fits_xlsx(text: str) -> bool:
    """Say whether an XLSX cell can hold the text: 32,767 UTF-16 units, after escaping (Excel's specification)."""
    if len(text) * ONE_ESCAPE <= MAX_XLSX_CHARACTERS:
        return True
    return len(escape(text).encode("utf-16-be")) // 2 <= MAX_XLSX_CHARACTERS


def was_cut(text: str, original: str) -> bool:
    """Say whether a spreadsheet program has cut the text at the end of what its cells can hold."""
    kept = len(text.encode("utf-16-be", "surrogatepass")) // 2
    return MAX_XLSX_CHARACTERS - 1 <= kept <= MAX_XLSX_CHARACTERS and text != original and original.startswith(text)
