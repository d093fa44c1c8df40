"""The addresses of OpenID Connect, which allauth includes below ``/accounts/``."""

from __future__ import annotations

from django.urls import path

from config.sign_in import views

urlpatterns = [
    path("oidc/<slug:provider_id>/login/", views.login, name="openid_connect_login"),
    path("oidc/<slug:provider_id>/login/callback/", views.callback, name="openid_connect_callback"),
]
