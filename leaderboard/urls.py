"""The boards' pages."""

from __future__ import annotations

from django.urls import path

from leaderboard import views

urlpatterns = [
    path("leaderboard/", views.board, name="leaderboard"),
    path("people/<slug:handle>/", views.person, name="person"),
]
