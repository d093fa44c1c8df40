"""The API of the boards."""

from __future__ import annotations

from django.urls import path

from leaderboard import api

urlpatterns = [path("leaderboard/", api.Leaderboard.as_view(), name="api-leaderboard")]
