"""How far reviewers agree: statistics over plain arrays, without a database and without Django's models.

Its modules load numpy, so they are imported inside the functions that count, never while a process starts.
"""
