from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from tests import factories
from ui import tokens
from ui.templatetags import components

if TYPE_CHECKING:
    from collections.abc import Callable

    from collector.models import Person

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(admin: Person, sign_in: Callable[[Person], Client]) -> str:
    response = sign_in(admin).get("/ui/")
    assert response.status_code == 200
    return response.content.decode()


def test_every_component_is_shown(page: str) -> None:
    source = (tokens.TOKENS.parents[2] / "templates" / "ui" / "components.html").read_text(encoding="utf-8")
    missing = [
        name for name in components.register.tags if f"{{% {name} " not in source and f"{{% {name} %}}" not in source
    ]
    assert missing == []


def test_every_colour_and_measure_is_shown(page: str) -> None:
    names = [*tokens.colours(), *tokens.named("text-"), *tokens.named("space-")]
    assert [name for name in names if f"<code>--{name}</code>" not in page] == []


def test_every_sample_has_its_class() -> None:
    sheet = (tokens.TOKENS.parent / "ui.css").read_text(encoding="utf-8")
    wanted = {f"ui-back-{name}" for name in tokens.colours()} | {f"ui-front-{pair.front}" for pair in tokens.PAIRS}
    wanted |= {f"ui-{name}" for name in [*tokens.named("text-"), *tokens.named("space-")]}
    assert {name for name in wanted if not re.search(rf"\.{name} \{{", sheet)} == set()


def test_the_contrast_is_shown_as_it_is_computed(page: str) -> None:
    pair = tokens.PAIRS[0]
    assert f'<td class="num">{pair.light:.2f}</td><td class="num">{pair.dark:.2f}</td>' in page


@pytest.mark.parametrize("roles", [[], ["reviewer"], ["lead"]])
def test_for_anybody_but_staff_there_is_no_such_page(roles: list[str], sign_in: Callable[[Person], Client]) -> None:
    assert sign_in(factories.PersonFactory.create(roles=roles)).get("/ui/").status_code == 404


def test_somebody_outside_is_asked_to_sign_in() -> None:
    assert Client().get("/ui/")["Location"] == "/accounts/login/?next=/ui/"


def test_the_language_can_be_chosen_before_signing_in() -> None:
    client = Client()
    response = client.post("/i18n/", {"language": "de", "next": "/accounts/signup/"})
    assert response["Location"] == "/accounts/signup/"
    assert '<html lang="de">' in client.get("/accounts/login/").content.decode()


def test_choosing_a_language_leads_to_no_other_site() -> None:
    response = Client().post("/i18n/", {"language": "de", "next": "https://example.org/"})
    assert "example.org" not in response["Location"]
