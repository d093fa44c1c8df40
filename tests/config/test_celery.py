"""The worker's own process, beside which its pool is forked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A process is forked at the moment at which another thread is in the middle of its write.
FORKED_WHILE_WRITING = """
import os, threading
import django
django.setup()
from django.db import connection, transaction
from config import celery as worker
from jobs import actions

is_writing, is_forking = threading.Event(), threading.Event()

def show_worker(**_):
    with transaction.atomic():
        is_writing.set()
        is_forking.wait(30)

actions.show_worker = show_worker
worker.fork_between_writes()
os.register_at_fork(before=is_forking.set)
threading.Thread(target=worker._show, args=("worker",)).start()
is_writing.wait(30)
if os.fork() == 0:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TABLE written (number integer)")
    os._exit(0)
raise SystemExit(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_process_that_is_forked_while_the_worker_writes_can_write_as_well(tmp_path: Path) -> None:
    database = tmp_path / "db.sqlite3"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"sqlite:///{database}?timeout=1",
        "WOOLGATHER_VAR": str(tmp_path),
        "WOOLGATHER_EMBEDDED": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", FORKED_WHILE_WRITING],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
