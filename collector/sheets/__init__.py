"""The sheet as a file: what a row holds, how CSV and XLSX carry its texts unharmed, and how they are read back.

Nothing here knows the database; ``collector.sheet_queries`` reads it and ``collector.actions.sheet`` writes it.
"""
