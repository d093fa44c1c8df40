"""Every address of the site."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.decorators.http import require_safe
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView

from config import accounts, health
from config.api_docs import ApiDocs

urlpatterns = [
    path("", include("collector.urls")),
    path("", include("leaderboard.urls")),
    path("", include("exports.urls")),
    path("", include("training.urls")),
    path("", include("operations.urls")),
    path("ui/", include("ui.urls")),
    path("i18n/", login_not_required(set_language), name="set_language"),
    path("api/v1/", include("collector.api_urls")),
    path("api/v1/", include("leaderboard.api_urls")),
    path("api/v1/", include("exports.api_urls")),
    path("api/v1/", include("training.api_urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", require_safe(ApiDocs.as_view(url_name="api-schema")), name="api-docs"),
    path("sign-in/<str:token>/", accounts.sign_in_link, name="sign-in-link"),
    path("invitation/<str:token>/", accounts.invitation, name="invitation"),
    path("accounts/", include("allauth.urls")),
    path("scim/v2/", include("collector.scim.urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]

handler400 = "ui.errors.bad_request"
handler403 = "ui.errors.permission_denied"
handler404 = "ui.errors.page_not_found"
handler500 = "ui.errors.server_error"
