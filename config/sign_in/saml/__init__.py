"""SAML's addresses; the provider itself is beside OpenID Connect's, in config.sign_in.provider."""
