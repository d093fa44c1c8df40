"""The API of dataset versions."""

from __future__ import annotations

from django.urls import path, re_path

from exports import api, change_api

urlpatterns = [
    path("datasets/", api.DatasetList.as_view(), name="api-datasets"),
    re_path(r"^datasets/(?P<version>v[1-9][0-9]{0,8})/$", api.DatasetDetail.as_view(), name="api-dataset-detail"),
    re_path(
        r"^datasets/(?P<version>v[1-9][0-9]{0,8})/changes/$",
        change_api.DatasetChanges.as_view(),
        name="api-dataset-changes",
    ),
    re_path(
        r"^datasets/(?P<version>v[1-9][0-9]{0,8})/files/(?P<path>.+)$",
        api.DatasetFile.as_view(),
        name="api-dataset-file",
    ),
]
