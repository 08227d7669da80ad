"""What tells whether rows have to be made again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import ingest
from epntap import addresses
from epntap.catalog.model import Table
from epntap.epncore import text as epn_text
from eventtables import cells, readers, times
from ingest.definition.model import Definition
from ingest.files.digest import code_digest

__all__ = ["contents_fingerprint", "rules_fingerprint", "unit_fingerprint"]


def rules_fingerprint(definition: Definition, table: Table) -> str:
    """Of everything that all rows depend on, the files apart.

    Any change of the program counts as one: nobody keeps a list of the modules that rows pass through.
    """
    digest = hashlib.sha256(code_digest(*_program()).encode())
    digest.update(repr(definition).encode())
    digest.update(repr(table).encode())
    return digest.hexdigest()


def contents_fingerprint(rules: str, contents: Iterable[object]) -> str:
    """Of everything that the rows of a service depend on; `contents` are those of its sources."""
    digest = hashlib.sha256(rules.encode())
    for one in contents:
        digest.update(repr(one).encode())
    return digest.hexdigest()


def unit_fingerprint(made_from: object) -> str:
    """Of the files of one unit."""
    return hashlib.sha256(repr(made_from).encode()).hexdigest()[:24]


@cache
def _program() -> tuple[Path, ...]:
    folders = [Path(one.__file__ or "").parent for one in (ingest, epn_text, readers)]
    modules = [Path(one.__file__ or "") for one in (addresses, cells, times)]
    return tuple(sorted([*(path for folder in folders for path in folder.rglob("*.py")), *modules]))
