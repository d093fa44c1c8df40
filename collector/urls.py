"""The core's pages."""

from __future__ import annotations

from django.urls import include, path

from collector.views import (
    campaigns,
    comments,
    home,
    insights,
    invitations,
    mailings,
    mine,
    notes,
    notices,
    passages,
    profile,
    submissions,
    terms,
    write,
)

urlpatterns = [
    path("", home.home, name="home"),
    path("write/<str:category>/", write.write, name="write"),
    path("write/<str:category>/draft/", write.autosave, name="write-draft"),
    path("write/<str:category>/notes/", notes.notes, name="write-notes"),
    path("insights/", insights.insights, name="insights"),
    path("campaigns/", campaigns.campaigns, name="campaigns"),
    path("campaigns/new/", campaigns.create, name="campaign-create"),
    path("campaigns/<str:slug>/", campaigns.campaign, name="campaign"),
    path("campaigns/<str:slug>/settings/", campaigns.settings, name="campaign-settings"),
    path("campaigns/<str:slug>/status/", campaigns.change_status, name="campaign-status"),
    path("invitations/", invitations.people, name="invitations"),
    path("invitations/<int:pk>/revoke/", invitations.revoke, name="invitation-revoke"),
    path("invitations/<int:pk>/mail/", invitations.mail_again, name="invitation-mail"),
    path("invitations/links/<int:pk>/revoke/", invitations.revoke_link, name="invitation-link-revoke"),
    path("mailings/", mailings.mailings, name="mailings"),
    path("mailings/new/", mailings.write, name="mailing-write"),
    path("mailings/<int:pk>/", mailings.mailing, name="mailing"),
    path("mailings/<int:pk>/edit/", mailings.edit, name="mailing-edit"),
    path("mailings/<int:pk>/act/", mailings.act, name="mailing-act"),
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
    path("unsubscribe/<str:token>/", notices.unsubscribe, name="unsubscribe"),
    # As in mails that were sent before there were kinds.
    path("digest/unsubscribe/<str:token>/", notices.unsubscribe, name="digest-unsubscribe"),
    path("celebration/", home.put_away, name="celebration-put-away"),
    path("terms/<str:campaign>/", terms.terms, name="terms"),
    path("profile/", profile.profile, name="profile"),
    path("", include("collector.sheet_urls")),
    path("", include("collector.review_urls")),
]
