"""docs/images/query-page.png: a query answered and drawn in a browser; needs Debian's chromium.

`python -m tests.pictures.query_page http://127.0.0.1:8080 docs/images/query-page.png [WIDTH [dark]]`
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import sync_playwright

QUERY = "SELECT granule_uid, target_name, time_min, time_max, access_estsize\nFROM amdadb.epn_core\nORDER BY time_min"


def main(base_url: str, file: str, width: str = "1280", scheme: str = "light") -> None:
    """Make the picture, in few colours."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        picture = Path(folder, "page.png")
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        dark = scheme == "dark"
        page = browser.new_page(
            viewport={"width": int(width), "height": 1000}, color_scheme="dark" if dark else "light"
        )
        page.goto(f"{base_url}/query?{urlencode({'sql': QUERY})}")
        page.locator("summary", has_text="amdadb.epn_core").click()
        page.get_by_role("button", name="Run", exact=True).click()
        page.get_by_role("tab", name="Plot").click()
        page.get_by_label("y", exact=True).select_option(label="access_estsize")
        page.get_by_label("colour").select_option(label="access_estsize")
        page.wait_for_timeout(500)
        page.screenshot(path=picture, full_page=int(width) < 1000)
        browser.close()
        subprocess.run(["convert", str(picture), "-colors", "128", f"PNG8:{file}"], check=True, timeout=60)


if __name__ == "__main__":
    main(*sys.argv[1:])
