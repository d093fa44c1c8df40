"""The permission matrix: every route × method × role × state, against the table in ``policies.py``."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.http import HttpResponse

from tests.access import matrix, people, policies
from tests.access.matrix import Asker, Report, Rule, routes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.access.matrix import Route
    from tests.access.people import World

pytestmark = pytest.mark.one_database
SECTIONS = {
    "pages": lambda pattern: pattern in policies.PAGES,
    "review": lambda pattern: pattern in policies.REVIEW,
    "versions": lambda pattern: pattern in policies.BOARDS_AND_VERSIONS,
    "api": lambda pattern: pattern in policies.API,
    "accounts": lambda pattern: pattern in policies.ACCOUNTS,
    "admin": lambda pattern: pattern.startswith("admin/"),
}


@pytest.fixture(scope="module")
def asker(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    root = tmp_path_factory.mktemp("access")
    patch = pytest.MonkeyPatch()
    # Ten thousand refusals: what their page looks like is tested elsewhere, and each would be a line of log.
    patch.setattr("ui.errors.render", lambda _request, _name, _context, status: HttpResponse(status=status))
    logging.disable(logging.CRITICAL)
    with django_db_blocker.unblock(), people.settings_of(root), transaction.atomic():
        yield Asker(people.build(root))
        transaction.set_rollback(True)
    logging.disable(logging.NOTSET)
    patch.undo()


def test_every_route_is_in_the_table() -> None:
    unlisted = sorted({route.pattern for route in routes()} - set(policies.TABLE))
    assert not unlisted, (
        "These routes have no policy. Add one line for each to tests/access/policies.py, such as\n"
        + "\n".join(f'    "{pattern}": page(SIGNED_IN),  # who reads; then who writes' for pattern in unlisted)
    )


def test_the_table_names_no_route_that_does_not_exist() -> None:
    assert set(policies.TABLE) - {route.pattern for route in routes()} == set()


@pytest.mark.django_db
@pytest.mark.parametrize("section", SECTIONS)
def test_nobody_gets_further_than_the_table_says(
    asker: Asker, section: str, record_testsuite_property: Callable[[str, object], None]
) -> None:
    report = Report()
    for route in routes():
        if SECTIONS[section](route.pattern):
            for name, path, rule in cells(asker.world, route):
                matrix.check(asker, name, path, rule, report)
    record_testsuite_property(f"cells of {section}", report.cells)
    sys.stdout.write(f"\n{section}: {report}\n")
    assert report.cells
    assert not report.leaks, str(report)


def cells(world: World, route: Route) -> Iterator[tuple[str, str, Rule]]:
    """Yield each thing that a route is asked for, with its address and rule."""
    entry = policies.TABLE[route.pattern]
    for thing, rule in (entry if isinstance(entry, dict) else {"": entry}).items():
        yield f"{route.pattern} {thing}".strip(), route.path(_known(world, thing)), rule


def _known(world: World, thing: str) -> Mapping[str, object]:
    if thing.startswith("row "):
        return {"object_id": world.rows[thing.removeprefix("row ")].pk}
    return world.things.get(thing, {})
