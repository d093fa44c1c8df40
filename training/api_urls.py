"""The API of training runs."""

from __future__ import annotations

from django.urls import path

from training import api

urlpatterns = [
    path("runs/", api.RunList.as_view(), name="api-runs"),
    path("runs/<uuid:pk>/", api.RunDetail.as_view(), name="api-run"),
]
