"""Where a dataset is in the tree: its mission and its instrument, as rows of epn_core name them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from epntap.archive.kept.groups import granule_groups
from epntap.connection import Connection

__all__ = ["NOWHERE", "Place", "places_of"]


@dataclass(frozen=True, slots=True)
class Place:
    """Empty texts where rows do not say it; several values are between commas."""

    mission: str = ""
    instrument: str = ""
    target: str = ""
    measurement_type: str = ""


NOWHERE = Place()


def places_of(connect: Callable[[], AbstractContextManager[Connection]]) -> Mapping[tuple[str, str], Place]:
    """The places of all datasets, by schema and dataset."""
    with connect() as connection:
        groups = granule_groups(connection)
    said: dict[tuple[str, str], list[dict[str, None]]] = {}
    for group in groups:
        if group.dataset_id is None:
            continue
        known = said.setdefault((group.schema_name, group.dataset_id), [{}, {}, {}, {}])
        values = (group.instrument_host_name, group.instrument_name, group.target_name, group.measurement_type)
        for kept, value in zip(known, values, strict=True):
            # lists of EPN-TAP have a # between their items
            kept.update(dict.fromkeys(filter(None, (value or "").split("#"))))
    return {where: Place(*(", ".join(values) for values in known)) for where, known in said.items()}
