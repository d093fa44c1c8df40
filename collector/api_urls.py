"""The addresses of the core's API, below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from collector import api, api_terms

urlpatterns = [
    path("categories/", api.CategoryList.as_view(), name="api-categories"),
    path("categories/<str:slug>/", api.CategoryDetail.as_view(), name="api-category"),
    path("campaigns/", api.CampaignList.as_view(), name="api-campaigns"),
    path("campaigns/<str:slug>/", api.CampaignDetail.as_view(), name="api-campaign"),
    path("campaigns/<str:slug>/terms/", api_terms.CampaignTerms.as_view(), name="api-campaign-terms"),
    path("passages/", api.PassageList.as_view(), name="api-passages"),
    path("passages/<str:slug>/", api.PassageDetail.as_view(), name="api-passage"),
    path("submissions/", api.SubmissionList.as_view(), name="api-submissions"),
    path("submissions/<uuid:pk>/", api.SubmissionDetail.as_view(), name="api-submission"),
    path("submissions/<uuid:pk>/withdraw/", api.SubmissionWithdraw.as_view(), name="api-submission-withdraw"),
    path("submissions/<uuid:pk>/reviews/", api.ReviewList.as_view(), name="api-submission-reviews"),
]
