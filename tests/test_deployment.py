"""What docker-compose.yml, the Dockerfile and .env.example promise, asserted on the files themselves."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobs import liveness

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
EXAMPLE = {
    name: value
    for name, _, value in (
        line.partition("=")
        for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
}
ONE_SHOT = {"migrate"}
OWN = {"migrate", "web", "worker", "beat", "train"}
every_service = pytest.mark.parametrize("name", sorted(SERVICES))


def test_the_services_of_one_host_are_there() -> None:
    assert set(SERVICES) == {"proxy", "postgres", "redis", *OWN}
    assert SERVICES["train"]["profiles"] == ["train"]
    assert all("profiles" not in SERVICES[name] for name in set(SERVICES) - {"train"})


@every_service
def test_nobody_is_root_and_nobody_can_become_it(name: str) -> None:
    service = SERVICES[name]
    assert str(service["user"]).split(":")[0] not in {"", "0", "root"}
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["read_only"] is True
    assert not service.get("privileged")


@every_service
def test_each_has_its_limits(name: str) -> None:
    assert set(SERVICES[name]["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert SERVICES[name]["pids_limit"] > 0


@every_service
def test_each_says_whether_it_is_well(name: str) -> None:
    if name in ONE_SHOT:
        assert SERVICES[name]["restart"] == "no"
    else:
        assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        assert SERVICES[name]["restart"] == "unless-stopped"


@every_service
def test_what_is_mounted_is_a_volume_of_its_own(name: str) -> None:
    for mount in SERVICES[name].get("volumes", []):
        assert mount.split(":")[0] in COMPOSE["volumes"]
        assert "docker.sock" not in mount


@every_service
def test_only_the_proxy_is_reached_from_outside(name: str) -> None:
    assert bool(SERVICES[name].get("ports")) == (name == "proxy")
    if name in {"postgres", "redis"}:
        assert SERVICES[name]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"] is True


@every_service
def test_there_is_no_secret_in_the_file(name: str) -> None:
    for key, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASSWORD|SECRET|KEY|TOKEN|DATABASE_URL", key):
            assert "${" in str(value), f"{key} is written out"
    assert not any(EXAMPLE[key] for key in ("SECRET_KEY", "POSTGRES_PASSWORD"))


def test_every_queue_has_a_worker_and_everything_waits_for_the_migrations() -> None:
    queues = [
        queue
        for name in ("worker", "train")
        for queue in SERVICES[name]["command"][SERVICES[name]["command"].index("--queues") + 1].split(",")
    ]
    assert sorted(queues) == ["default", "exports", "train"]
    for name in OWN - {"migrate"}:
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_all_of_ours_come_from_one_dockerfile() -> None:
    for name in OWN:
        assert SERVICES[name]["build"]["target"] == "app"
    assert SERVICES["proxy"]["build"]["target"] == "proxy"
    stages = re.findall(r"^FROM \S+ AS (\w+)", DOCKERFILE, flags=re.MULTILINE)
    assert stages == ["build", "app", "proxy"]


def test_the_images_end_as_somebody_else_than_root_and_know_whether_they_are_well() -> None:
    for stage in ("app", "proxy"):
        text = re.split(r"^FROM ", DOCKERFILE.split(f" AS {stage}\n")[1], flags=re.MULTILINE)[0]
        assert re.findall(r"^USER (\w+)", text, flags=re.MULTILINE)[-1] not in {"root", "0"}
        assert "\nHEALTHCHECK" in text


def test_the_image_takes_no_secrets_and_no_data_along() -> None:
    ignored = set((ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines())
    assert {".env", ".git", "var", "tests", "**/secret_key", "**/*.sqlite3*"} <= ignored
    for lock in ("core", "deliver", "observe", "train"):
        assert (ROOT / "requirements" / f"{lock}.lock").is_file()


def test_the_proxy_takes_the_largest_form_and_says_where_people_come_from() -> None:
    from django.conf import settings

    text = (ROOT / "deploy" / "Caddyfile").read_text(encoding="utf-8")
    limit = re.search(r"max_size (\d+)MB", text)
    assert limit is not None
    assert 1 < int(limit[1]) * 10**6 / settings.DATA_UPLOAD_MAX_MEMORY_SIZE < 2
    assert "header_up X-Forwarded-For {remote_host}" in text


def filled(**extra: str) -> dict[str, str]:
    """Return .env.example as somebody filled it in, with what docker-compose.yml adds."""
    own = {key: str(value) for key, value in SERVICES["web"]["environment"].items()}
    own["DATABASE_URL"] = "postgres://woolgather:secret@127.0.0.1:1/woolgather"
    keep = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    return {**keep, **EXAMPLE, **own, "SECRET_KEY": "Kb7-abcdefgh" * 6, "POSTGRES_PASSWORD": "secret", **extra}


def manage(variables: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py with these variables alone."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)


def test_the_example_is_clean_for_production(tmp_path: Path) -> None:
    done = manage(filled(WOOLGATHER_VAR=str(tmp_path)), "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


def test_the_image_can_collect_its_static_files(tmp_path: Path) -> None:
    variables = filled(WOOLGATHER_VAR=str(tmp_path / "var"), STATIC_ROOT=str(tmp_path / "static"))
    done = manage(variables, "collectstatic", "--noinput", "-v", "0")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "static" / "staticfiles.json").is_file()


def test_nothing_starts_without_a_key(tmp_path: Path) -> None:
    done = manage(filled(WOOLGATHER_VAR=str(tmp_path), SECRET_KEY=""), "check")
    assert done.returncode != 0
    assert "Set SECRET_KEY" in done.stderr
    assert not (tmp_path / "secret_key").exists()


def compose() -> list[str] | None:
    """Return how Compose is called here, the plugin first."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, "version"], capture_output=True, check=False)
            if done.returncode == 0:
                return command
    return None


def test_compose_reads_the_file(tmp_path: Path) -> None:
    command = compose()
    if command is None:
        assert os.environ.get("WOOLGATHER_REQUIRE_COMPOSE") != "1", "Compose was promised, but is not installed"
        pytest.skip("Compose is not installed")
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    values = filled()
    (tmp_path / ".env").write_text("".join(f"{key}={values[key]}\n" for key in EXAMPLE))
    done = subprocess.run([*command, "config", "-q"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_process_that_touched_its_file_lives_until_it_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert not liveness.lives("beat")
    liveness.show("beat")
    assert liveness.lives("beat")
    assert not liveness.lives("beat", now=time.time() + liveness.FRESH + 1)
