"""A crowd for load tests: its stage (database, server, accounts), its people, and what they saw."""
