"""Columns of a service's own: the `[custom.<name>]` tables of a definition. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from epntap.catalog.model import Column, Form
from epntap.catalog.names import RESERVED
from epntap.epncore import columns as epn_columns
from epntap.epncore.ucd import canonical_ucd
from epntap.strict import StrictTable
from epntap.units.convert import UnitProblem, conversion
from ingest.definition.keys import CUSTOM_KEYS
from ingest.sources.keys import take

__all__ = ["TYPES", "read_custom_columns"]

LONGEST_NAME = 63


class _Type(NamedTuple):
    datatype: str
    pg_type: str
    arraysize: str | None = None
    xtype: str | None = None
    form: Form = Form.PLAIN


TYPES: Mapping[str, _Type] = {
    "text": _Type("char", "text", "*"),
    "timestamp": _Type("char", "text", "*", "timestamp", Form.DALI_TEXT),
    "double": _Type("double", "double precision"),
    "float": _Type("float", "real"),
    "int": _Type("int", "integer"),
    "long": _Type("long", "bigint"),
}


def read_custom_columns(table: StrictTable) -> tuple[Column, ...]:
    """The columns that the tables below declare, in their order. Raises the table's error."""
    return tuple(_read_column(table, name) for name in table.names)


def _read_column(parent: StrictTable, name: str) -> Column:
    table = parent.needed_table(name)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or len(name) > LONGEST_NAME:
        table.fail("the name must be a lower-case letter followed by lower-case letters, digits and underscores.")
    if epn_columns.by_name(name) is not None:
        table.fail(f"{name} is a column of EPN-TAP 2.0; set or map it without declaring it.")
    if name.upper() in RESERVED or name in {"accref", "dataset_id"}:
        table.fail(f"{name} is a reserved name; put a prefix of the service before it (EPN-TAP 2.0 section 1.2).")
    said = take(table, CUSTOM_KEYS)
    kind, unit, ucd = TYPES[said["type"] or "text"], said["unit"], said["ucd"]
    if unit is not None:
        try:
            conversion(unit, unit)
        except UnitProblem as exc:
            table.fail(f"unit: {exc}.")
    if ucd is not None and (canonical := canonical_ucd(ucd)) != ucd:
        table.fail(f"ucd {ucd!r} is not valid." if canonical is None else f"ucd {ucd!r} is spelled {canonical!r}.")
    return Column(
        name=name,
        datatype=kind.datatype,
        arraysize=kind.arraysize,
        xtype=kind.xtype,
        unit=unit,
        ucd=ucd,
        description=said["description"],
        form=kind.form,
        pg_type=kind.pg_type,
    )
