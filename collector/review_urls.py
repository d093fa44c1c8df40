"""The reviewers' addresses."""

from __future__ import annotations

from django.urls import path

from collector.views import agreement, review, review_acts

urlpatterns = [
    path("review/", review.review_next, name="review-next"),
    path("review/agreement/", agreement.agreement, name="review-agreement"),
    path("review/<uuid:pk>/", review.item, name="review-item"),
    path("review/<uuid:pk>/renew/", review.renew, name="review-renew"),
    path("review/<uuid:pk>/skip/", review.skip, name="review-skip"),
    path("review/<uuid:pk>/answer/", review.answer, name="review-answer"),
    path("review/<uuid:pk>/lock/", review_acts.lock, name="review-lock"),
    path("review/<uuid:pk>/unlock/", review_acts.unlock, name="review-unlock"),
    path("review/<uuid:pk>/gold/", review_acts.make_gold, name="review-gold"),
    path("review/<uuid:pk>/gold/retire/", review_acts.retire_gold, name="review-gold-retire"),
    path("review/undo/<int:review>/", review_acts.undo, name="review-undo"),
]
