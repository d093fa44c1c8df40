"""The API's document: valid, with examples that keep to it, and with every problem that an operation can answer."""

from __future__ import annotations

import re
from io import StringIO
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]  # it has no types
import pytest
import yaml
from django.core.management import call_command

from config.openapi import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.test import Client

    from collector.models import Person

# Every worker would write the document for itself.
pytestmark = pytest.mark.xdist_group("openapi")

PROBLEMS = "application/problem+json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    out = StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=out)
    found: dict[str, Any] = yaml.safe_load(out.getvalue())
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def checker(document: dict[str, Any]) -> Callable[[Any, Any], None]:
    """Check values by schemas of OpenAPI 3.0, which says "nullable" where JSON Schema has a type for null."""

    def plain(schema: Any) -> Any:
        if isinstance(schema, list):
            return [plain(one) for one in schema]
        if not isinstance(schema, dict):
            return schema
        changed = {name: plain(value) for name, value in schema.items() if name not in {"nullable", "readOnly"}}
        return {"anyOf": [changed, {"type": "null"}]} if schema.get("nullable") is True else changed

    components = plain(document["components"])

    def check(value: Any, schema: Any) -> None:
        jsonschema.Draft7Validator({**plain(schema), "components": components}).validate(value)

    return check


def contents(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The body and the answers, each by its name, with their schema and examples."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"body {kind}", content
    for status, response in operation["responses"].items():
        for kind, content in response.get("content", {}).items():
            yield f"{status} {kind}", content


def test_the_document_is_valid_and_nothing_had_to_be_guessed(document: dict[str, Any]) -> None:
    paths = document["paths"]
    assert {"/api/v1/submissions/", "/api/v1/runs/", "/api/v1/runs/{id}/"} <= paths.keys()


def test_every_operation_shows_what_is_sent_and_answered_and_the_examples_keep_to_the_schemas(
    document: dict[str, Any],
) -> None:
    check, missing, seen = checker(document), [], 0
    for path, method, operation in operations(document):
        for name, content in contents(operation):
            if content["schema"].get("format") == "binary":
                continue
            examples = content.get("examples", {})
            if not examples:
                missing.append(f"{method} {path}: {name}")
            for example in examples.values():
                check(example["value"], content["schema"])
                seen += 1
    assert missing == []
    assert seen > 100


def test_an_example_shows_every_field_of_an_answer(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for path, method, operation in operations(document):
        for name, content in contents(operation):
            if not name.startswith("2") or "$ref" not in content["schema"]:
                continue
            wanted = schemas[content["schema"]["$ref"].rpartition("/")[2]]["properties"].keys()
            for example in content["examples"].values():
                assert example["value"].keys() == wanted, f"{method} {path}: {name}"


def test_every_operation_declares_the_problems_that_it_can_answer(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        problems = {status for status in operation["responses"] if status >= "4"}
        name = f"{method} {path}: {sorted(problems)}"
        assert {"401", "429", "503"} <= problems, name
        assert ("403" in problems) == (method != "get"), name
        takes = {parameter["name"] for parameter in operation.get("parameters", [])}
        assert ("404" in problems) >= bool("{" in path or "cursor" in takes), name
        assert ("400" in problems) >= bool(method != "get" or takes - set(re.findall(r"{(\w+)}", path)) - {"Range"})
        assert ("415" in problems) == ("requestBody" in operation), name
        for status in problems:
            content = operation["responses"][status]["content"]
            assert list(content) == [PROBLEMS], name
            assert content[PROBLEMS]["schema"] == {"$ref": "#/components/schemas/Problem"}, name
            for example in content[PROBLEMS]["examples"].values():
                assert example["value"]["status"] == int(status), name
        assert "Retry-After" in operation["responses"]["429"]["headers"], name


@pytest.mark.django_db
def test_refusals_are_what_the_document_says(
    document: dict[str, Any], client: Client, author: Person, sign_in: Callable[[Person], Client], settings: Any
) -> None:
    check, problem = checker(document), {"$ref": "#/components/schemas/Problem"}
    member = sign_in(author)
    answers = {
        401: client.get("/api/v1/runs/"),
        403: member.post("/api/v1/datasets/", {}, "application/json"),
        400: member.get("/api/v1/runs/?status=on"),
        404: member.get("/api/v1/runs/00000000-0000-4000-8000-000000000000/"),
        415: member.post("/api/v1/submissions/", "a", "text/plain"),
    }

    settings.WOOLGATHER_LIMITS = {"api": "1/hour"}
    member.get("/api/v1/runs/")
    answers[429] = member.get("/api/v1/runs/")
    for status, answer in answers.items():
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, PROBLEMS), answer.content
        check(answer.json(), problem)
        assert answer.json()["status"] == status
    assert "Send the same request again" in answers[429].json()["detail"]
    assert int(answers[429].headers["Retry-After"]) > 0
