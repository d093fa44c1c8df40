"""The settings of the workers and sweepers that tests start: the suite's own, with a test's database and lease."""

from __future__ import annotations

import importlib
import json
import os

_base = importlib.import_module(os.environ["PROBE_SETTINGS"])
globals().update({name: value for name, value in vars(_base).items() if name.isupper()})

DATABASES = {"default": {**_base.DATABASES["default"], "NAME": os.environ["PROBE_DATABASE"]}}
INSTALLED_APPS = [*_base.INSTALLED_APPS, "tests.jobs.probe"]
JOBS_LEASE_SECONDS = 1.2
JOBS_HEARTBEAT_SECONDS = 0.3
JOBS_RING_GRACE_SECONDS = 0.3
CELERY_WORKER_LOST_WAIT = 0.2
CELERY_BROKER_URL = os.environ["PROBE_BROKER"]
CELERY_BROKER_TRANSPORT_OPTIONS = json.loads(os.environ["PROBE_BROKER_OPTIONS"])
