"""Rules for the description of an epn_core table (EPN-TAP 2.0 §1.2, §3, §4.1). No I/O here."""

from __future__ import annotations

import re
from collections.abc import Iterator

from epntap.catalog.model import Column, Table
from epntap.epncore.columns import (
    COLUMNS,
    MANDATORY,
    TABLE_UTYPE,
    EpnColumn,
    by_name,
    columns_for_frame,
    columns_for_particles,
)
from epntap.epncore.rules.model import Severity, TableFacts, TableRule
from epntap.epncore.rules.values import PAIRS
from epntap.epncore.ucd import is_valid_ucd
from epntap.epncore.vocabulary import ParticleSpectralType, SpatialFrameType

__all__ = ["TABLE_RULES"]

_TRANSITIONAL_UTYPE = "ivo://vopdc.obspm/std/epncore#schema-2.0"
_INTEGERS = frozenset({"unsignedByte", "short", "int", "long"})
_FLOATS = frozenset({"float", "double"})
_TEXTS = frozenset({"char", "unicodeChar"})
_DOUBLES = frozenset({"time_min", "time_max", "epoch"})
_ACCESS = ("access_url", "access_format", "access_estsize")

#: UCDs that other tools print for these columns; validators differ, so both are accepted
_OTHER_UCDS = {
    "observer_name": ("obs.observer;meta.main",),
    "c3min": ("pos.distance;pos.bodyrc;stat.min",),
    "c3max": ("pos.distance;pos.bodyrc;stat.max",),
}
_OTHER_UNITS = {"pressure": ("1e5Pa",)}
#: columns whose unit or UCD depends on values
_BY_FRAME = frozenset(column.name for column in columns_for_frame(SpatialFrameType.BODY))
_BY_PARTICLES = frozenset(column.name for column in columns_for_particles(ParticleSpectralType.ENERGY))


def _known(table: Table) -> Iterator[tuple[Column, EpnColumn]]:
    for column in table.columns:
        standard = by_name(column.name.lower())
        if standard is not None:
            yield column, standard


def _name(table: Table, _: TableFacts) -> Iterator[str]:
    if table.name.lower() != "epn_core":
        yield f"the table is called {table.qualified_name}"


def _utype(table: Table, _: TableFacts) -> Iterator[str]:
    if table.utype not in {TABLE_UTYPE, _TRANSITIONAL_UTYPE}:
        yield f"the utype is {table.utype or 'missing'}"


def _old_utype(table: Table, _: TableFacts) -> Iterator[str]:
    if table.utype == _TRANSITIONAL_UTYPE:
        yield f"the utype is {table.utype}"


def _missing(table: Table, _: TableFacts) -> Iterator[str]:
    for column in MANDATORY:
        if table.column(column.name) is None:
            yield f"{column.name} is missing"


def _half_pairs(table: Table, _: TableFacts) -> Iterator[str]:
    for stem in PAIRS:
        low, high = (table.column(stem + end) is not None for end in ("min", "max"))
        if low != high:
            yield f"{stem}{'max' if low else 'min'} is missing beside {stem}{'min' if low else 'max'}"


def _odd_names(table: Table, _: TableFacts) -> Iterator[str]:
    for column in table.columns:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", column.name):
            yield f"{column.name!r} is not a lower-case name"


def _accref(table: Table, _: TableFacts) -> Iterator[str]:
    if table.column("accref") is not None:
        yield "there is a column accref"


def _units(table: Table, _: TableFacts) -> Iterator[str]:
    for column, standard in _known(table):
        accepted = (standard.unit, *_OTHER_UNITS.get(standard.name, ()))
        if standard.name not in _BY_FRAME | _BY_PARTICLES and (column.unit or None) not in accepted:
            yield f"{column.name} has the unit {column.unit or 'none'} instead of {standard.unit or 'none'}"


def _ucds(table: Table, _: TableFacts) -> Iterator[str]:
    for column, standard in _known(table):
        accepted = (standard.ucd, *_OTHER_UCDS.get(standard.name, ()))
        special = standard.name in _BY_FRAME or standard.name.startswith("particle_spectral_range_")
        if not special and (column.ucd or None) not in accepted:
            yield f"{column.name} has the UCD {column.ucd or 'none'} instead of {standard.ucd or 'none'}"


