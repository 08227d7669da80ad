"""Lists of time tables and catalogues, as AMDA's clients read them: those that everybody may have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np

from epntap.errors import NotFoundError
from epntap.hints import shortened
from epntap.xml import attribute
from eventtables.store.tables import StoredTable
from eventtables.times import spelled

__all__ = [
    "catalog_list",
    "number_of",
    "own_catalog_list",
    "own_time_table_list",
    "public_id",
    "time_table_list",
]

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_TIME_TABLE, _CATALOGUE = "sharedtimeTable_", "sharedcatalog_"
#: of what belongs to somebody
_OWN_TIME_TABLE, _OWN_CATALOGUE = "tt_", "cat_"
_ID = re.compile(r"(?:sharedtimeTable|sharedcatalog|tt|cat)_([1-9][0-9]{0,17})", re.ASCII)
_FOLDER, _OWN_FOLDER = "PUBLIC", "OWN"


def time_table_list(stored: Iterable[StoredTable]) -> bytes:
    """Those that are intervals only."""
    nodes = "".join(_nodes("timeTable", (one for one in stored if not one.about.is_catalogue)))
    start = '<timeTableList xml:id="sharedtimeTable-treeRootNode" name="SharedTimeTables">'
    return f"{_HEAD}{start}{nodes}</timeTableList>\n".encode()


def catalog_list(stored: Iterable[StoredTable]) -> bytes:
    """Those whose events have more than a start and a stop."""
    nodes = "".join(_nodes("catalog", (one for one in stored if one.about.is_catalogue)))
    start = '<catalogList xml:id="sharedcatalog-treeRootNode" name="SharedCatalogs">'
    return f"{_HEAD}{start}{nodes}</catalogList>\n".encode()


def own_time_table_list(stored: Iterable[StoredTable]) -> bytes:
    """Those of the intervals only that belong to somebody, or are shared with them."""
    nodes = "".join(_nodes("timetab", (one for one in stored if one.owner and not one.about.is_catalogue)))
    start = '<ws><timetabList xml:id="timeTable-treeRootNode" name="My Time Tables">'
    return f"{_HEAD}{start}{nodes}</timetabList></ws>\n".encode()


def own_catalog_list(stored: Iterable[StoredTable]) -> bytes:
    """Those whose events have more than a start and a stop."""
    nodes = "".join(_nodes("catalog", (one for one in stored if one.owner and one.about.is_catalogue)))
    return f'{_HEAD}<catalogList xml:id="catalog-treeRootNode" name="My Catalogs">{nodes}</catalogList>\n'.encode()


def public_id(one: StoredTable) -> str:
    """How clients name the table."""
    catalogue, time_table = (_OWN_CATALOGUE, _OWN_TIME_TABLE) if one.owner else (_CATALOGUE, _TIME_TABLE)
    return f"{catalogue if one.about.is_catalogue else time_table}{one.number}"


def number_of(identifier: str, name: str) -> int:
    """The number in an identifier. Raises NotFoundError; `name` is that of the parameter."""
    found = _ID.fullmatch(identifier.strip())
    if found is None:
        raise NotFoundError(f"{name}: expected an identifier of the list, found {shortened(identifier)!r}.")
    return int(found[1])


def _nodes(tag: str, stored: Iterable[StoredTable]) -> Iterator[str]:
    for one in stored:
        about = one.about
        imported = f"{one.imported:%Y-%m-%dT%H:%M:%S}"
        facts = {
            "xml:id": public_id(one),
            # names of children are names of attributes in Speasy, so they are those that are there once
            "name": f"{one.owner} {one.name}" if one.owner else one.name,
            "created": about.created or imported,
            "modified": imported,
            "surveyStart": _spelled(one.survey.first),
            "surveyStop": _spelled(one.survey.last),
            "contact": about.contact,
            "description": "\n".join(part for part in (about.name, about.description) if part),
            "history": about.history,
            "nbIntervals": str(one.survey.count),
            "sharedBy": one.owner or about.authors or about.contact,
            "sharedDate": imported,
            "folder": _OWN_FOLDER if one.owner else _FOLDER,
        }
        if about.is_catalogue:
            facts["parameters"] = ",".join(column.name for column in about.columns)
        said = "".join(f" {key}={attribute(value)}" for key, value in facts.items())
        yield f"<{tag}{said}/>"


def _spelled(moment: np.datetime64 | None) -> str:
    return "" if moment is None else spelled(np.array([moment], dtype="datetime64[us]"))[0]
