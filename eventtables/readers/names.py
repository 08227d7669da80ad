"""How columns are called that hold starts and stops of events. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["START_NAMES", "STOP_NAMES", "found_by_name"]

#: folded; the likeliest first
START_NAMES = ("starttime", "start", "timebegin", "begintime", "begin", "tstart", "timestart", "timeintervalstart",
               "starttimeutc", "eventstarttime", "startdate", "timemin")  # fmt: skip
STOP_NAMES = ("stoptime", "stop", "timeend", "endtime", "end", "tstop", "timestop", "tend", "timeintervalstop",
              "endtimeutc", "eventendtime", "stopdate", "enddate", "timemax")  # fmt: skip


def found_by_name(names: Sequence[str], usual: Sequence[str]) -> str | None:
    """The column with the likeliest of the usual names, however it is spelled; None if there is none."""
    folded = {re.sub(r"[^a-z]", "", name.lower()): name for name in reversed(names)}
    return next((folded[one] for one in usual if one in folded), None)
