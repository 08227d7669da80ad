"""How much memory this process has taken."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["peak_memory_bytes"]


def peak_memory_bytes() -> int:
    """The most that was resident at once since the process started; 0 where the system does not tell.

    Not that of getrusage, which a process inherits from the one that started it.
    """
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 if found else 0
