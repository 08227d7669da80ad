"""Where an answer comes from, in the words of the IVOA note "Data Origin in the VO" 1.1 and DALI 1.2 §4.4.3."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import epntap
from epntap.catalog.model import Catalog, Schema

__all__ = ["provenance"]

_TAP = "ivo://ivoa.net/std/TAP"

Infos = list[tuple[str, str, str]]


def provenance(query: str, catalog: Catalog, tables: Iterable[str], *, address: str, now: datetime) -> Infos:
    """INFO elements (name, value, description) about an answer made of these tables (qualified names) at `now`.

    They hold the query as it was sent and nothing of how the database was asked.
    """
    names = {table.partition(".")[0] for table in tables}
    read = [schema for schema in catalog.schemas if schema.name in names]
    infos: Infos = [
        ("standardID", _TAP, ""),
        ("service_protocol", _TAP, ""),
        ("QUERY", query, ""),
        ("server_software", f"epntap/{epntap.__version__}", ""),
        ("request", address, ""),
        ("request_date", f"{now:%Y-%m-%dT%H:%M:%S}Z", ""),
    ]
    publishers = dict.fromkeys(schema.publisher for schema in read if schema.publisher)
    if publishers:  # who produced the answer is said once
        infos.append(("publisher", ", ".join(publishers), ""))
    for schema in read:
        infos += _dataset(schema)
    return infos


def _dataset(schema: Schema) -> Infos:
    about = f"of {schema.name}"
    updated = f"{schema.updated:%Y-%m-%d}" if schema.updated else None
    facts = (("creator", schema.creator), ("reference_url", schema.reference_url), ("last_update_date", updated))
    return [(name, value, about) for name, value in facts if value]
