"""Instants: TT2000, UTC, Julian days and leap seconds."""
