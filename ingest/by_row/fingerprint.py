"""What tells whether rows have to be made again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import ingest
from epntap import addresses
from epntap.epncore import text as epn_text
from ingest.definition.model import Definition
from ingest.files.digest import code_digest
from ingest.labels.plan import LabelPlan

__all__ = ["rows_fingerprint"]


def rows_fingerprint(definition: Definition, contents: Iterable[object]) -> str:
    """Of everything that the rows of a service depend on whose sources describe each row.

    `contents` are those of its sources. Any change of the program counts as one: nobody keeps a list of the modules
    that rows pass through.
    """
    digest = hashlib.sha256(code_digest(*_program()).encode())
    digest.update(repr(definition).encode())
    for source in definition.sources:
        if isinstance(source.plan, LabelPlan) and source.plan.pattern is not None:
            digest.update(source.plan.pattern.pattern.encode())  # the repr of a pattern is cut
    for one in contents:
        digest.update(repr(one).encode())
    return digest.hexdigest()


@cache
def _program() -> tuple[Path, ...]:
    here, there = Path(ingest.__file__ or "").parent, Path(epn_text.__file__ or "").parent
    return tuple(sorted([*here.rglob("*.py"), *there.rglob("*.py"), Path(addresses.__file__ or "")]))
