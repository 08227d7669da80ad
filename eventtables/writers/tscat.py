"""What TSCat has for every event, and its JSON."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence

from epntap.catalog.names import distinct
from eventtables.cells import texts_of
from eventtables.model import Description, EventColumn, Events, Kind, Survey
from eventtables.times import spelled

__all__ = ["as_tscat_json", "attribute_names", "tscat_columns"]

#: of events that have no identifier: the same event of the same table gets the same one each time
_NAMESPACE = uuid.UUID("7d1c9d0e-6f0b-5d57-9a54-3b1f7a3f0c21")
_OWN = ("author", "uuid", "tags", "products", "rating")


def attribute_names(columns: Sequence[EventColumn]) -> list[str]:
    """Names that TSCat takes for attributes, each once."""
    names = []
    for column in columns:
        name = re.sub(r"\W+", "_", column.name, flags=re.ASCII).strip("_") or "column"
        names.append(name if name[0].isalpha() and name not in {*_OWN, "start", "stop"} else f"column_{name}")
    return distinct(names, str.lower)


def tscat_columns(about: Description) -> tuple[Callable[[Events], list[list[str]]], list[int]]:
    """What makes author, uuid, tags, products and rating of events, and the places of all other columns."""
    places = {
        column.name: place
        for place, column in enumerate(about.columns)
        # a rating in words is no rating of TSCat's
        if column.name in _OWN and (column.name != "rating" or column.kind is Kind.INT)
    }
    seen = 0

    def own(events: Events) -> list[list[str]]:
        nonlocal seen
        found = {name: texts_of(about.columns[place], events.values[place]) for name, place in places.items()}
        author = about.authors or about.contact or "unknown"
        made = [
            str(uuid.uuid5(_NAMESPACE, f"{about.name}\n{number}\n{start}\n{stop}"))
            for number, (start, stop) in enumerate(
                zip(spelled(events.start, 6), spelled(events.stop, 6), strict=True), seen
            )
        ]
        seen += len(events)
        uuids = [one or other for one, other in zip(found.get("uuid", made), made, strict=True)]
        return [
            [one or author for one in found.get("author", [author] * len(events))],
            uuids,
            [_list(one) for one in found.get("tags", [""] * len(events))],
            [_list(one) for one in found.get("products", [""] * len(events))],
            [one or "0" for one in found.get("rating", [""] * len(events))],
        ]

    return own, [place for place in range(len(about.columns)) if place not in places.values()]


def as_tscat_json(about: Description, _survey: Survey, chunks: Iterable[Events]) -> Iterator[bytes]:
    """The document that TSCat exports; the catalogue stands last, because it names its events."""
    own, others = tscat_columns(about)
    names = attribute_names([about.columns[place] for place in others])
    yield b'{"events": ['
    uuids: list[str] = []
    for events in chunks:
        five = own(events)
        attributes = [
            list(map(_spell(about.columns[place]), texts_of(about.columns[place], events.values[place])))
            for place in others
        ]
        ends = spelled(events.start), spelled(events.stop)
        lines = []
        for row, (start, stop) in enumerate(zip(*ends, strict=True)):
            author, identifier, tags, products, rating = (one[row] for one in five)
            facts = [
                f'"start": "{start}", "stop": "{stop}"',
                f'"author": {json.dumps(author)}, "uuid": {json.dumps(identifier)}',
                f'"tags": {tags}, "products": {products}, "rating": {rating if rating != "0" else "null"}',
                *(f"{json.dumps(name)}: {values[row]}" for name, values in zip(names, attributes, strict=True)),
            ]
            lines.append("{" + ", ".join(facts) + "}")
        separator = ",\n" if uuids and lines else ""
        uuids += five[1]
        yield (separator + ",\n".join(lines)).encode()
    catalogue = {
        "name": about.name,
        "author": about.authors or about.contact or "unknown",
        "uuid": str(uuid.uuid5(_NAMESPACE, about.name)),
        "tags": [],
        "predicate": None,
        "events": uuids,
    }
    yield f'], "catalogues": [{json.dumps(catalogue)}]}}\n'.encode()


def _spell(column: EventColumn) -> Callable[[str], str]:
    """A text of a cell as JSON."""
    if column.kind is Kind.DOUBLE and column.size == 1:
        # JSON has no word for what is no number; -7 would be of another type than -7.5, which TSCat does not want
        return lambda text: "null" if text in {"", "NaN", "inf", "-inf"} else repr(float(text))
    if column.kind in {Kind.INT, Kind.BOOLEAN}:
        return lambda text: text or "null"
    return lambda text: json.dumps(text, ensure_ascii=False)


def _list(text: str) -> str:
    """A list of texts as JSON, whether it is one already or words between commas."""
    try:
        found = json.loads(text) if text else []
    except ValueError:
        found = [part.strip() for part in text.split(",")]
    return json.dumps(list(map(str, found)) if isinstance(found, list) else [str(found)])
