"""Two hosts on one machine: web in one network namespace, a worker in another, versions handed over through S3 alone.

Each namespace has its own directory and loopback and an address on a virtual cable; a third holds PostgreSQL, Redis
and an S3 server, as a rented service would be. A lead asks for a version over HTTP from the web host; the worker builds
it on a disk that web does not have; then every file and a range of each are downloaded from web and compared with what
the worker built, byte for byte. At the end the worker's disk is emptied and the downloads are repeated.

Needs root, iproute2, PostgreSQL's and Redis's programs, moto. Usage: python benchmarks/two_hosts.py [--rows 500]
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
TAG = f"wg{os.getpid() % 10_000}"
NET = "10.77.0"
ADDRESS = {"services": f"{NET}.1", "web": f"{NET}.2", "worker": f"{NET}.3"}
POSTGRES_PORT, REDIS_PORT, S3_PORT, WEB_PORT = 5433, 6380, 5555, 8107
WAIT = 180.0
S3 = (
    "from moto.server import ThreadedMotoServer as S; import signal, boto3;"
    "s = S(ip_address='{ip}', port={port}, verbose=False); s.start();"
    "boto3.client('s3', endpoint_url='http://{ip}:{port}', region_name='us-east-1', aws_access_key_id='key',"
    "aws_secret_access_key='secret').create_bucket(Bucket='box'); print('up', flush=True); signal.pause()"
)


def sh(*command: str) -> str:
    """Run a command; returns what it printed."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def inside(host: str, *command: str) -> list[str]:
    """Return a command as it is run on one of the hosts."""
    return ["ip", "netns", "exec", f"{TAG}-{host}", *command]


