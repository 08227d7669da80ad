"""A first service definition from the data alone: what is there, what it seems to mean, how its rows would look."""

from ingest.newservice.cli import new_service

__all__ = ["new_service"]
