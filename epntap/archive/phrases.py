"""What many files have in common: folders and texts that stand once in the database, and files name by number."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from epntap.connection import Connection

__all__ = ["folder_numbers", "phrase_numbers"]

_FOLDERS = "SELECT root, folder_no FROM archive.folder WHERE root = ANY (%s)"
# those that two runs add at once are added by one of them; in an order, so that neither waits for the other in a circle
_ADD_FOLDERS = """
INSERT INTO archive.folder (root) SELECT root FROM unnest(%s::text[]) AS new (root) ORDER BY root ON CONFLICT DO NOTHING
"""
_PHRASES = """
SELECT p.phrase, p.phrase_no
FROM unnest(%s::text[]) AS wanted (phrase)
JOIN archive.phrase p ON p.digest = sha256(convert_to(wanted.phrase, 'UTF8'))
"""
_ADD_PHRASES = """
INSERT INTO archive.phrase (digest, phrase)
SELECT sha256(convert_to(phrase, 'UTF8')), phrase FROM unnest(%s::text[]) AS new (phrase) ORDER BY 1
ON CONFLICT DO NOTHING
"""


def folder_numbers(connection: Connection, roots: Collection[str]) -> Mapping[str, int]:
    """The number of each of these folders; those that have none are given one."""
    return _numbers(connection, _FOLDERS, _ADD_FOLDERS, roots)


def phrase_numbers(connection: Connection, phrases: Collection[str]) -> Mapping[str, int]:
    """The number of each of these texts; those that have none are given one."""
    return _numbers(connection, _PHRASES, _ADD_PHRASES, phrases)


def _numbers(connection: Connection, find: str, add: str, texts: Collection[str]) -> Mapping[str, int]:
    wanted = set(texts)
    found: dict[str, int] = dict(connection.execute(find, (list(wanted),)).fetchall())
    new = wanted.difference(found)
    if new:
        connection.execute(add, (list(new),))
        found |= dict(connection.execute(find, (list(new),)).fetchall())
    return found
