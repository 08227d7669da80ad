"""The kinds of sources that definitions may name: one line each."""

from __future__ import annotations

from ingest.kinds.cdf import CDF_FILES
from ingest.kinds.events import EVENTS
from ingest.kinds.labels import LABELS
from ingest.kinds.runs import RUNS
from ingest.kinds.spase import SPASE_DATASETS
from ingest.kinds.tables import TABLE
from ingest.sources.source import SourceKind

__all__ = ["ALL_KINDS"]

ALL_KINDS: tuple[SourceKind, ...] = (
    SPASE_DATASETS,
    CDF_FILES,
    LABELS,
    RUNS,
    TABLE,
    EVENTS,
)
