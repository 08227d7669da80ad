"""The database: where it runs, how it is reached, and how rows leave it."""
