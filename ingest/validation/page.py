"""Reports of checks as one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ingest.findings import Finding, by_weight
from ingest.validation.report import CheckReport

__all__ = ["to_html"]

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem; border-bottom: 1px solid #8886; }
td.count { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.rule { white-space: nowrap; font-weight: 600; }
.refuse { color: #c62828; } .quarantine { color: #b26a00; } .warn { color: #5a6b7a; }
code { font-size: .85em; overflow-wrap: anywhere; }
small { color: #777; } ul { margin: .25rem 0 0; padding-left: 1.2rem; }
"""


def to_html(reports: Sequence[CheckReport]) -> str:
    """The whole page."""
    title = "EPN-TAP content: " + ", ".join(report.table for report in reports)
    body = "".join(map(_section, reports))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>EPN-TAP content check</h1>{body}</body></html>\n"
    )


def _section(report: CheckReport) -> str:
    head = f"<h2>{escape(report.table)}</h2><p>{escape(report.headline)}; {report.seconds:.1f} s</p>"
    if not report.findings:
        return head + "<p>All rules are kept.</p>"
    rows = "".join(map(_row, by_weight(report.findings)))
    return (
        f"{head}<table><thead><tr><th>severity</th><th>rule</th><th>rows</th><th>what is expected, and how to mend it"
        f"</th><th>where</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(finding: Finding) -> str:
    severity = finding.severity.value
    source = f"EPN-TAP 2.0 §{finding.section}" + (f", taplint {finding.taplint}" if finding.taplint else "")
    instances = finding.details or tuple(map(str, finding.examples))
    items = "".join(f"<li><code>{escape(line)}</code></li>" for line in instances)
    count = "table" if finding.is_about_table else f"{finding.count:,}"
    return (
        f'<tr><td class="{severity}">{severity}</td><td class="rule">{escape(finding.rule)}</td>'
        f'<td class="count">{count}</td>'
        f"<td>{escape(finding.expected)} {escape(finding.hint)}<br><small>{escape(source)}</small></td>"
        f"<td><ul>{items}</ul></td></tr>"
    )
