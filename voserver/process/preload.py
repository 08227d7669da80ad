"""What web processes will use, loaded before they are forked, so that no first answer waits for an import.

Imports only: threads, connections and what libraries have computed do not survive a fork.
"""

from __future__ import annotations

import gc
from contextlib import suppress
from importlib import import_module

__all__ = ["PRELOADED", "preload"]

#: what is imported within functions, by us or by others, beside all that voserver.wsgi imports
PRELOADED = (
    "voserver.wsgi",
    "_strptime",  # dates of HTTP and of VOTables
    "astropy.units",  # in_unit(), uploads
    "encodings.idna",  # names of hosts
    "encodings.unicode_escape",  # templates
    "encodings.utf_8_sig",  # uploaded tables
    "importlib.readers",  # templates that lie in packages
    "stringprep",
    "zoneinfo",
)
#: what pyarrow imports before its first column, wherever the first of them is installed, and texts of VOTables, which
#: are no module before numpy 2
_IF_THERE = ("pandas", "pyarrow.vendored.version", "pyarrow.pandas_compat", "numpy.char")


def preload() -> None:
    """Import all of it, and leave it out of what is collected: a first collection would look at every object of it."""
    for name in PRELOADED:
        import_module(name)
    for name in _IF_THERE:
        with suppress(ImportError):
            import_module(name)
    gc.freeze()
