"""The pages of training runs."""

from __future__ import annotations

from django.urls import path

from training import curve_views, views

urlpatterns = [
    path("runs/", views.run_list, name="runs"),
    path("runs/new/", views.run_new, name="run-new"),
    path("runs/curves/", curve_views.curve_list, name="curves"),
    path("runs/curves/new/", curve_views.curve_new, name="curve-new"),
    path("runs/curves/<uuid:pk>/", curve_views.curve_detail, name="curve-detail"),
    path("runs/curves/<uuid:pk>/stop/", curve_views.curve_stop, name="curve-stop"),
    path("runs/curves/<uuid:pk>/resume/", curve_views.curve_resume, name="curve-resume"),
    path("runs/<uuid:pk>/", views.run_detail, name="run-detail"),
    path("runs/<uuid:pk>/samples/", views.run_samples, name="run-samples"),
    path("runs/<uuid:pk>/stop/", views.run_stop, name="run-stop"),
    path("runs/<uuid:pk>/resume/", views.run_resume, name="run-resume"),
]
