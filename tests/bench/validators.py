"""What validators ask of every epn_core: the questions of taplint's stage for EPN-TAP, as ADQL.

Most look for one row that is wrong, and read the whole table where there is none.
"""

from __future__ import annotations

from collections.abc import Iterator

from epntap.catalog.model import Table

__all__ = ["questions"]

#: ranges that may run over the zero meridian: their ends may be in any order
_CYCLIC = ("c1", "c2", "c3", "subsolar_longitude_", "subobserver_longitude_", "solar_longitude_", "azimuth_")
_NEVER_NULL = ("granule_uid", "granule_gid", "obs_id")
_JULIAN_DATES = ("time_min", "time_max", "epoch")
_TIMESTAMPS = ("creation_date", "modification_date", "release_date")
_HASH_LISTS = ("dataproduct_type", "target_class", "species_inchikey")
_BOUNDED = {"processing_level": (1, 6), "local_time_min": (0, 24), "local_time_max": (0, 24)}
_WORDS = {
    "spatial_frame_type": ("celestial", "body", "cartesian", "spherical", "cylindrical", "none", "healpix"),
    "geometry_type": ("direct", "specular", "bidirectional", "directional", "conical", "hemispherical", "unknown"),
    "particle_spectral_type": ("energy", "mass", "mass/charge"),
}
_VOCABULARIES = {
    "messenger": ("EUV", "Gamma-ray", "Infrared", "Millimeter", "Neutrino", "Optical", "Photon", "UV", "X-ray"),
    "time_scale": ("TAI", "TT", "UT", "UTC", "GPS", "TCB", "TCG", "TDB", "UNKNOWN"),
}


def questions(table: Table) -> Iterator[str]:
    """All queries for a table, those about columns that it has."""
    name = table.qualified_name
    yield f"SELECT TOP 1 * FROM {name}"
    yield from _pairs(table)
    yield f"SELECT DISTINCT TOP 2 spatial_frame_type FROM {name} WHERE spatial_frame_type IS NOT NULL"
    for column in _present(table, _NEVER_NULL):
        yield f"SELECT TOP 1 {column} FROM {name} WHERE {column} IS NULL"
    for column in _present(table, _JULIAN_DATES):
        yield f"SELECT TOP 1 {column} FROM {name} WHERE NOT {column} BETWEEN 2086000 AND 2817000"
    for column in _present(table, tuple(_WORDS)):
        words = ", ".join(f"'{word}'" for word in _WORDS[column])
        yield f"SELECT TOP 1 {column} FROM {name} WHERE {column} NOT IN ({words}) OR {column} IS NULL"
    yield f"SELECT TOP 1 s_region FROM {name} WHERE s_region IS NOT NULL"
    for column in _present(table, _HASH_LISTS):
        yield f"SELECT DISTINCT TOP 30 {column} FROM {name}"
    for column in _present(table, tuple(_BOUNDED)):
        low, high = _BOUNDED[column]
        yield f"SELECT TOP 1 {column} FROM {name} WHERE (NOT {column} BETWEEN {low} AND {high})"
    for column in _present(table, tuple(_VOCABULARIES)):
        words = ", ".join(f"'{word}'" for word in _VOCABULARIES[column])
        yield f"SELECT DISTINCT TOP 10 {column} FROM {name} WHERE {column} IS NOT NULL AND {column} NOT IN ({words})"
    for column in _present(table, _TIMESTAMPS):
        yield f"SELECT DISTINCT TOP 10 {column} FROM {name}"
    yield (f"SELECT TOP 1 service_title FROM {name} WHERE service_title != '{table.schema}' OR service_title IS NULL")


def _pairs(table: Table) -> Iterator[str]:
    for column in table.columns:
        stem = column.name.removesuffix("min")
        if stem == column.name or table.column(f"{stem}max") is None:
            continue
        low, high = f"{stem}min", f"{stem}max"
        order = "" if stem in _CYCLIC else f" OR ({low} > {high})"
        yield (
            f"SELECT TOP 1 granule_uid, {low}, {high} FROM {table.qualified_name}"
            f" WHERE ({low} IS NULL AND {high} IS NOT NULL) OR ({low} IS NOT NULL AND {high} IS NULL){order}"
        )


def _present(table: Table, names: tuple[str, ...]) -> Iterator[str]:
    return (name for name in names if table.column(name) is not None)
