"""What the editor sends."""

from __future__ import annotations

import uuid
from typing import Any

# Leading spaces and a leading newline, U+2028, U+0085, a decomposed é, a trailing tab.
EXACT = "\n    def f():\u2028\u0085        return 'e\u0301'\t\n\n"


def pair(**fields: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "version": 0,
        "instruction": "Why?",
        "context": "",
        "response": "Because.",
    } | fields
