"""docs/images/topcat-tap.png: the TAP window of TOPCAT on a running service.

`python -m tests.pictures.topcat http://127.0.0.1:8080/tap docs/images/topcat-tap.png`
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.support.topcat import topcat

QUERY = "SELECT TOP 100 granule_uid, target_name, time_min, access_url FROM amdadb.epn_core"


def main(tap_url: str, file: str) -> None:
    """Make the picture."""
    with topcat() as client:
        client.use_service(tap_url, lambda: "surely")
        time.sleep(5)
        client.show_columns()
        client.write(QUERY)
        time.sleep(1)
        client.photograph(Path(file), r"Table Access Protocol \(TAP\) Query")


if __name__ == "__main__":
    main(*sys.argv[1:])
