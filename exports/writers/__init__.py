"""Writers of a version's files: pure functions of records, deterministic to the byte, without the database."""
