"""The pages of whoever runs the installation."""

from __future__ import annotations

from django.urls import path

from operations import metrics

urlpatterns = [
    path("metrics", metrics.metrics, name="metrics"),
]
