"""The boards' pages."""

from __future__ import annotations

from django.urls import path

from leaderboard import contest_views, rule_views, views

urlpatterns = [
    path("leaderboard/", views.board, name="leaderboard"),
    path("leaderboard/rules/", rule_views.rules, name="point-rules"),
    path("leaderboard/rules/change/", rule_views.change, name="point-rules-change"),
    path("leaderboard/points/", rule_views.mine, name="points"),
    path("leaderboard/contests/", contest_views.contests, name="contests"),
    path("leaderboard/contests/new/", contest_views.plan, name="contest-plan"),
    path("leaderboard/contests/<int:pk>/", contest_views.change, name="contest-change"),
    path("leaderboard/contests/<int:pk>/remove/", contest_views.remove, name="contest-remove"),
    path("people/<slug:handle>/", views.person, name="person"),
]
