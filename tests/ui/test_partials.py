from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import RequestFactory

from ui.partials import render_partial_response

if TYPE_CHECKING:
    from typing import Any

PAGE = "before {% partialdef rows inline %}{{ count }} rows{% endpartialdef %} after"


@pytest.fixture(autouse=True)
def templates(settings: Any) -> None:
    loaders = [("template_partials.loader.Loader", [("django.template.loaders.locmem.Loader", {"page.html": PAGE})])]
    options = {"loaders": loaders, "builtins": ["template_partials.templatetags.partials"]}
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": options}]


def answer(**headers: str) -> str:
    request = RequestFactory().get("/", headers=headers)
    return render_partial_response(request, "page.html", {"count": 3}, {"rows-box": "rows"}).content.decode()


def test_a_browser_gets_the_whole_page() -> None:
    assert answer() == "before 3 rows after"


def test_htmx_gets_the_fragment_of_its_target() -> None:
    assert answer(HX_Request="true", HX_Target="rows-box") == "3 rows"


def test_a_target_that_the_server_does_not_know_gets_the_whole_page() -> None:
    assert answer(HX_Request="true", HX_Target="secret") == "before 3 rows after"
