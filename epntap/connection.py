"""The type of a connection to the database."""

from __future__ import annotations

from typing import Any

import psycopg

__all__ = ["Connection"]

#: any connection of psycopg, whose rows are tuples
Connection = psycopg.Connection[tuple[Any, ...]]
