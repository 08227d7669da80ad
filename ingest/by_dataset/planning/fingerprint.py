"""Fingerprints: what the rows of a dataset are made from, in a few characters. The same fingerprint, the same rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from epntap import access, addresses
from epntap.archive.model import ArchiveFile
from epntap.epncore import text as epn_text
from epntap.instants import days as cdf_days
from epntap.instants import julian as epn_time
from epntap.instants import tt2000 as cdf_time
from ingest.by_dataset import build
from ingest.by_dataset.planning.plan import DatasetPlan
from ingest.facts import Value
from ingest.files import versions
from ingest.files.digest import code_digest

__all__ = ["content_of", "fingerprint_of"]


def fingerprint_of(plan: DatasetPlan, values: Mapping[str, Value], rows: int) -> str:
    """Of everything that the rows of a dataset depend on, the code that makes them included.

    `values` are those that all rows share, and `rows` their number: it stands for the day of ingestion.
    """
    shared = sorted((name, value) for name, value in values.items() if value is not None)
    modules = (build, versions, cdf_days, cdf_time, epn_text, epn_time, access, addresses)
    made_by = code_digest(*(Path(module.__file__ or "") for module in modules))
    plain = replace(plan, files=(), single=(), touched=frozenset())
    digest = hashlib.sha256(repr((made_by, rows, shared, plain, plan.is_drawable)).encode())
    for files in (plan.shared, plan.single):
        digest.update(f"\n{len(files)}\n".encode())
        for file in files:  # one by one: they may be a million
            digest.update(repr(_timeless(file)).encode())
    return digest.hexdigest()


def content_of(file: ArchiveFile) -> tuple[object, ...]:
    """What tells one state of a file from another: the content, or without a checksum the size and time."""
    return (file.sha256,) if file.sha256 else (file.size_bytes, file.mtime_ns)


def _timeless(file: ArchiveFile) -> ArchiveFile:
    """The file without its root, its layout and, where its content is known, its time: rows do not depend on them."""
    return replace(file, root="", layout="", mtime_ns=0 if file.sha256 else file.mtime_ns)
