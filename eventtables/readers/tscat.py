"""TSCat's JSON: catalogues that name their events, with what each event says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from eventtables.cells import guessed_kind, number
from eventtables.model import Description, EventColumn, EventTable, EventTableError, Kind
from eventtables.readers.build import table_of

__all__ = ["read_tscat_json"]

#: what every event has, in the order of TSCat's own tables
_OWN = ("author", "uuid", "tags", "products", "rating")
_ENDS = ("start", "stop")


def read_tscat_json(text: str, name: str, catalogue: str = "") -> EventTable:
    """The catalogue of this name or uuid, or the only one. Raises EventTableError."""
    try:
        document = json.loads(text)
    except ValueError as exc:
        raise EventTableError(f"The file is no JSON: {exc}.") from None
    except RecursionError:
        raise EventTableError("The file is JSON within JSON too many times over to be an export of TSCat.") from None
    chosen = _chosen(document, catalogue)
    by_uuid = {str(one.get("uuid")): one for one in _objects(document, "events")}
    wanted = chosen.get("events") or []
    if not (isinstance(wanted, list) and all(isinstance(one, str) for one in wanted)):
        raise EventTableError("The file is no export of TSCat; expected the uuids of events as events of a catalogue.")
    missing = [one for one in wanted if one not in by_uuid]
    if missing:
        raise EventTableError(f"The catalogue names the event {missing[0]}, which the file does not hold.")
    events = [by_uuid[one] for one in wanted]
    keys = [key for key in _OWN if any(key in one for one in events)]
    others = (key for one in events for key in _attributes(one))
    keys += [key for key in dict.fromkeys(others) if key not in {*_OWN, *_ENDS}]
    cells = [[_text(_value(one, key)) for one in events] for key in keys]
    columns = tuple(
        EventColumn(key, _kind(key, [_value(one, key) for one in events], texts))
        for key, texts in zip(keys, cells, strict=True)
    )
    about = Description(
        name=str(chosen.get("name") or name),
        authors=str(chosen.get("author") or ""),
        history=f"Catalogue {chosen['uuid']} of TSCat." if chosen.get("uuid") else "",
        columns=columns,
    )

    def place(row: int) -> str:
        return f"Event {row + 1}"

    starts, stops = ([_text(one.get(end)) for one in events] for end in _ENDS)
    return table_of(about, ("start", starts), ("stop", stops), cells, place)


def _chosen(document: object, wanted: str) -> Mapping[str, Any]:
    catalogues = _objects(document, "catalogues")
    names = ", ".join(str(one.get("name")) for one in catalogues)[:300]
    found = [one for one in catalogues if not wanted or wanted in (one.get("name"), one.get("uuid"))]
    if len(found) == 1:
        return found[0]
    if not catalogues:
        raise EventTableError("The file holds no catalogue of TSCat; expected one in catalogues.")
    if not found:
        raise EventTableError(f"There is no catalogue {wanted[:80]!r} in the file; there are {names}.")
    raise EventTableError(f"The file holds {len(found)} catalogues; name one with --catalogue: {names}.")


def _objects(document: object, key: str) -> Sequence[Mapping[str, Any]]:
    found = document.get(key) if isinstance(document, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise EventTableError(f"The file is no export of TSCat; expected an object with a list of objects as {key!r}.")
    return found


def _attributes(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What somebody has added, below `attributes` or beside the rest."""
    inner = event.get("attributes") or {}
    if not isinstance(inner, dict):
        raise EventTableError(
            f"The attributes of the event {event.get('uuid')} are no object, as they are in exports of TSCat."
        )
    return {**{key: value for key, value in event.items() if key != "attributes"}, **inner}


def _value(event: Mapping[str, Any], key: str) -> object:
    return _attributes(event).get(key)


def _kind(key: str, values: Sequence[object], texts: Sequence[str]) -> Kind:
    there = [value for value in values if value is not None]
    if key == "rating":
        return Kind.INT
    if there and all(isinstance(value, bool) for value in there):
        return Kind.BOOLEAN
    if there and all(isinstance(value, int) for value in there):
        return Kind.INT
    if there and all(isinstance(value, int | float) for value in there):
        return Kind.DOUBLE
    return Kind.TIME if there and key not in _OWN and guessed_kind(texts) is Kind.TIME else Kind.TEXT


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return number(value)
        case str() | int():
            return str(value)
        case _:
            return json.dumps(value, ensure_ascii=False)
