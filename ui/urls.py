"""The design system's page."""

from __future__ import annotations

from django.urls import path

from ui import views

urlpatterns = [path("", views.components, name="ui-components")]
