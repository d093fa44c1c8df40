"""SAML's addresses, which allauth includes below ``/accounts/``."""

from __future__ import annotations

from allauth.socialaccount.providers.saml import views as allauth_views
from django.urls import path

from config.sign_in.saml import views

urlpatterns = [
    path("saml/<slug:organization_slug>/login/", allauth_views.login, name="saml_login"),
    path("saml/<slug:organization_slug>/acs/", views.consume, name="saml_acs"),
    path("saml/<slug:organization_slug>/acs/finish/", views.finish, name="saml_finish_acs"),
    path("saml/<slug:organization_slug>/metadata/", allauth_views.metadata, name="saml_metadata"),
    path("saml/<slug:organization_slug>/sls/", views.single_logout, name="saml_sls"),
]
