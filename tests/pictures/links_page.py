"""docs/images/links-page.png: the page that a browser gets for a granule; needs Debian's chromium.

`python -m tests.pictures.links_page http://127.0.0.1:8080 docs/images/links-page.png`
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

GRANULE = "syna-mag_20161231"


def main(base_url: str, file: str) -> None:
    """Make the picture, in few colours."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "page.png")
        subprocess.run(
            [
                "chromium",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={folder}/profile",
                "--hide-scrollbars",
                "--window-size=1000,1180",
                f"--screenshot={picture}",
                f"{base_url}/datalink/links?ID={GRANULE}",
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )
        subprocess.run(["convert", str(picture), "-colors", "64", f"PNG8:{file}"], check=True, timeout=60)


if __name__ == "__main__":
    main(*sys.argv[1:])
