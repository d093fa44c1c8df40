"""Wiring only: settings, addresses, servers."""

from __future__ import annotations

# Every process that can ring must ring through this application's broker, so it is there from the start.
from config.celery import app as celery_app

__all__ = ["celery_app"]
