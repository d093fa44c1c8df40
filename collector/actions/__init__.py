"""Every write of the core: verb functions, keyword-only, ``by=`` the actor, ``now`` passed in, atomic."""
