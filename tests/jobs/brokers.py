"""Points Celery at a broker of a test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery import current_app

if TYPE_CHECKING:
    import pytest


def point_celery_at(monkeypatch: pytest.MonkeyPatch, url: str, **options: Any) -> None:
    """Make this process ring through ``url``; its folders or time-outs are the transport's options."""
    # Celery reads the settings at the first look, and would then forget what was changed before.
    assert current_app.conf.broker_url
    changes = current_app.conf.changes
    assert changes is not None
    for name in ("broker_url", "broker_write_url", "broker_read_url"):
        monkeypatch.setitem(changes, name, url)
    monkeypatch.setitem(changes, "broker_transport_options", options)
