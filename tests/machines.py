"""How hypothesis' state machines are run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

if TYPE_CHECKING:
    from hypothesis.stateful import RuleBasedStateMachine


def live(machine: type[RuleBasedStateMachine], *, lives: int, steps: int) -> None:
    """Let a machine live so many lives of so many steps; each run draws others.

    Half as many where CI has them live a second time, on PostgreSQL: one connection alone meets no lock there, so the
    database is asked the same.
    """
    count = lives if connection.vendor == "sqlite" else lives // 2
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=count, stateful_step_count=steps, suppress_health_check=list(HealthCheck)),
    )
