"""The bare view's table, for whoever makes it."""

TABLE = "bare_pair"
CREATE = f"CREATE TABLE IF NOT EXISTS {TABLE} (id bigserial PRIMARY KEY, instruction text, context text, response text)"
