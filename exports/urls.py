"""The pages of dataset versions."""

from __future__ import annotations

from django.urls import path, re_path

from exports import change_views, composer, views

urlpatterns = [
    path("datasets/", views.datasets, name="datasets"),
    path("datasets/compose/", composer.compose, name="dataset-compose"),
    path("datasets/recipes/<int:pk>/delete/", composer.delete, name="recipe-delete"),
    re_path(r"^datasets/(?P<version>v[1-9][0-9]{0,8})/$", views.dataset, name="dataset-detail"),
    re_path(r"^datasets/(?P<version>v[1-9][0-9]{0,8})/changes/$", change_views.dataset_changes, name="dataset-changes"),
    re_path(r"^datasets/(?P<version>v[1-9][0-9]{0,8})/retry/$", views.retry, name="dataset-retry"),
    re_path(r"^datasets/(?P<version>v[1-9][0-9]{0,8})/withdraw/$", views.withdraw, name="dataset-withdraw"),
    re_path(r"^datasets/(?P<version>v[1-9][0-9]{0,8})/all\.zip$", views.download_all, name="dataset-zip"),
    re_path(r"^datasets/(?P<version>v[1-9][0-9]{0,8})/files/(?P<path>.+)$", views.download, name="dataset-file"),
]
