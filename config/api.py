"""How the API authenticates, parses, pages and describes itself; config.settings takes it in."""

from __future__ import annotations

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "collector.api_auth.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "collector.api_auth.ScopedPermission",
        "collector.api_auth.KnownParameters",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["collector.api_auth.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "collector.api_auth.CursorPages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "collector.api_auth.problem_details",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Woolgather",
    "DESCRIPTION": "Collect, review and release an instruction dataset.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["collector.api_auth.ScopedPermission"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.add_problems",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "DatasetStatus": "exports.models.DatasetVersion.Status",
        "CampaignStatus": "collector.models.Campaign.Status",
        "RunStatus": "training.undertakings.Undertaking.Status",
        "Licence": "collector.models.Licence",
        "SubmissionStatus": "collector.models.Submission.Status",
    },
}
