"""The pages of whoever runs the installation."""

from __future__ import annotations

from django.urls import path

from operations import metrics, status_views, webhook_views

urlpatterns = [
    path("metrics", metrics.metrics, name="metrics"),
    path("operations/status/", status_views.status, name="operations-status"),
    path("webhooks/", webhook_views.webhooks, name="webhooks"),
    path("webhooks/new/", webhook_views.add, name="webhook-add"),
    path("webhooks/<int:pk>/", webhook_views.webhook, name="webhook"),
    path("webhooks/<int:pk>/edit/", webhook_views.edit, name="webhook-edit"),
    path("webhooks/<int:pk>/act/", webhook_views.act, name="webhook-act"),
    path("webhooks/deliveries/<int:pk>/", webhook_views.delivery, name="webhook-delivery"),
    path("webhooks/deliveries/<int:pk>/again/", webhook_views.send_again, name="webhook-send-again"),
]
