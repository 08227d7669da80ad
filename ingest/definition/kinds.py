"""Kinds of sources, and of what a row stands for."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["ROW_KINDS", "Granule", "SourceKind"]


class SourceKind(StrEnum):
    """What a source holds."""

    SPASE_DATASETS = "spase-datasets"
    CDF_FILES = "cdf-files"
    LABELS = "labels"
    RUNS = "runs"
    TABLE = "table"


#: kinds whose sources describe each row; the others describe datasets
ROW_KINDS = frozenset({SourceKind.LABELS, SourceKind.RUNS, SourceKind.TABLE})


class Granule(StrEnum):
    """What one row stands for."""

    DAY = "day"
    MONTH = "month"
    FILE = "file"
