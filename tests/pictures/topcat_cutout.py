"""docs/images/topcat-cutout.png: TOPCAT cuts a granule with the descriptor that came with the answer of a query.

`python -m tests.pictures.topcat_cutout http://127.0.0.1:8080/tap docs/images/topcat-cutout.png`
"""

from __future__ import annotations

import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.support.topcat import Topcat, topcat

__all__ = ["GRANULE", "cut_out"]

GRANULE = "syna-mag_20161231"
_QUERY = f"SELECT granule_uid, target_name, time_min, time_max FROM amdadb.epn_core WHERE granule_uid = '{GRANULE}'"
_TITLE = "Activation Actions"

# places from the upper left corner of the window, the first in the main one
_ACTIVATION_BUTTON = (341, 40)
_DIVIDER, _LOWER = (480, 416), (480, 600)
_SERVICE = (413, 198)
_ACTION = (385, 169)
_START, _STOP, _FORMAT = (500, 362), (500, 385), (500, 431)
_INVOKE = (265, 574)


def cut_out(tap_url: str, invoked: Callable[[], str], file: Path | None = None) -> None:
    """Invoke the cut-out service on the row of a query, until `invoked` says that it was asked; take a picture."""
    query = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": _QUERY})
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "granule.vot")
        with urllib.request.urlopen(f"{tap_url}/sync?{query}", timeout=60) as answer:
            table.write_bytes(answer.read())
        with topcat("-f", "votable", str(table)) as client:
            _open_form(client)
            window = client.window(_TITLE)
            for place, text in (
                (_START, "2016-12-31T10:00:00"),
                (_STOP, "2016-12-31T11:00:00"),
                (_FORMAT, "VOTable"),
            ):
                client.click(window, place)
                client.press("ctrl+a")
                client.type(text)
            client.insist(lambda: client.click(window, _INVOKE), invoked, "an answer of the cut-out service")
            if file is not None:
                time.sleep(12)
                client.lift(window)
                client.photograph(file, _TITLE)


def _open_form(client: Topcat) -> None:
    control = client.window("^TOPCAT$")
    time.sleep(5)  # the table is there a little later than the window
    client.insist(lambda: client.click(control, _ACTIVATION_BUTTON), lambda: client.find(_TITLE), "its actions")
    window = client.window(_TITLE)
    client.resize(window, 900, 760)
    client.drag(window, _DIVIDER, _LOWER)
    client.click(window, _SERVICE)
    client.press("Down", "Return")
    client.click(window, _ACTION)
    client.press("l", "Return")  # Load Table, the one that begins so


def main(tap_url: str, file: str) -> None:
    """Make the picture."""
    asked = time.monotonic() + 5
    cut_out(tap_url, lambda: "surely" if time.monotonic() > asked else "", Path(file))


if __name__ == "__main__":
    main(*sys.argv[1:])