@contextlib.contextmanager
def network() -> Iterator[None]:
    """Three hosts on one switch."""
    bridge = f"{TAG}-sw"
    try:
        sh("ip", "netns", "add", bridge)
        switch = ("ip", "-n", bridge, "link")
        sh(*switch, "add", "br0", "type", "bridge")
        sh(*switch, "set", "br0", "up")
        for number, (host, address) in enumerate(ADDRESS.items()):
            name, cable = f"{TAG}-{host}", f"c{number}"
            sh("ip", "netns", "add", name)
            sh("ip", "-n", bridge, "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            sh(*switch, "set", cable, "master", "br0", "up")
            sh("ip", "-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                sh("ip", "-n", name, "link", "set", device, "up")
        yield
    finally:
        for name in (bridge, *(f"{TAG}-{host}" for host in ADDRESS)):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@contextlib.contextmanager
def running(said: str, command: list[str], log: Path, **more: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A program in the background, ended with its children."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, process_group=0, **more)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            print(f"  {said} ended", flush=True)


def until(said: str, works: Any) -> Any:
    """Ask until there is an answer."""
    deadline = time.monotonic() + WAIT
    while time.monotonic() < deadline:
        with contextlib.suppress(subprocess.CalledProcessError, OSError):
            if found := works():
                return found
        time.sleep(0.5)
    raise SystemExit(f"{said}: no answer within {WAIT:.0f} s")


@contextlib.contextmanager
def services(home: Path) -> Iterator[None]:
    """PostgreSQL, Redis and S3 on the host that the two others reach."""
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/usr/bin"))
    data, ip = home / "postgres", ADDRESS["services"]
    data.mkdir()
    home.chmod(0o755)
    shutil.chown(data, "postgres", "postgres")
    as_postgres = ("runuser", "-u", "postgres", "--")
    sh(*as_postgres, str(binaries / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres")
    with (data / "pg_hba.conf").open("a") as file:
        file.write(f"host all all {NET}.0/24 trust\n")
    options = ("-h", ip, "-p", str(POSTGRES_PORT), "-k", str(data))
    postgres = inside("services", *as_postgres, str(binaries / "postgres"), "-D", str(data), *options)
    redis = ("redis-server", "--bind", ip, "--port", str(REDIS_PORT), "--protected-mode", "no", "--save", "")
    s3 = (sys.executable, "-c", S3.format(ip=ip, port=S3_PORT))
    with (
        running("PostgreSQL", postgres, home / "postgres.log"),
        running("Redis", inside("services", *redis), home / "redis.log", env={**os.environ, "PWD": str(home)}),
        running("S3", inside("services", *s3), home / "s3.log"),
    ):
        psql = inside("services", "psql", f"postgres://postgres@{ip}:{POSTGRES_PORT}/postgres", "-c")
        until("PostgreSQL", lambda: sh(*psql, "CREATE DATABASE woolgather"))
        until("S3", lambda: "up" in (home / "s3.log").read_text())
        yield


def variables(home: Path, host: str, key: str) -> dict[str, str]:
    """Return the environment of a host: production's settings, and a directory that only this host has."""
    ip = ADDRESS["services"]
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home / host),
        "WOOLGATHER_VAR": str(home / host),
        "WOOLGATHER_EMBEDDED": "0",
        "WOOLGATHER_HTTPS": "0",
        "SECRET_KEY": key,
        "ALLOWED_HOSTS": f"{ADDRESS['web']},localhost",
        "SITE_URL": f"http://{ADDRESS['web']}:{WEB_PORT}",
        "DATABASE_URL": f"postgres://postgres@{ip}:{POSTGRES_PORT}/woolgather",
        "REDIS_URL": f"redis://{ip}:{REDIS_PORT}/0",
        "WOOLGATHER_DATASETS_STORE": "s3://box/kept",
        "AWS_ENDPOINT_URL": f"http://{ip}:{S3_PORT}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def manage(home: Path, host: str, key: str, *arguments: str) -> str:
    """Run a command on a host."""
    command = inside(host, sys.executable, *arguments)
    done = subprocess.run(
        command, cwd=ROOT, env=variables(home, host, key), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{arguments} on {host}:\n{done.stderr[-2000:]}")
    return done.stdout


class Caller:
    """Asks the web host's API, from the host where the services are: as anybody on the network."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get(self, path: str, *options: str) -> bytes:
        """Return an answer's body."""
        url = f"http://{ADDRESS['web']}:{WEB_PORT}{path}"
        header = ("-H", f"Authorization: Bearer {self._token}")
        command = inside("services", "curl", "-sSf", "--max-time", "60", *header, *options, url)
        return subprocess.run(command, check=True, capture_output=True).stdout

    def build(self) -> dict[str, Any]:
        """Have a version built, and wait until it is ready."""
        body = ("-X", "POST", "-H", "Content-Type: application/json", "-d", "{}")
        label = json.loads(self.get("/api/v1/datasets/", *body))["version"]

        def ready() -> Any:
            found = json.loads(self.get(f"/api/v1/datasets/{label}/"))
            if found["status"] == "failed":
                raise SystemExit(f"the build failed: {found['failure']}")
            return found if found["status"] == "ready" else None

        found: dict[str, Any] = until("the build", ready)
        return found


def downloaded(caller: Caller, version: dict[str, Any]) -> int:
    """Get every file and a range, and compare them with the hashes that the database holds; returns the bytes."""
    total = 0
    for entry in version["files"]:
        data = caller.get(f"/api/v1/datasets/{version['version']}/files/{entry['path']}")
        assert hashlib.sha256(data).hexdigest() == entry["sha256"], entry["path"]
        total += len(data)
        if len(data) > 100:
            part = caller.get(f"/api/v1/datasets/{version['version']}/files/{entry['path']}", "-r", "50-99")
            assert part == data[50:100], entry["path"]
    return total


def drill(home: Path, rows: int) -> None:
    """Do what the docstring says."""
    key = secrets.token_urlsafe(64)
    for host in ("web", "worker"):
        (home / host).mkdir()
    manage(home, "web", key, "manage.py", "bootstrap")
    manage(home, "web", key, "benchmarks/two_hosts.py", "--fill", str(rows))
    token = manage(home, "web", key, "manage.py", "create_token", "admin@localhost", "--scope", "admin").split()[-1]
    granian = ("-m", "granian", "--interface", "wsgi", "--host", ADDRESS["web"], "--port", str(WEB_PORT), "--no-ws")
    web = inside("web", sys.executable, *granian, "config.wsgi:application")
    celery = ("-m", "celery", "-A", "config", "worker", "--queues", "default,exports", "--concurrency", "1")
    worker = inside("worker", sys.executable, *celery)
    caller = Caller(token)
    with (
        running("web", web, home / "web.log", env=variables(home, "web", key)),
        running("worker", worker, home / "worker.log", env=variables(home, "worker", key)),
    ):
        until("web", lambda: caller.get("/api/v1/datasets/"))
        began = time.monotonic()
        version = caller.build()
        print(f"{version['version']} of {version['rows']:,} records ready after {time.monotonic() - began:.1f} s")
        lies = {
            host: sum(path.is_file() for path in (home / host / "datasets").rglob("*")) for host in ("web", "worker")
        }
        print(f"files on the disks: web {lies['web']}, worker {lies['worker']}")
        assert lies["web"] == 0 < lies["worker"]
        total = downloaded(caller, version)
        print(f"{len(version['files'])} files, {total:,} bytes downloaded from web: every sha256 as released")
        shutil.rmtree(home / "worker" / "datasets")
        assert downloaded(caller, version) == total
        print("again, with the worker's disk emptied: the same")
        said = manage(home, "web", key, "manage.py", "verify_dataset", version["version"], "--store")
        print(said.splitlines()[0])


def fill(rows: int) -> None:
    """Put records into the database; runs on the web host."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from benchmarks import bulk

    bulk.fill(rows, people=20, reviewers=3)


def main() -> None:
    """Make the network, start the services, drill."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500, help="submissions (500)")
    parser.add_argument("--fill", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fill:
        fill(options.fill)
        return
    with tempfile.TemporaryDirectory(prefix="woolgather-hosts-") as home, network(), services(Path(home)):
        try:
            drill(Path(home), options.rows)
        except BaseException:
            for name in ("web", "worker"):
                log = Path(home) / f"{name}.log"
                if log.exists():
                    print(f"-- {name}\n{log.read_text(errors='replace')[-3000:]}")
            raise


if __name__ == "__main__":
    main()
