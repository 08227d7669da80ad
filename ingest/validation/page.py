"""Reports of checks as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from epntap.pages import Pages
from ingest.findings import by_weight
from ingest.validation.report import CheckReport

__all__ = ["to_html"]


def to_html(reports: Sequence[CheckReport]) -> str:
    """The whole page."""
    return Pages().render(
        "ingest.validation/report.html",
        title="EPN-TAP content: " + ", ".join(report.table for report in reports),
        reports=[(report, by_weight(report.findings)) for report in reports],
    )
