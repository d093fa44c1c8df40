"""Tags of the core's own pages; each page loads what it needs."""
