"""HTML: a page with one table, for reading and sorting in a browser without anything from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import LiteralString

from epntap.answer.model import Outcome, OutcomeStatus, ResultColumn
from epntap.formats.base import AnswerFacts, FormatDefaults, Writer
from epntap.formats.projection import Spelling

__all__ = ["Html"]

_SEPARATOR = b"\x01"
_ESCAPE = re.compile(rb"\\(.)", re.DOTALL)
_UNESCAPED = {b"n": b"\n", b"t": b"\t", b"r": b"\n", b"b": b"", b"f": b"", b"v": b"", _SEPARATOR: b""}
_CONTROLS = bytes([*range(0x02, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
_LINK = re.compile(rb"(?<=<td>)(https?://[^\s<]+)(?=</td>)")
_NUMBERS = frozenset({"short", "int", "long", "float", "double", "unsignedByte"})

_STYLE = """
body { font: 14px/1.4 sans-serif; margin: 1rem; color: #1a1a1a; background: #fff }
pre { white-space: pre-wrap; background: #f3f3f3; padding: .5rem }
table { border-collapse: collapse }
th { position: sticky; top: 0; background: #234; color: #fff; text-align: left; vertical-align: top }
th button { all: unset; cursor: pointer; font-weight: bold }
th button:focus-visible { outline: 2px solid #fc0 }
th small { display: block; font-weight: normal }
th[aria-sort=ascending] button::after { content: " \\25b2" }
th[aria-sort=descending] button::after { content: " \\25bc" }
td, th { padding: .15rem .5rem; border: 1px solid #ccc; white-space: nowrap; max-width: 40rem; overflow: hidden;
  text-overflow: ellipsis }
tbody tr:nth-child(even) { background: #f6f8fa }
.warning { background: #fe9; padding: .5rem }
"""

# Empty cells sort last in both directions; equal ones keep their order.
_SCRIPT = """
const table = document.querySelector("table"), body = table.tBodies[0];
table.tHead.addEventListener("click", event => {
  const head = event.target.closest("th");
  if (!head) return;
  const column = head.cellIndex, numeric = head.hasAttribute("data-number");
  const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
  const keyed = Array.from(body.rows, row => [row.cells[column].textContent, row]);
  keyed.sort(([a], [b]) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * (numeric ? Number(a) - Number(b) : a < b ? -1 : a > b ? 1 : 0);
  });
  body.append(...keyed.map(([, row]) => row));
});
"""


class Html(FormatDefaults):
    """A page; NULL is an empty cell, web addresses are links."""

    media_type = "text/html;charset=utf-8"
    names = ("html", "text/html")
    extension = "html"
    options: LiteralString = "FORMAT text, DELIMITER E'\\x01', NULL ''"
    spelling = Spelling.TEXT

    def writer(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> Writer:
        """A writer for one answer."""
        return _Writer(columns, facts)


class _Writer:
    def __init__(self, columns: Sequence[ResultColumn], facts: AnswerFacts) -> None:
        self._columns = columns
        self._facts = facts

    def header(self) -> bytes:
        query = "".join(f"<pre>{escape(value)}</pre>\n" for name, value, _ in self._facts.infos if name == "QUERY")
        heads = "\n".join(_head(column) for column in self._columns)
        page = (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Query result</title>\n'
            f"<style>{_STYLE}</style>\n</head>\n<body>\n{query}"
            '<p>A click on a column name sorts by it. <a href="#end">How the answer ended</a> is said below the '
            f"table.</p>\n<table>\n<thead><tr>\n{heads}\n</tr></thead>\n<tbody>\n"
        )
        return page.encode(errors="replace")

    def rows(self, block: bytes) -> bytes:
        block = block.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;").replace(b'"', b"&quot;")
        body = block[:-1]
        if b"\\" in body:
            # An escaped separator is taken out before the others become cells.
            body = _ESCAPE.sub(lambda m: _UNESCAPED.get(m.group(1), m.group(1)).replace(b"\n", b"&#10;"), body)
        body = body.translate(None, _CONTROLS)
        body = body.replace(_SEPARATOR, b"</td><td>").replace(b"\n", b"</td></tr>\n<tr><td>")
        written = b"<tr><td>" + body + b"</td></tr>\n"
        if b"<td>http" in written:
            written = _LINK.sub(rb'<a href="\1">\1</a>', written)
        return written

    def trailer(self, outcome: Outcome) -> Iterable[bytes]:
        rows = f"{outcome.rows:,} row{'' if outcome.rows == 1 else 's'}"
        if outcome.status is OutcomeStatus.OK:
            end = f'<p id="end">{rows}, complete.</p>'
        elif outcome.status is OutcomeStatus.OVERFLOW:
            end = f'<p id="end" class="warning">OVERFLOW: only the first {rows}; there are more. Raise MAXREC.</p>'
        else:
            end = f'<p id="end" class="warning">ERROR: the answer is not complete. {escape(outcome.message)}</p>'
        return [f"</tbody>\n</table>\n{end}\n<script>{_SCRIPT}</script>\n</body>\n</html>\n".encode()]

    def close(self) -> None:
        pass


def _head(column: ResultColumn) -> str:
    number = " data-number" if column.datatype in _NUMBERS and column.arraysize is None else ""
    title = f' title="{escape(column.description)}"' if column.description else ""
    unit = f"<small>{escape(column.unit)}</small>" if column.unit else ""
    return f'<th scope="col"{number}{title}><button type="button">{escape(column.name)}</button>{unit}</th>'
