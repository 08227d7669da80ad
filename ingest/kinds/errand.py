"""Looking into files, as workers are asked for it."""

from __future__ import annotations

from epntap.archive.model import ScannedFile
from epntap.spread.errand import Errand
from ingest.files.careful import be_expendable
from ingest.files.scan import CdfLook, ChecksumLook, Order, look_into
from ingest.kinds.runs import ResultLook, RunFileLook
from ingest.labels.contents import LabelLook

__all__ = ["SCAN"]

SCAN = Errand(
    "scan",
    look_into,
    (Order, ScannedFile, CdfLook, ChecksumLook, LabelLook, RunFileLook, ResultLook),
    begin=be_expendable,
)
