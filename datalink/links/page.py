"""The {links} document for people: a page with the links of granules and forms for their services, without scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from datalink.links.descriptors import Descriptor, InputParam
from datalink.links.request import LinksRequest
from datalink.links.rows import Link
from epntap.addresses import LINKS
from epntap.answer.model import Outcome
from epntap.media import sent_as
from epntap.pages import Pages

__all__ = ["Page"]

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


@dataclass(frozen=True, slots=True)
class _Row:
    """A link as it is shown."""

    kind: str
    what: str
    address: str | None
    link: Link

    @property
    def sent_as(self) -> str:
        """As what other programs take it; empty for what they do not, or what is no document."""
        link = self.link
        is_document = bool(link.access_url) and not link.error_message and link.link_authorized is not False
        return sent_as(link.content_type or "") if is_document else ""


@dataclass(frozen=True, slots=True)
class _Field:
    """A field that a person fills in."""

    param: InputParam
    field_id: str
    value: str
    chosen: frozenset[str]


class Page:
    """Writes one page; see LinkWriter. With one identifier it has forms, with several each leads to its own page."""

    def __init__(self, request: LinksRequest, pages: Pages) -> None:
        self._request = request
        self._pages = pages
        self._one = request.identifiers[0] if len(request.identifiers) == 1 else None

    def header(self) -> bytes:
        """Everything before the first row."""
        return self._frame(None, ())[0].encode()

    def rows(self, links: Sequence[Link]) -> bytes:
        """The links, those of one identifier in a group."""
        groups = [
            (identifier, None if self._one else self._page_of(identifier), [self._row(link) for link in group])
            for identifier, group in groupby(links, key=lambda link: link.ID)
        ]
        return self._pages.render("datalink.links/rows.html", groups=groups).encode()

    def trailer(self, outcome: Outcome, descriptors: Sequence[Descriptor]) -> bytes:
        """The forms, and how the document ended."""
        shown = [one for one in descriptors if not one.resource_id.startswith(_NOT_SHOWN)] if self._one else []
        return self._frame(outcome, shown)[1].encode()

    def _frame(self, outcome: Outcome | None, descriptors: Sequence[Descriptor]) -> tuple[str, str]:
        one, count = self._one, len(self._request.identifiers)
        return self._pages.around(
            "datalink.links/page.html",
            "rows",
            title=f"Links of {one}" if one else f"Links of {count:,} granules",
            identifier=one,
            others=[(name, self._page_of(one, RESPONSEFORMAT=name.lower())) for name in ("VOTable", "JSON", "CSV")]
            if one
            else [],
            outcome=outcome,
            forms=[(form, list(self._hidden(form)), list(self._fields(form))) for form in descriptors],
        )

    def _page_of(self, identifier: str, **more: str) -> str:
        """The address of the links of one identifier."""
        return self._pages.site.at(LINKS, ID=identifier, SCHEMA=self._request.schema, **more)

    def _row(self, link: Link) -> _Row:
        address = link.access_url
        if not address and link.service_def and self._one and not link.service_def.startswith(_NOT_SHOWN):
            address = f"#{link.service_def}"
        what = link.error_message or link.description or link.access_url or ""
        return _Row(_KINDS.get(link.semantics, link.semantics), what, None if link.error_message else address, link)

    def _hidden(self, form: Descriptor) -> Iterator[tuple[str, str]]:
        """What comes from the row or is fixed goes along unseen."""
        for param in form.params:
            if param.ref:
                yield param.name, self._one or ""
            elif param.value:
                yield param.name, param.value

    def _fields(self, form: Descriptor) -> Iterator[_Field]:
        for param in form.params:
            if param.ref or param.value or param.name in _NOT_ASKED:
                continue
            filled = [value for name, value in self._request.filled if name.upper() == param.name]
            limit = param.minimum if param.ucd == "time.start" else param.maximum
            yield _Field(
                param, f"{form.resource_id}-{param.name}", filled[0] if filled else limit or "", frozenset(filled)
            )
