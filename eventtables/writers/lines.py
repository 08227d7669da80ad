"""Events as lines of text: AMDA's ASCII, and CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from eventtables.cells import texts_of
from eventtables.model import Description, EventColumn, Events, Kind, Survey, Values
from eventtables.times import spelled

__all__ = ["as_amda_ascii", "as_csv"]

_TYPES = {Kind.DOUBLE: "double", Kind.INT: "int", Kind.TEXT: "string", Kind.TIME: "date", Kind.BOOLEAN: "bool"}


def as_amda_ascii(about: Description, _survey: Survey, chunks: Iterable[Events]) -> Iterator[bytes]:
    """AMDA's header and rows. A text with blanks stands between quotes, which AMDA does not say anything of."""
    words = {
        "Name": about.name,
        "Historic": about.history,
        **({"Description": about.description} if about.description else {}),
        **({"Contact": about.contact} if about.contact else {}),
        **({"Reference": about.reference} if about.reference else {}),
        **({"Licence": about.licence} if about.licence else {}),
        **({"Authors": about.authors} if about.authors else {}),
        "Creation Date": about.created,
        **({"Modification Date": about.modified} if about.modified else {}),
    }
    for key, value in words.items():
        yield f"# {key}: {_line(value)};\n".encode()
    for number, column in enumerate(about.columns, start=1):
        said = {
            "id": f"cat_param_id_{number}",
            "name": column.name,
            "size": str(column.size),
            "type": _TYPES[column.kind],
            "unit": column.unit,
            "description": column.description,
            "ucd": column.ucd,
            "utype": column.utype,
        }
        facts = " ".join(f"{key}:{_line(value).replace(';', ',')};" for key, value in said.items())
        yield f"# Parameter {number}: {facts}\n".encode()
    for events in chunks:
        cells = [spelled(events.start), spelled(events.stop)]
        cells += [_cells(column, values) for column, values in _pairs(about.columns, events)]
        yield "".join(f"{' '.join(row)}\n" for row in zip(*cells, strict=True)).encode()


def as_csv(about: Description, _survey: Survey, chunks: Iterable[Events]) -> Iterator[bytes]:
    """A line of names and a line for each event."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(["start_time", "stop_time", *(column.name for column in about.columns)])
    for events in chunks:
        cells = [spelled(events.start), spelled(events.stop)]
        cells += [texts_of(column, values) for column, values in _pairs(about.columns, events)]
        writer.writerows(zip(*cells, strict=True))
        yield lines.getvalue().encode()
        lines.seek(0)
        lines.truncate()
    yield lines.getvalue().encode()


def _pairs(columns: Sequence[EventColumn], events: Events) -> Iterator[tuple[EventColumn, Values]]:
    return zip(columns, events.values, strict=True)


def _cells(column: EventColumn, values: Values) -> list[str]:
    texts = texts_of(column, values)
    if column.kind is Kind.TEXT:
        return [_quoted(text) for text in texts]
    return [text or "NaN" for text in texts]


def _quoted(text: str) -> str:
    if text and not re.search(r'[\s"\\]', text):
        return text
    escaped = re.sub(r'(["\\])', r"\\\1", text.replace("\n", " ").replace("\r", " "))
    return f'"{escaped}"'


def _line(text: str) -> str:
    return " ".join(text.split())
