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

__all__ = ["catalog_list", "number_of", "public_id", "time_table_list"]

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_TIME_TABLE, _CATALOGUE = "sharedtimeTable_", "sharedcatalog_"
_ID = re.compile(r"shared(?:timeTable|catalog)_([1-9][0-9]{0,17})", re.ASCII)
_FOLDER = "PUBLIC"


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


def public_id(one: StoredTable) -> str:
    """How clients name the table."""
    return f"{_CATALOGUE if one.about.is_catalogue else _TIME_TABLE}{one.number}"


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
            "name": one.name,
            "created": about.created or imported,
            "modified": imported,
            "surveyStart": _spelled(one.survey.first),
            "surveyStop": _spelled(one.survey.last),
            "contact": about.contact,
            "description": "\n".join(part for part in (about.name, about.description) if part),
            "history": about.history,
            "nbIntervals": str(one.survey.count),
            "sharedBy": about.authors or about.contact,
            "sharedDate": imported,
            "folder": _FOLDER,
        }
        if about.is_catalogue:
            facts["parameters"] = ",".join(column.name for column in about.columns)
        said = "".join(f" {key}={attribute(value)}" for key, value in facts.items())
        yield f"<{tag}{said}/>"


def _spelled(moment: np.datetime64 | None) -> str:
    return "" if moment is None else spelled(np.array([moment], dtype="datetime64[us]"))[0]
