"""What SCIM's discovery says of this service."""

from __future__ import annotations

from typing import Any

from collector.scim.resources import CORE, GROUP, USER, listing


def document(what: str, base: str) -> dict[str, Any]:
    """Return ServiceProviderConfig, ResourceTypes or Schemas."""
    if what == "ServiceProviderConfig":
        return _config(base)
    resources = _types(base) if what == "ResourceTypes" else _schemas(base)
    return listing(resources, len(resources), 1)


def _config(base: str) -> dict[str, Any]:
    return {
        "schemas": [f"{CORE}:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": 200},
        "changePassword": {"supported": False},
        "sort": {"supported": False},
        "etag": {"supported": False},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "The secret of WOOLGATHER_SCIM_TOKEN",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def _types(base: str) -> list[dict[str, Any]]:
    return [
        {
            "schemas": [f"{CORE}:ResourceType"],
            "id": name,
            "name": name,
            "endpoint": f"/{name}s",
            "schema": schema,
            "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/{name}"},
        }
        for name, schema in (("User", USER), ("Group", GROUP))
    ]


def _attribute(name: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "type": kind,
        "multiValued": False,
        "required": False,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    } | more


def _schemas(base: str) -> list[dict[str, Any]]:
    user = [
        _attribute("userName", required=True, uniqueness="server"),
        _attribute("externalId", caseExact=True),
        _attribute("displayName"),
        _attribute(
            "name", "complex", subAttributes=[_attribute(part) for part in ("formatted", "givenName", "familyName")]
        ),
        _attribute(
            "emails",
            "complex",
            multiValued=True,
            subAttributes=[_attribute("value"), _attribute("type"), _attribute("primary", "boolean")],
        ),
        _attribute("active", "boolean"),
        _attribute("timezone"),
        _attribute("groups", "complex", multiValued=True, mutability="readOnly"),
    ]
    group = [
        _attribute("displayName", mutability="readOnly"),
        _attribute("members", "complex", multiValued=True, subAttributes=[_attribute("value"), _attribute("display")]),
    ]
    return [
        {
            "schemas": [f"{CORE}:Schema"],
            "id": schema,
            "name": name,
            "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{schema}"},
        }
        for schema, name, attributes in ((USER, "User", user), (GROUP, "Group", group))
    ]
