"""Archives of known truth: files of any number whose every value follows from a closed formula.

`Plan` says how much, `TrueDataset` tells what is true (no file is opened), `write_archive` makes the files, records
and definition. Nothing here uses our reader, our writer or our clocks, so that the truth can judge them.
"""

from __future__ import annotations

from tests.support.known_truth.clock import midnight_tt2000, to_cdf_epoch
from tests.support.known_truth.datasets import FILL, INT_FILL, Plan, TrueDataset, TrueFile
from tests.support.known_truth.write import write_archive

__all__ = ["FILL", "INT_FILL", "Plan", "TrueDataset", "TrueFile", "midnight_tt2000", "to_cdf_epoch", "write_archive"]
