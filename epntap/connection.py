"""The type of a connection to the database, and what a session of ours may be told."""

from __future__ import annotations

from typing import Any

import psycopg

__all__ = ["PUBLISH_WAITS_FOR", "Connection"]

#: any connection of psycopg, whose rows are tuples
Connection = psycopg.Connection[tuple[Any, ...]]

#: the setting of a session that says for which standbys the commit of a publication waits
PUBLISH_WAITS_FOR = "epntap.publish_waits_for"