def _odd_ucds(table: Table, _: TableFacts) -> Iterator[str]:
    for column in table.columns:
        if column.ucd and by_name(column.name.lower()) is None and not is_valid_ucd(column.ucd):
            yield f"{column.name} has the UCD {column.ucd}"


def _old_column_utypes(table: Table, _: TableFacts) -> Iterator[str]:
    for column, _standard in _known(table):
        if column.utype and column.utype.lower().startswith(("epn.", "epn:", "epncore")):
            yield f"{column.name} has the utype {column.utype}"


def _types(table: Table, _: TableFacts) -> Iterator[str]:
    for column, standard in _known(table):
        if standard.name == "s_region":  # has a rule of its own
            continue
        if standard.name in _DOUBLES:
            wanted, said = frozenset({"double"}), "double"
        elif standard.datatype == "double":
            wanted, said = _FLOATS, "float or double"
        elif standard.datatype in _INTEGERS:
            wanted, said = _INTEGERS, "int or long"
        else:
            wanted, said = _TEXTS, "char with an arraysize"
        single = column.arraysize in {None, "", "1"}
        if column.datatype not in wanted or single == (wanted is _TEXTS):
            size = f" with arraysize {column.arraysize}" if column.arraysize else ""
            yield f"{column.name} is {column.datatype}{size} instead of {said}"


def _timestamps(table: Table, _: TableFacts) -> Iterator[str]:
    for column, standard in _known(table):
        if standard.xtype == "timestamp" and column.xtype != "timestamp":
            yield f"{column.name} has the xtype {column.xtype or 'none'}"


def _geometry_types(table: Table, facts: TableFacts) -> Iterator[str]:
    column = table.column("s_region")
    if column is not None and (facts.filled is None or "s_region" in facts.filled):
        text = column.datatype in _TEXTS and column.xtype == "adql:REGION"
        numbers = column.datatype in _FLOATS and column.xtype in {"point", "circle", "polygon"}
        if not text and not numbers:
            yield f"s_region is {column.datatype} with the xtype {column.xtype or 'none'}"
    column = table.column("coverage")
    if column is not None and (column.xtype or "").lower() != "moc":
        yield f"coverage has the xtype {column.xtype or 'none'}"


def _frame(table: Table, facts: TableFacts) -> Iterator[str]:
    if facts.frame not in set(SpatialFrameType) - {SpatialFrameType.NONE}:
        return
    yield from _differences(table, columns_for_frame(facts.frame), f"in a {facts.frame} frame")


def _particles(table: Table, facts: TableFacts) -> Iterator[str]:
    if facts.particles in set(ParticleSpectralType):
        yield from _differences(table, columns_for_particles(facts.particles), f"for {facts.particles}")


def _differences(table: Table, wanted: tuple[EpnColumn, ...], where: str) -> Iterator[str]:
    for standard in wanted:
        column = table.column(standard.name)
        if column is None:
            continue
        if (column.unit or None) != standard.unit:
            yield f"{column.name} has the unit {column.unit or 'none'} instead of {standard.unit or 'none'} {where}"
        if (column.ucd or None) not in {standard.ucd, *_OTHER_UCDS.get(standard.name, ())}:
            yield f"{column.name} has the UCD {column.ucd or 'none'} instead of {standard.ucd or 'none'} {where}"


def _access_set(table: Table, _: TableFacts) -> Iterator[str]:
    yield from _all_or_none(table, _ACCESS)


def _particle_set(table: Table, _: TableFacts) -> Iterator[str]:
    yield from _all_or_none(table, sorted(c.name for c in COLUMNS if c.name.startswith("particle_spectral_")))


def _all_or_none(table: Table, group: tuple[str, ...] | list[str]) -> Iterator[str]:
    present = [name for name in group if table.column(name) is not None]
    if present:
        for name in group:
            if name not in present:
                yield f"{name} is missing beside {present[0]}"


