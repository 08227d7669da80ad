"""Formats that take rows of COPY BINARY apart, whole blocks at a time."""
