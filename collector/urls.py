"""The core's pages."""

from __future__ import annotations

from django.urls import include, path

from collector.views import comments, home, insights, mine, notes, notices, passages, profile, submissions, terms, write

urlpatterns = [
    path("", home.home, name="home"),
    path("write/<str:category>/", write.write, name="write"),
    path("write/<str:category>/draft/", write.autosave, name="write-draft"),
    path("write/<str:category>/notes/", notes.notes, name="write-notes"),
    path("insights/", insights.insights, name="insights"),
    path("passages/", passages.passages, name="passages"),
    path("mine/", mine.mine, name="mine"),
    path("submissions/<uuid:pk>/", submissions.detail, name="submission-detail"),
    path("submissions/<uuid:pk>/edit/", submissions.edit, name="submission-edit"),
    path("submissions/<uuid:pk>/edit/draft/", submissions.autosave, name="submission-draft"),
    path("submissions/<uuid:pk>/discard/", submissions.discard, name="submission-discard"),
    path("submissions/<uuid:pk>/withdraw/", submissions.withdraw, name="submission-withdraw"),
    path("submissions/<uuid:pk>/comments/", comments.comment, name="submission-comment"),
    path("notices/", notices.notices, name="notices"),
    path("notices/read/", notices.read_all, name="notices-read"),
    path("notices/<int:pk>/open/", notices.open_notice, name="notice-open"),
    path("digest/unsubscribe/<str:token>/", notices.unsubscribe, name="digest-unsubscribe"),
    path("terms/<str:campaign>/", terms.terms, name="terms"),
    path("profile/", profile.profile, name="profile"),
    path("", include("collector.sheet_urls")),
    path("", include("collector.review_urls")),
]
