"""Tells other systems of a company what happened here: signed messages to hosts that the operator allowed."""
