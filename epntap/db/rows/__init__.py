"""Rows on their way out of the database and into it."""
