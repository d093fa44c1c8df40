"""What a crowd meets: a database of its own, the servers of a production host, accounts with sessions."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parent.parent.parent
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
START = 180.0


@contextlib.contextmanager
def own_database(url: str) -> Iterator[str]:
    """Make a database beside the one that the URL names, and drop it afterwards; yields its URL."""
    import psycopg

    name = f"woolgather_replay_{os.getpid()}"
    parts = urlsplit(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def production(*, database: str, redis: str, var: str) -> dict[str, str]:
    """Return the environment of a production host behind a proxy that ends TLS."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": database,
        "REDIS_URL": redis,
        "WOOLGATHER_VAR": var,
        "WOOLGATHER_EMBEDDED": "0",
        "WOOLGATHER_BEHIND_PROXY": "1",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
        "SITE_URL": "https://localhost",
        "LOG_LEVEL": "WARNING",
    }


def manage(environment: dict[str, str], *arguments: str) -> str:
    """Run a management command; returns what it printed on stdout."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def web_command(application: str = "") -> list[str]:
    """Return the web server's command as the Dockerfile has it, but for its address.

    ``application`` is another one than the site, which then runs under the same server with the same options.
    """
    import json

    line = next(line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("CMD "))
    command: list[str] = json.loads(line.removeprefix("CMD "))
    for option in ("--host", "--port"):
        place = command.index(option)
        del command[place : place + 2]
    start, options = command[:3], command[3:]
    if start != ["python", "-m", "config.web"]:
        raise SystemExit(f"The Dockerfile starts the web server otherwise than expected: {' '.join(start)}")
    if application:
        return [sys.executable, "-m", "granian", "--interface", "wsgi", *options, application]
    return [sys.executable, "-m", "config.web", *options]


def embedded(*, var: str) -> dict[str, str]:
    """Return the environment of `make run`."""
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return {
        **kept,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONPATH": str(ROOT),
        "WOOLGATHER_VAR": var,
        "WOOLGATHER_EMBEDDED": "1",
        "LOG_LEVEL": "WARNING",
    }


@contextlib.contextmanager
def shape(options: argparse.Namespace, var: str) -> Iterator[Server]:
    """Set an installation up in the shape that is asked for; yields its server, not yet started."""
    # Asked to end, it ends what it started and drops its database, too.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    with contextlib.ExitStack() as stack:
        if options.sqlite:
            environment = embedded(var=var)
        else:
            database = stack.enter_context(own_database(options.database))
            environment = production(database=database, redis=options.redis, var=var)
        manage(environment, "bootstrap", *([] if options.sqlite else ["--no-static"]))
        if not options.sqlite:
            manage(environment, "collectstatic", "--noinput", "--verbosity", "0")
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        os.environ.update(environment)
        import django

        django.setup()
        server = Server(environment, port=options.port, log=options.log)
        stack.callback(server.stop)
        yield server


class Server:
    """A web server and what runs beside it, each a process group of its own."""

    def __init__(self, environment: dict[str, str], *, port: int, log: Path) -> None:
        self.environment = environment
        self.port = port
        self.address = f"http://127.0.0.1:{port}"
        self.log = log
        self.is_embedded = environment["WOOLGATHER_EMBEDDED"] == "1"
        self._log = log.open("ab")
        self._begins = log.stat().st_size
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start one program."""
        self.processes[name] = subprocess.Popen(
            list(command),
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        return self.processes[name]

    def open(self) -> None:
        """Start everything: what the compose file has, or what `make run` has."""
        if self.is_embedded:
            self.start("web", [sys.executable, "-m", "config.supervisor", "--port", str(self.port)])
            self.wait("/healthz")
        else:
            self.web()
            self.background()

    def web(self, application: str = "", command: Sequence[str] = ()) -> None:
        """Start the web server and wait until it answers."""
        line = list(command) or web_command(application)
        self.start("web", [*line, "--host", "127.0.0.1", "--port", str(self.port)])
        self.wait("/healthz" if not application else "/")

    def wait(self, path: str) -> None:
        """Wait until the address answers, whatever it says."""
        deadline = time.monotonic() + START
        request = urllib.request.Request(
            self.address + path, headers={"X-Forwarded-Proto": "https", "Host": "localhost"}
        )
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(request, timeout=5).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                if self.processes["web"].poll() is not None:
                    break
                time.sleep(0.1)
        raise SystemExit(f"The web server did not answer; see {self.log}")

    def background(self) -> None:
        """Start a worker and the sweeper, as the compose file does."""
        self.start(
            "worker",
            [
                *(sys.executable, "-m", "celery", "-A", "config", "worker", "--queues", "default,exports"),
                *("--concurrency", "1", "--loglevel", "WARNING", "--without-gossip", "--without-mingle"),
            ],
        )
        self.start("sweeper", [sys.executable, "manage.py", "sweep_jobs", "--watch", "--every", "5"])

    def said(self, words: str) -> int:
        """How many lines of this server's log hold the words."""
        text = self.log.read_bytes()[self._begins :].decode(errors="replace")
        return sum(words in line for line in text.splitlines())

    @property
    def leaders(self) -> list[int]:
        """The first process of each group."""
        return [process.pid for process in self.processes.values()]

    def stop(self) -> None:
        """End all groups."""
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(8)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()
        self.processes = {}


def fetch(server: Server, version: str, folder: Path) -> list[Path]:
    """Fetch a version's files as a program would: over the API, with the client package."""
    from django.utils import timezone

    from collector.actions.tokens import create_token
    from collector.models import Person
    from woolgather_client import Client

    person = Person.objects.get(handle="contributor-0")
    _token, raw = create_token(person=person, scope="read", by=person, now=timezone.now())
    with Client(server.address, token=raw, headers={"X-Forwarded-Proto": "https", "Host": "localhost"}) as client:
        return client.download_version(version, folder)


def accounts(number: int, *, role: str, name: str = "") -> list[str]:
    """Make people of a role who accepted the terms, each with a session; returns the session keys.

    In bulk: a sign-in with a password costs 0.3 s of a processor, on purpose.
    """
    from datetime import timedelta

    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import Group
    from django.contrib.sessions.backends.db import SessionStore
    from django.contrib.sessions.models import Session
    from django.utils import timezone

    from collector.models import Person, Terms, TermsAcceptance

    now = timezone.now()
    name = name or role
    people = [
        Person(email=f"{name}-{n}@example.com", display_name=f"{name.title()} {n}", handle=f"{name}-{n}", password="!")
        for n in range(number)
    ]
    Person.objects.bulk_create(people, batch_size=1000)
    groups = [Group.objects.get(name=group) for group in sorted({"contributor", role})]
    through = Person.groups.through
    through.objects.bulk_create(
        [through(person_id=person.pk, group_id=group.pk) for person in people for group in groups], batch_size=1000
    )
    TermsAcceptance.objects.bulk_create(
        [
            TermsAcceptance(terms=terms, person=person, accepted_at=now)
            for terms in Terms.objects.all()
            for person in people
        ],
        batch_size=1000,
    )
    store = SessionStore()
    sessions = [
        Session(
            session_key=secrets.token_hex(16),
            session_data=store.encode(
                {
                    SESSION_KEY: str(person.pk),
                    BACKEND_SESSION_KEY: BACKEND,
                    HASH_SESSION_KEY: person.get_session_auth_hash(),
                }
            ),
            expire_date=now + timedelta(days=7),
        )
        for person in people
    ]
    Session.objects.bulk_create(sessions, batch_size=1000)
    return [session.session_key for session in sessions]
