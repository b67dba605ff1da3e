"""What survives a restart: metadata in SQLite, rows as Parquet segments, models as arrays.

Belongs here: reading and writing of files and tables. Does not: what any of it means to Personalize.
"""
