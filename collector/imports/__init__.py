"""Readers of other people's datasets: bytes in, rows or reasons out; no database, bounded memory."""
