"""What every operation of the API can answer beside its success, added to the document in one place."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
PROBLEM = {
    "type": "object",
    "description": "What was wrong, as RFC 9457 has it.",
    "properties": {
        "type": {"type": "string", "description": "about:blank: the title says it all."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened and what to do, in a sentence for people."},
        "code": {"type": "string", "description": "A word for programs, where there is more than one reason."},
        "request_id": {"type": "string", "description": "Names the request in the logs, where it stands there."},
        "errors": {
            "type": "object",
            "additionalProperties": {},
            "description": "Messages by the field or parameter they are about.",
        },
    },
    "required": ["type", "title", "status"],
}
RETRY_AFTER = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}}
# By the status: when it is answered, and what the body then says.
TOLD: dict[int, tuple[str, dict[str, Any]]] = {
    400: (
        "A field or parameter is not right, or none of ours; nothing was stored.",
        {
            "detail": "Some fields are not right; see “errors”.",
            "errors": {"page": ["There is no such parameter."]},
        },
    ),
    401: (
        "No sign-in, or a token that is unknown, expired or revoked.",
        {"detail": "This token is unknown, expired or revoked."},
    ),
    403: (
        "Signed in, but the role or the token's scope doesn't reach this; by session, also a missing CSRF token.",
        {"detail": "This needs a token with the scope “write”."},
    ),
    404: (
        "There is no such thing, or none that the caller may see; or the cursor can't be read.",
        {"detail": "Not found."},
    ),
    409: ("It changed in the meantime.", {"detail": "This was changed in the meantime. Read it again."}),
    415: ("The body is not JSON.", {"detail": "Unsupported media type “text/plain” in request."}),
    429: (
        "More than is allowed in a while. Wait as long as Retry-After says.",
        {"detail": "Nothing was stored. Send the same request again in 20 seconds."},
    ),
    503: (
        "The database can't be reached right now. Nothing was stored; send the same again.",
        {"detail": "Nothing was stored. Send the same request again in a moment.", "code": "unavailable"},
    ),
}
TITLES = {429: "That was a lot at once", 503: "The database can't be reached right now"}
WAITS = {429, 503}


def add_problems(result: dict[str, Any], **_given: Any) -> dict[str, Any]:
    """Declare the problems that each operation can answer, and give every declared one its schema and an example."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    for item in result["paths"].values():
        for method, operation in item.items():
            if method in METHODS:
                responses = operation["responses"]
                for status in sorted({*_possible(method, operation), *(int(code) for code in responses)}):
                    if status >= HTTPStatus.BAD_REQUEST:
                        responses[str(status)] = _problem(status, responses.get(str(status), {}))
    return result


def _possible(method: str, operation: dict[str, Any]) -> set[int]:
    """Return the problems that follow from what an operation takes."""
    places = {parameter["in"] for parameter in operation.get("parameters", [])}
    names = {parameter["name"] for parameter in operation.get("parameters", [])}
    found = {401, 429, 503}
    if method != "get":
        found |= {400, 403}
    if "query" in places:
        found.add(400)
    if "path" in places or names & {"cursor", "name"}:
        found.add(404)
    if "requestBody" in operation:
        found.add(415)
    return found


def _problem(status: int, declared: dict[str, Any]) -> dict[str, Any]:
    said, example = TOLD[status]
    value = {"type": "about:blank", "title": TITLES.get(status, HTTPStatus(status).phrase), "status": status, **example}
    examples = {"Problem": {"value": value}}
    for content in declared.get("content", {}).values():
        examples = content.get("examples") or examples
    described: dict[str, Any] = {
        "description": declared.get("description") or said,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}
        },
    }
    return described | ({"headers": RETRY_AFTER} if status in WAITS else {})
