"""The {links} document for people: a page with the links of granules and forms for their services, without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from urllib.parse import urlencode

from datalink.links.descriptors import Descriptor, InputParam
from datalink.links.rows import Link
from epntap.answer.model import Outcome, OutcomeStatus

__all__ = ["Page"]

_STYLE = """
body { font: 15px/1.5 sans-serif; margin: 1.5rem auto; padding: 0 1rem; max-width: 72rem; color: #1a1a1a;
  background: #fff }
h1 { font-size: 1.4rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #ccc }
thead th { background: #234; color: #fff }
td.size { text-align: right; white-space: nowrap }
tbody th { background: #eef2f6; font-family: monospace; font-size: 1rem; overflow-wrap: anywhere }
.fault { background: #fee9e6; padding: .1rem .4rem }
.closed { color: #8a4b00 }
form { border: 1px solid #bbb; border-radius: .4rem; padding: .2rem 1.2rem 1rem; margin: 1rem 0; background: #fafbfc }
form p { display: grid; grid-template-columns: 9rem 1fr; gap: .2rem .8rem; margin: .7rem 0 }
form label, form .label { font-weight: bold }
form small { grid-column: 2; color: #555 }
form input[type=text], form select { font: inherit; padding: .25rem .4rem; width: 22rem; max-width: 100% }
form .choices { max-height: 14rem; overflow: auto }
form .choices label { font-weight: normal; display: block }
button { font: inherit; padding: .35rem 1.2rem; margin-left: 9.8rem }
img { max-height: 6rem; border: 1px solid #ccc }
.warning { background: #fe9; padding: .5rem }
footer { margin-top: 2rem; color: #555 }
"""
#: what the terms of the vocabulary are called on the page
_KINDS = {
    "#this": "data",
    "#cutout": "service",
    "#proc": "service",
    "#progenitor": "source file",
    "#coderived": "related data",
    "#thumbnail": "thumbnail",
    "#preview": "preview",
    "#documentation": "documentation",
}
#: fields that stand for others which people find easier
_NOT_ASKED = {"TIME"}
#: custom services that repeat another on the same page
_NOT_SHOWN = "amda"


class Page:
    """Writes one page; see LinkWriter. With one identifier it has forms, with several each leads to its own page."""

    def __init__(self, identifiers: Sequence[str], schema: str | None) -> None:
        self._identifiers = identifiers
        self._schema = schema

    def header(self) -> bytes:
        """Everything before the first row."""
        one = self._identifiers[0] if len(self._identifiers) == 1 else None
        title = f"Links of {one}" if one else f"Links of {len(self._identifiers):,} granules"
        about = (
            "<p>What can be fetched for this granule. The same for programs: "
            + ", ".join(
                f'<a href="{self._page_of(one, RESPONSEFORMAT=name.lower())}">{name}</a>'
                for name in ("VOTable", "JSON", "CSV")
            )
            + ".</p>\n"
            if one
            else "<p>Give one or more granule_uid as <code>ID</code>; each leads to a page with forms.</p>\n"
        )
        page = (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
            f"<h1>{escape(title)}</h1>\n{about}<table>\n<thead><tr>"
            "<th>Kind</th><th>What</th><th>Type</th><th>Size</th></tr></thead>\n"
        )
        return page.encode(errors="replace")

    def rows(self, links: Sequence[Link]) -> bytes:
        """The links, those of one identifier in a group."""
        groups = [
            "<tbody>\n" + self._heading(identifier) + "".join(map(self._row, group)) + "</tbody>\n"
            for identifier, group in groupby(links, key=lambda link: link.ID)
        ]
        return "".join(groups).encode(errors="replace")

    def trailer(self, outcome: Outcome, descriptors: Sequence[Descriptor]) -> bytes:
        """The forms, and how the document ended."""
        forms = ""
        if len(self._identifiers) == 1:
            forms = "".join(
                _form(one, self._identifiers[0]) for one in descriptors if not one.resource_id.startswith(_NOT_SHOWN)
            )
        end = ""
        if outcome.status is OutcomeStatus.OVERFLOW:
            end = '<p class="warning">OVERFLOW: not all identifiers are here; ask for the others separately.</p>\n'
        elif outcome.status is OutcomeStatus.ERROR:
            end = f'<p class="warning">ERROR: the page is not complete. {escape(outcome.message)}</p>\n'
        return f"</table>\n{end}{forms}<footer>{outcome.rows:,} links</footer>\n</body>\n</html>\n".encode(
            errors="replace"
        )

    def _heading(self, identifier: str) -> str:
        if len(self._identifiers) == 1:
            return ""
        address = self._page_of(identifier)
        return f'<tr><th colspan="4" scope="rowgroup"><a href="{address}">{escape(identifier)}</a></th></tr>\n'

    def _page_of(self, identifier: str, **more: str) -> str:
        """The address of the links of one identifier, for an attribute."""
        where = {"SCHEMA": self._schema} if self._schema else {}
        return escape(f"?{urlencode({'ID': identifier, **where, **more})}")

    def _row(self, link: Link) -> str:
        what = escape(link.description or link.access_url or "")
        if link.error_message:
            what = f'<span class="fault">{escape(link.error_message)}</span>'
        elif link.access_url:
            what = f'<a href="{escape(link.access_url)}">{what}</a>'
            if link.semantics == "#thumbnail":
                what += f'<br><img src="{escape(link.access_url)}" alt="">'
        elif link.service_def and len(self._identifiers) == 1 and not link.service_def.startswith(_NOT_SHOWN):
            what = f'<a href="#{escape(link.service_def)}">{what}</a>'
        if link.link_authorized is False:
            what += ' <span class="closed">(not public: ask the data centre for access)</span>'
        kind = _KINDS.get(link.semantics, link.semantics)
        size = "" if link.content_length is None else _size(link.content_length)
        return (
            f"<tr><td>{escape(kind)}</td><td>{what}</td><td>{escape(link.content_type or '')}</td>"
            f'<td class="size">{size}</td></tr>\n'
        )


def _size(size_bytes: int) -> str:
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"


def _form(service: Descriptor, identifier: str) -> str:
    """A form of the fields that a person fills in; what comes from the row or is fixed goes along unseen."""
    fields = "".join(_field(param, service.resource_id, identifier) for param in service.params)
    name = escape(service.resource_id)
    return (
        f'<h2 id="{name}">{escape(service.name)}</h2>\n<p>{escape(service.description)}.</p>\n'
        f'<form action="{escape(service.access_url)}" method="get">\n{fields}<button type="submit">Fetch</button>\n'
        "</form>\n"
    )


def _field(param: InputParam, prefix: str, identifier: str) -> str:
    name = escape(param.name)
    if param.ref or param.value:
        return f'<input type="hidden" name="{name}" value="{escape(identifier if param.ref else param.value)}">\n'
    if param.name in _NOT_ASKED:
        return ""
    about = f"<small>{escape(param.description)}</small>" if param.description else ""
    field_id = escape(f"{prefix}-{param.name}")
    if param.name == "PARAMETERS" and param.options:
        boxes = "\n".join(
            f'<label><input type="checkbox" name="{name}" value="{escape(value)}"> {escape(shown)}</label>'
            for value, shown in param.options
        )
        return (
            f'<p role="group" aria-label="{name}"><span class="label">{name}</span>\n'
            f'<span class="choices">{boxes}</span>\n<small>tick none for all</small></p>\n'
        )
    if param.options:
        options = "".join(f'<option value="{escape(value)}">{escape(shown)}</option>' for value, shown in param.options)
        return (
            f'<p><label for="{field_id}">{name}</label>\n<select id="{field_id}" name="{name}">{options}</select>\n'
            f"{about}</p>\n"
        )
    limit = param.minimum if param.ucd == "time.start" else param.maximum
    shown = escape(limit) if limit else ""
    limits = f" from {param.minimum} to {param.maximum}" if param.minimum and param.maximum else ""
    about = f"<small>{escape(param.description + limits)}</small>"
    return (
        f'<p><label for="{field_id}">{name}</label>\n'
        f'<input type="text" id="{field_id}" name="{name}" value="{shown}">\n{about}</p>\n'
    )
