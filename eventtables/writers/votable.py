"""VOTables of events in three dialects: what Speasy and AMDA read, what TSCat reads, and what the VO reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from epntap.formats.votable import VOTABLE_END, VOTABLE_START, info
from epntap.xml import attribute, xml_text
from eventtables.cells import texts_of
from eventtables.model import Description, EventColumn, Events, Instants, Kind, Survey, Values
from eventtables.times import spelled
from eventtables.writers.tscat import attribute_names, tscat_columns

__all__ = ["as_amda_votable", "as_tscat_votable", "as_votable"]

_OLDER_START = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
)
#: the first two FIELDs, letter for letter as AMDA's clients look for them
_AMDA_ENDS = (
    '<FIELD name="Start Time" ID="TimeIntervalStart" ucd="time.start" datatype="char" xtype="dateTime" utype=""'
    ' arraysize="*"/>'
    '<FIELD name="Stop Time" ID="TimeIntervalStop" ucd="time.end" datatype="char" xtype="dateTime" utype=""'
    ' arraysize="*"/>'
)
_VO_ENDS = (
    '<FIELD name="start_time" ID="start_time" ucd="time.start" datatype="char" arraysize="*" xtype="timestamp"'
    ' ref="utc"><DESCRIPTION>Start of the event</DESCRIPTION></FIELD>\n'
    '<FIELD name="stop_time" ID="stop_time" ucd="time.end" datatype="char" arraysize="*" xtype="timestamp"'
    ' ref="utc"><DESCRIPTION>End of the event</DESCRIPTION></FIELD>\n'
)
_UTC = '<TIMESYS ID="utc" timescale="UTC" refposition="UNKNOWN"/>\n'
_DATATYPES = {Kind.DOUBLE: "double", Kind.INT: "long", Kind.TEXT: "char", Kind.TIME: "char", Kind.BOOLEAN: "boolean"}
_AMDA_DATATYPES = {**_DATATYPES, Kind.BOOLEAN: "char"}


def as_amda_votable(about: Description, survey: Survey, chunks: Iterable[Events]) -> Iterator[bytes]:
    """As AMDA writes it. What has no place there (unit, description of a column) is said where readers pass over it.

    A column with several values in a cell becomes several: Speasy 1.9 does not read it where another cell is empty.
    """
    # its readers take the name from behind the last colon, and items from between semicolons
    words = {
        "Name": re.sub(r"[:;\s]+", " ", about.name).strip(),
        "Historic": _item(about.history),
        **({"ListStartDate": " " + _spelled(survey.first), "ListStopDate": " " + _spelled(survey.last)}
           if survey.first is not None else {}),
        "Contact": " " + _item(about.contact),
        "Creation Date": _item(about.created),
    }  # fmt: skip
    said = "".join(f"{key}:{value};\n" for key, value in words.items())
    yield f"{_OLDER_START}<DESCRIPTION>{xml_text(said)}</DESCRIPTION><RESOURCE>".encode()
    if about.description:
        yield f"<DESCRIPTION>{xml_text(about.description)}</DESCRIPTION>".encode()
    yield _infos(about).encode()
    yield f"<TABLE>{_AMDA_ENDS}".encode()
    columns, flat = _one_value_each(about.columns)
    for number, column in enumerate(columns, start=1):
        yield _field(column, f"column{number}", _AMDA_DATATYPES[column.kind], 'xtype="dateTime"').encode()
    yield b"<DATA><TABLEDATA>"
    yield from _rows(columns, map(flat, chunks))
    yield b"</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>\n"


def as_votable(about: Description, _survey: Survey, chunks: Iterable[Events]) -> Iterator[bytes]:
    """As tools of the Virtual Observatory expect it (VOTable 1.4, DALI 1.1)."""
    yield f'{VOTABLE_START}<RESOURCE type="results">\n'.encode()
    if about.description:
        yield f"<DESCRIPTION>{xml_text(about.description)}</DESCRIPTION>\n".encode()
    yield (info("title", about.name) + _infos(about) + _UTC).encode()
    yield f"<TABLE name={attribute(about.name)}>\n{_VO_ENDS}".encode()
    for number, column in enumerate(about.columns, start=1):
        yield (
            _field(column, f"column{number}", _DATATYPES[column.kind], 'xtype="timestamp" ref="utc"') + "\n"
        ).encode()
    yield b"<DATA><TABLEDATA>\n"
    yield from _rows(about.columns, chunks)
    yield f"</TABLEDATA></DATA>\n</TABLE>\n</RESOURCE>\n{VOTABLE_END}".encode()


def as_tscat_votable(about: Description, _survey: Survey, chunks: Iterable[Events]) -> Iterator[bytes]:
    """As TSCat imports it: its five columns first, then attributes, each with a value in every event."""
    author, name = (re.sub(r"[:;\s]+", " ", text).strip() for text in (about.authors or about.contact, about.name))
    yield (
        f"{VOTABLE_START}<DESCRIPTION>Contact:{xml_text(author or 'unknown')};Name:{xml_text(name)};</DESCRIPTION>\n"
        f'<RESOURCE type="results"><TABLE name={attribute(name)}>{_AMDA_ENDS}'
    ).encode()
    own, others = tscat_columns(about)
    yield b'<FIELD ID="author" name="author" datatype="char" arraysize="*"/>'
    yield b'<FIELD ID="uuid" name="uuid" datatype="char" arraysize="*"/>'
    yield b'<FIELD ID="tags" name="tags" datatype="char" arraysize="*" utype="json"/>'
    yield b'<FIELD ID="products" name="products" datatype="char" arraysize="*" utype="json"/>'
    yield b'<FIELD ID="rating" name="rating" datatype="long"/>'
    names = attribute_names([about.columns[place] for place in others])
    for place, called in zip(others, names, strict=True):
        column = about.columns[place]
        known = f"ID={attribute(called)} name={attribute(called)}"
        match column.kind:
            case Kind.TIME:
                yield f'<FIELD {known} datatype="char" arraysize="*" xtype="dateTime" utype=""/>'.encode()
            case Kind.DOUBLE | Kind.INT if column.size == 1:
                yield f'<FIELD {known} datatype="double"/>'.encode()
            case _:
                yield f'<FIELD {known} datatype="char" arraysize="*"/>'.encode()
    yield b"<DATA><TABLEDATA>\n"
    for events in chunks:
        five = own(events)
        cells = [spelled(events.start), spelled(events.stop), *five]
        cells += [_whole_or_nan(about.columns[place], events.values[place]) for place in others]
        yield _lines(cells)
    yield f"</TABLEDATA></DATA></TABLE></RESOURCE>{VOTABLE_END}".encode()


def _one_value_each(columns: Sequence[EventColumn]) -> tuple[list[EventColumn], Callable[[Events], Events]]:
    """Columns of one value in a cell, and what makes events with these: `v` of three becomes `v[0]`, `v[1]`, `v[2]`."""
    parts = [
        (place, number, replace(column, name=f"{column.name}[{number}]", size=1) if column.size > 1 else column)
        for place, column in enumerate(columns)
        for number in range(column.size)
    ]

    def flat(events: Events) -> Events:
        values = (events.values[place] for place, _, _ in parts)
        numbers = (number for _, number, _ in parts)
        picked = (one[:, number] if one.ndim > 1 else one for one, number in zip(values, numbers, strict=True))
        return replace(events, values=tuple(picked))

    return [column for _, _, column in parts], flat


def _whole_or_nan(column: EventColumn, values: Values) -> list[str]:
    texts = texts_of(column, values)
    if column.kind in {Kind.DOUBLE, Kind.INT} and column.size == 1:
        return [text or "NaN" for text in texts]
    return texts


def _field(column: EventColumn, xml_id: str, datatype: str, timed: str) -> str:
    shape = ' arraysize="*"' if datatype == "char" else f' arraysize="{column.size}"' if column.size > 1 else ""
    time = f" {timed}" if column.kind is Kind.TIME else ""
    ucd = column.ucd or ("time.epoch" if column.kind is Kind.TIME else "")
    unit = f" unit={attribute(column.unit)}" if column.unit else ""
    start = (
        f'<FIELD name={attribute(column.name)} ID="{xml_id}" ucd={attribute(ucd)} datatype="{datatype}"{time}'
        f" utype={attribute(column.utype)}{unit}{shape}"
    )
    if not column.description:
        return f"{start}/>"
    return f"{start}><DESCRIPTION>{xml_text(column.description)}</DESCRIPTION></FIELD>"


def _rows(columns: Sequence[EventColumn], chunks: Iterable[Events]) -> Iterator[bytes]:
    for events in chunks:
        cells = [spelled(events.start), spelled(events.stop)]
        cells += [texts_of(column, values) for column, values in zip(columns, events.values, strict=True)]
        yield _lines(cells)


def _lines(cells: Sequence[Sequence[str]]) -> bytes:
    escaped = [list(map(xml_text, column)) for column in cells]
    return "".join(f"<TR><TD>{'</TD><TD>'.join(row)}</TD></TR>\n" for row in zip(*escaped, strict=True)).encode()


def _infos(about: Description) -> str:
    """What we know besides, in words of our own."""
    facts = ("contact", "history", "created", "modified", "reference", "licence", "authors")
    return "".join(info(one, getattr(about, one)) for one in facts if getattr(about, one))


def _item(text: str) -> str:
    return re.sub(r"\s*[;\n]\s*", ", ", text.strip())


def _spelled(moment: np.datetime64 | None) -> str:
    assert moment is not None
    times: Instants = np.array([moment], dtype="datetime64[us]")
    return spelled(times)[0]
