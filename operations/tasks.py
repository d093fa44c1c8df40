"""The kinds of background work of this app, where the worker looks for them."""

from __future__ import annotations

from operations import backup_tasks, webhook_tasks

__all__ = ["backup_tasks", "webhook_tasks"]
