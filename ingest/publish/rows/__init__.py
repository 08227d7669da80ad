"""Rows on their way into the table of a service: their text, their checks, COPY and merge."""
