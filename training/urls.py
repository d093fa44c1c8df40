"""The pages of training runs."""

from __future__ import annotations

from django.urls import path

from training import views

urlpatterns = [
    path("runs/", views.run_list, name="runs"),
    path("runs/new/", views.run_new, name="run-new"),
    path("runs/<uuid:pk>/", views.run_detail, name="run-detail"),
    path("runs/<uuid:pk>/samples/", views.run_samples, name="run-samples"),
    path("runs/<uuid:pk>/stop/", views.run_stop, name="run-stop"),
    path("runs/<uuid:pk>/resume/", views.run_resume, name="run-resume"),
]