TABLE_RULES: tuple[TableRule, ...] = (
    TableRule(
        "A1",
        Severity.REFUSE,
        "1.2",
        "The table is called epn_core, in a schema of its own.",
        "Publish the table as <schema>.epn_core.",
        _name,
        "E_PNTN",
    ),
    TableRule(
        "A2",
        Severity.REFUSE,
        "4.1",
        f"The utype of the table is {TABLE_UTYPE}.",
        "Set the utype in TAP_SCHEMA.tables and /tables: clients find the table by it.",
        _utype,
        "E_PNUT",
    ),
    TableRule(
        "A2-old",
        Severity.WARN,
        "4.1",
        f"The utype of the table is {TABLE_UTYPE}.",
        "The utype in use is that of drafts of the standard; clients will stop looking for it.",
        _old_utype,
        "W_PNUB",
    ),
    TableRule(
        "A3",
        Severity.REFUSE,
        "2.1",
        "All 46 mandatory columns exist, even where they are always NULL.",
        "Add the columns; a query for them must not fail on any service.",
        _missing,
        "E_PN0C",
    ),
    TableRule(
        "A4",
        Severity.REFUSE,
        "1.2",
        "Columns that end in min and max come in pairs.",
        "Add the other column and fill it with the same values.",
        _half_pairs,
        "E_PNMX",
    ),
    TableRule(
        "A5",
        Severity.WARN,
        "1.1",
        "Names of columns are lower-case letters, digits and underscores.",
        "Rename the columns.",
        _odd_names,
    ),
    TableRule("A12", Severity.REFUSE, "2.2", "No column is called accref.", "Rename the column.", _accref),
    TableRule(
        "B9-unit",
        Severity.REFUSE,
        "3",
        "Standard columns have the units of the standard, in the same case.",
        "Correct the unit in TAP_SCHEMA, and the values if they are in another one.",
        _units,
        "E_CUNI",
    ),
    TableRule(
        "B9-ucd",
        Severity.REFUSE,
        "3",
        "Standard columns have the UCDs of the standard, in the same case.",
        "Correct the UCD in TAP_SCHEMA.",
        _ucds,
        "E_CUCD",
    ),
    TableRule(
        "B9-utype",
        Severity.WARN,
        "3",
        "Columns have no utypes of earlier versions of EPNCore.",
        "Leave the utype out; the standard has none for columns.",
        _old_column_utypes,
    ),
    TableRule(
        "B12",
        Severity.WARN,
        "1.2",
        "Columns of the service's own have valid UCD1+ strings.",
        "Look the words up in the IVOA list of UCD1+ words.",
        _odd_ucds,
    ),
    TableRule(
        "B10",
        Severity.REFUSE,
        "3.1",
        "Standard columns have the types of the standard; time_min, time_max and epoch are double.",
        "Correct the type of the column.",
        _types,
        "E_PNDE",
    ),
    TableRule(
        "B11",
        Severity.REFUSE,
        "3.1 note 4",
        "Timestamps are char with the xtype timestamp.",
        "Set the xtype in TAP_SCHEMA.",
        _timestamps,
        "E_PNXT",
    ),
    TableRule(
        "H8-xtype",
        Severity.REFUSE,
        "2.1",
        "s_region is char with the xtype adql:REGION, or an array with the xtype point, circle or polygon; "
        "coverage has the xtype moc.",
        "Set datatype and xtype in TAP_SCHEMA.",
        _geometry_types,
        "E_SRXT",
    ),
    TableRule(
        "H7",
        Severity.WARN,
        "2.1 table 2",
        "Where all rows have one spatial_frame_type, c1 to c3 have its units and UCDs.",
        "Set units and UCDs of c1 to c3 and their resolutions to those of the frame.",
        _frame,
        "W_SPUN",
    ),
    TableRule(
        "I4-unit",
        Severity.WARN,
        "2.3",
        "Where all rows have one particle_spectral_type, its columns have the units and UCDs of that type.",
        "Use eV for energy, amu for mass, amu/qe for mass/charge.",
        _particles,
    ),
    TableRule(
        "J1-columns",
        Severity.REFUSE,
        "2.2",
        "access_url, access_format and access_estsize exist together.",
        "Add the missing columns.",
        _access_set,
    ),
    TableRule(
        "I4-columns",
        Severity.REFUSE,
        "2.3",
        "The particle_spectral_* columns exist together.",
        "Add the missing columns.",
        _particle_set,
    ),
)
