"""What the lead's insights say: pure functions from what was read to figures, plots and sentences; no database.

Only ``forecast`` loads numpy; it is imported inside the function that counts, never while a process starts.
"""
