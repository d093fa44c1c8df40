"""SCIM 2.0 (RFC 7643, 7644), as far as Okta and Entra need it: a thin shell around the actions of the directory."""
