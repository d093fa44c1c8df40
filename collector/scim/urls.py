"""SCIM's addresses, below ``/scim/v2/``."""

from __future__ import annotations

from django.urls import path

from collector.scim import views

urlpatterns = [
    path("Users", views.Users.as_view(), name="scim-users"),
    path("Users/<str:pk>", views.User.as_view(), name="scim-user"),
    path("Groups", views.Groups.as_view(), name="scim-groups"),
    path("Groups/<str:pk>", views.Group.as_view(), name="scim-group"),
    path("ServiceProviderConfig", views.About.as_view(), {"what": "ServiceProviderConfig"}, name="scim-config"),
    path("ResourceTypes", views.About.as_view(), {"what": "ResourceTypes"}, name="scim-types"),
    path("Schemas", views.About.as_view(), {"what": "Schemas"}, name="scim-schemas"),
]
