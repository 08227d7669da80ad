"""Formats of the {links} document. One line a format."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from operator import attrgetter
from typing import Protocol

from datalink.links.descriptors import DATALINK, Descriptor
from datalink.links.page import Page
from datalink.links.request import LinksRequest
from datalink.links.rows import COLUMNS, Link
from epntap.answer.model import Outcome
from epntap.formats import votable
from epntap.formats.base import AnswerFacts
from epntap.formats.choice import FormatTable
from epntap.formats.textual.delimited import Csv
from epntap.formats.textual.json import Json
from epntap.pages import Pages
from epntap.xml import xml_text

__all__ = ["HTML", "VOTABLE", "LinkFormat", "choose_link_format"]


#: values of a link in the order of the columns
_CELLS = attrgetter(*(column.name for column in COLUMNS))


class LinkWriter(Protocol):
    """Writes one document: a header, the rows in any number of steps, a trailer."""

    def header(self) -> bytes:
        """What comes before the first row."""
        ...

    def rows(self, links: Sequence[Link]) -> bytes:
        """Some rows."""
        ...

    def trailer(self, outcome: Outcome, descriptors: Sequence[Descriptor]) -> bytes:
        """What comes after the last row."""
        ...


class LinkFormat(Protocol):
    """A way to write links."""

    @property
    def media_type(self) -> str:
        """Media type of the answer."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Media types and short names that ask for this format, in lower case."""
        ...

    @property
    def says_outcome(self) -> bool:
        """Whether the trailer can say that the document was cut short or broke."""
        ...

    def writer(self, request: LinksRequest, pages: Pages) -> LinkWriter:
        """A writer for one document that answers this request; `pages` are for those that are one."""
        ...


class _Votable:
    media_type = "application/x-votable+xml;content=datalink"
    names = ("votable", "vot", "votable/td", "application/x-votable+xml", "text/xml", "application/xml")
    says_outcome = True

    def writer(self, request: LinksRequest, pages: Pages) -> LinkWriter:  # noqa: ARG002  # rows say it
        return _VotableWriter()


class _VotableWriter:
    def __init__(self) -> None:
        self._facts = AnswerFacts(infos=[("standardID", DATALINK, "")])

    def header(self) -> bytes:
        return votable.document_start(COLUMNS, self._facts) + b"<DATA><TABLEDATA>\n"

    def rows(self, links: Sequence[Link]) -> bytes:
        return "".join(
            "<TR><TD>" + "</TD><TD>".join([xml_text(_text(value)) for value in _CELLS(link)]) + "</TD></TR>\n"
            for link in links
        ).encode()

    def trailer(self, outcome: Outcome, descriptors: Sequence[Descriptor]) -> bytes:
        facts = AnswerFacts(descriptors=[one.xml() for one in descriptors])
        return b"</TABLEDATA></DATA>\n" + votable.document_end(outcome, facts)


class _Csv:
    media_type = Csv.media_type
    names = ("csv", "text/csv", "text/csv;header=present")
    says_outcome = False

    def writer(self, request: LinksRequest, pages: Pages) -> LinkWriter:  # noqa: ARG002  # rows say it
        return _CsvWriter()


class _CsvWriter:
    """Rows only: CSV has no place for descriptors."""

    def header(self) -> bytes:
        return _line([column.name for column in COLUMNS])

    def rows(self, links: Sequence[Link]) -> bytes:
        return b"".join(_line([_text(value) for value in _CELLS(link)]) for link in links)

    def trailer(self, outcome: Outcome, descriptors: Sequence[Descriptor]) -> bytes:  # noqa: ARG002
        return b""


def _line(cells: Sequence[str]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue().encode(errors="replace")


class _Json:
    media_type = Json.media_type
    names = ("json", "application/json")
    says_outcome = True

    def writer(self, request: LinksRequest, pages: Pages) -> LinkWriter:  # noqa: ARG002  # rows say it
        return _JsonWriter()


class _JsonWriter:
    """As the JSON of queries, with the services after the rows."""

    def __init__(self) -> None:
        self._frame = Json().writer(COLUMNS, AnswerFacts(infos=[("standardID", DATALINK, "")]))
        self._between = ""

    def header(self) -> bytes:
        return self._frame.header()

    def rows(self, links: Sequence[Link]) -> bytes:
        if not links:
            return b""
        written = self._between + ",\n".join(json.dumps(_CELLS(link), ensure_ascii=False) for link in links)
        self._between = ",\n"
        return written.encode(errors="replace")

    def trailer(self, outcome: Outcome, descriptors: Sequence[Descriptor]) -> bytes:
        end = {
            "services": {one.resource_id: _service(one) for one in descriptors},
            "status": outcome.status.value,
            "rows": outcome.rows,
            **({"message": outcome.message} if outcome.message else {}),
        }
        return b"\n],\n" + json.dumps(end, ensure_ascii=False)[1:].encode(errors="replace") + b"\n"


def _service(one: Descriptor) -> dict[str, object]:
    return {
        "name": one.name,
        "description": one.description,
        "accessURL": one.access_url,
        "standardID": one.standard_id,
        "exampleURL": one.example_url,
        "inputParams": [
            {
                "name": param.name,
                "description": param.description,
                "value": param.value or None,
                "ref": param.ref,
                "unit": param.unit,
                "min": param.minimum,
                "max": param.maximum,
                "options": [value for value, _ in param.options],
            }
            for param in one.params
        ],
    }


class _Html:
    media_type = "text/html;charset=utf-8"
    names = ("html", "text/html")
    says_outcome = True

    def writer(self, request: LinksRequest, pages: Pages) -> LinkWriter:
        return Page(request, pages)


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


VOTABLE: LinkFormat = _Votable()
HTML: LinkFormat = _Html()
_TABLE: FormatTable[LinkFormat] = FormatTable(
    (VOTABLE, HTML, _Csv(), _Json()), "RESPONSEFORMAT", what=" for links", variants=False
)


def choose_link_format(name: str) -> LinkFormat:
    """The format with this name; parameters of a media type do not matter. Raises ParameterError for others."""
    return _TABLE.choose(name)
