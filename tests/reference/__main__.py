"""Write the pages."""

from __future__ import annotations

from tests.reference import PAGES
from tests.support.places import ROOT

for name, make in PAGES.items():
    (ROOT / "docs" / "reference" / name).write_text(make(), encoding="utf-8")
