"""The frame of a VOTable: everything but the rows (VOTable 1.4, DALI 1.1 §4.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from epntap.answer.model import Outcome, OutcomeStatus, ResultColumn
from epntap.formats.base import AnswerFacts
from epntap.xml import attribute, is_ncname, xml_text

__all__ = [
    "RESULTS_START",
    "VOTABLE_END",
    "VOTABLE_START",
    "document_end",
    "document_start",
    "error_document",
    "field_ids",
    "info",
]

#: the document up to its first RESOURCE
VOTABLE_START = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://www.ivoa.net/xml/VOTable/v1.3 http://www.ivoa.net/xml/VOTable/VOTable-1.4.xsd">\n'
)
VOTABLE_END = "</VOTABLE>\n"
#: UCDs of the columns that hold Julian Days (EPN-TAP 2.0 §2.1)
_JD_UCDS = {"time.start;obs", "time.end;obs"}
_TIMESYS_ID = "epn_time"
#: first words of UCDs of celestial directions, which EPN-TAP gives in ICRS; other frames are those of a body or a
#: spacecraft, and COOSYS has no word for them
_CELESTIAL_UCDS = {"pos.eq.ra", "pos.eq.dec"}
_COOSYS_ID = "epn_icrs"
#: XML IDs that the descriptors after the table bear
_DESCRIPTOR_IDS = ("datalink", "soda", "amda", "hapi")


def info(name: str, value: str, content: str = "") -> str:
    """An INFO element."""
    start = f"<INFO name={attribute(name)} value={attribute(value)}"
    return f"{start}>{xml_text(content)}</INFO>\n" if content else f"{start}/>\n"


#: the RESOURCE of a result up to what is said of it
RESULTS_START = '<RESOURCE type="results">\n' + info("QUERY_STATUS", OutcomeStatus.OK)


def field_ids(columns: Sequence[ResultColumn]) -> list[str]:
    """An XML ID for each column: its name where that is possible and free."""
    taken: set[str] = {_TIMESYS_ID, _COOSYS_ID, *_DESCRIPTOR_IDS}
    ids: list[str] = []
    for n, column in enumerate(columns, start=1):
        wanted = column.name if is_ncname(column.name) else f"col_{n}"
        while wanted in taken:
            wanted = f"{wanted}_{n}"
        taken.add(wanted)
        ids.append(wanted)
    return ids


def document_start(
    columns: Sequence[ResultColumn], facts: AnswerFacts, *, nulls: Mapping[str, str] = MappingProxyType({})
) -> bytes:
    """The document up to and including the last FIELD; `nulls` are the values that say NULL, by datatype."""
    kept = ("votable fields", *nulls.items())
    fields = facts.kept.get(kept)
    if fields is None:
        fields = facts.kept[kept] = _fields(columns, nulls)
    infos = [info(name, value, about) for name, value, about in facts.infos]
    return "".join((VOTABLE_START, RESULTS_START, *infos, fields)).encode()


def _fields(columns: Sequence[ResultColumn], nulls: Mapping[str, str]) -> str:
    parts = []
    systems = [_system_of(column) for column in columns]
    if _TIMESYS_ID in systems:
        parts.append(f'<TIMESYS ID="{_TIMESYS_ID}" timeorigin="JD-origin" timescale="UTC" refposition="UNKNOWN"/>\n')
    if _COOSYS_ID in systems:
        parts.append(f'<COOSYS ID="{_COOSYS_ID}" system="ICRS"/>\n')
    parts.append("<TABLE>\n")
    parts += [
        _field(column, field_id, system, nulls.get(column.datatype, "") if column.arraysize is None else "")
        for column, field_id, system in zip(columns, field_ids(columns), systems, strict=True)
    ]
    return "".join(parts)


def _system_of(column: ResultColumn) -> str | None:
    if column.unit == "d" and column.ucd in _JD_UCDS:
        return _TIMESYS_ID
    is_celestial = column.unit == "deg" and (column.ucd or "").split(";")[0] in _CELESTIAL_UCDS
    return _COOSYS_ID if is_celestial else None


@lru_cache(maxsize=4096)  # the columns of published tables come again and again: half of a short answer's header
def _field(column: ResultColumn, field_id: str, system: str | None, null: str) -> str:
    attributes: Iterable[tuple[str, str | None]] = (
        ("ID", field_id),
        ("name", column.name),
        ("datatype", column.datatype),
        ("arraysize", column.arraysize),
        ("xtype", column.xtype),
        ("unit", column.unit),
        ("ucd", column.ucd),
        ("utype", column.utype),
        ("ref", system),
    )
    start = "<FIELD" + "".join(f" {name}={attribute(value)}" for name, value in attributes if value)
    content = f"<DESCRIPTION>{xml_text(column.description)}</DESCRIPTION>" if column.description else ""
    content += f'<VALUES null="{null}"/>' if null else ""
    return f"{start}>{content}</FIELD>\n" if content else f"{start}/>\n"


def document_end(outcome: Outcome, facts: AnswerFacts) -> bytes:
    """The document from the end of the table on; says overflow or failure after the rows (DALI 1.1 §4.4.1)."""
    parts = ["</TABLE>\n"]
    if outcome.status is not OutcomeStatus.OK:
        parts.append(info("QUERY_STATUS", outcome.status, outcome.message))
    parts.append("</RESOURCE>\n")
    parts += facts.descriptors
    parts.append(VOTABLE_END)
    return "".join(parts).encode()


def error_document(message: str) -> bytes:
    """A whole document that says why there is no answer (DALI 1.1 §4.2)."""
    body = '<RESOURCE type="results">\n' + info("QUERY_STATUS", OutcomeStatus.ERROR, message) + "</RESOURCE>\n"
    return (VOTABLE_START + body + VOTABLE_END).encode()
