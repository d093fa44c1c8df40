"""The house rules that a machine can hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("config", "operations", "training", "exports", "leaderboard", "collector", "webhooks", "ui", "jobs")
SOURCES = sorted(path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

ENVIRONMENT = re.compile(r"""env\.\w+\(\s*["']([A-Z_]+)["']""")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_room(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").split("\n")) <= 420


def settings_read() -> set[str]:
    files = (ROOT / "config" / name for name in ("settings.py", "databases.py"))
    return {name for file in files for name in ENVIRONMENT.findall(file.read_text(encoding="utf-8"))}


def test_every_setting_is_in_the_operations_guide() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    used = settings_read()
    assert used
    assert {name for name in used if f"`{name}`" not in guide} == set()


def test_the_operations_guide_names_no_setting_that_does_not_exist() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([A-Z_]+)`", guide, flags=re.MULTILINE))
    assert named == settings_read()


def commands() -> list[str]:
    return sorted(path.stem for app in APPS for path in (ROOT / app).glob("management/commands/[a-z]*.py"))


@pytest.mark.parametrize("command", commands())
def test_every_command_is_documented(command: str) -> None:
    assert f"`{command}" in (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def test_the_web_process_loads_no_heavy_library() -> None:
    program = (
        "import sys, django; import config.wsgi; from django.urls import get_resolver; get_resolver().url_patterns;"
        "print([name for name in ('torch', 'transformers', 'trl', 'datasets', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_help_loads_no_heavy_library() -> None:
    program = (
        "import sys; sys.argv = ['manage.py', 'help']; import manage; manage.main();"
        "heavy = ('torch', 'transformers', 'trl', 'datasets', 'pandas');"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.strip().endswith("[]")


# A template that is not in the strict Content-Security-Policy's spirit would work for nobody.
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")|\son\w+=|\sstyle=|<style|javascript:",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ('<p style="x">', '<p class="x">'),
        ('<a onclick="x">', '<a href="/">'),
        ("<script>x", '<script src="x">'),
    ],
)
def test_the_rule_against_inline_code_knows_good_from_bad(bad: str, good: str) -> None:
    assert INLINE.search(bad)
    assert not INLINE.search(good)


# An e-mail has no style sheet beside it and no Content-Security-Policy: there, inline style is the only one.
PAGES = [path for path in TEMPLATES if "email" not in path.relative_to(ROOT).parts]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_hold_no_inline_code(path: Path) -> None:
    assert INLINE.search(path.read_text(encoding="utf-8")) is None


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_templates_never_trust_text(path: Path) -> None:
    assert not re.search(r"\|\s*safe\b|autoescape off", path.read_text(encoding="utf-8"))


def test_actions_take_keywords_only() -> None:
    loose = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in SOURCES
        if path.parent.name == "actions" or path.name == "actions.py"
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and len(node.args.args) > 1
    ]
    assert loose == []
