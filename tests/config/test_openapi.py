from __future__ import annotations

from io import StringIO

from django.core.management import call_command


def test_the_document_is_valid_and_nothing_had_to_be_guessed() -> None:
    out = StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=out)
    assert "/api/v1/submissions/" in out.getvalue()
