"""Datasets and their parameters in the archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from epntap.archive.exactly import make_exactly, prefixed
from epntap.archive.model import Dataset, Parameter
from epntap.connection import Connection

__all__ = ["dataset", "dataset_columns", "to_dataset", "write_datasets"]


_DATASET_COLUMNS = (
    "dataset_id",
    "title",
    "description",
    "resource_id",
    "start_time",
    "stop_time",
    "cadence_min_s",
    "cadence_max_s",
    "access_rights",
    "hapi_url",
    "hapi_id",
    "landing_url",
    "information_url",
    "doi",
)


#: columns that have another name than the field of Dataset
_FIELDS = {"start_time": "start", "stop_time": "stop"}


_PARAMETER_COLUMNS = (
    "dataset_id",
    "name",
    "position",
    "title",
    "description",
    "units",
    "ucd",
    "shape",
    "fill_value",
    "coordinate_system",
    "variable",
)


def write_datasets(
    connection: Connection, schema: str, datasets: Sequence[Dataset], granules: Mapping[str, str]
) -> int:
    """Make the datasets and parameters of a service exactly these; how many rows were added, changed or removed.

    `granules` says of each dataset_id whether its rows stand for a day, a month or a file. The service must have
    been written before. Files of datasets that vanish go with them.
    """
    changed = make_exactly(
        connection,
        "dataset",
        schema,
        ("dataset_id",),
        (*_DATASET_COLUMNS, "granule"),
        (
            (
                one.dataset_id,
                one.title,
                one.description,
                one.resource_id,
                one.start,
                one.stop,
                one.cadence_min_s,
                one.cadence_max_s,
                one.access_rights,
                one.hapi_url,
                one.hapi_id,
                one.landing_url,
                one.information_url,
                one.doi,
                granules[one.dataset_id],
            )
            for one in datasets
        ),
    )
    return changed + make_exactly(
        connection,
        "parameter",
        schema,
        ("dataset_id", "name"),
        _PARAMETER_COLUMNS,
        (
            (
                one.dataset_id,
                parameter.name,
                parameter.position,
                parameter.title,
                parameter.description,
                parameter.units,
                parameter.ucd,
                list(parameter.shape),
                parameter.fill_value,
                parameter.coordinate_system,
                parameter.variable,
            )
            for one in datasets
            for parameter in one.parameters
        ),
    )


def dataset(connection: Connection, schema: str, dataset_id: str) -> Dataset | None:
    """One dataset with its parameters in order, or None."""
    row = connection.execute(
        sql.SQL("SELECT {}, ({}) FROM archive.dataset d WHERE d.schema_name = %s AND d.dataset_id = %s").format(
            prefixed("d", _DATASET_COLUMNS), _PARAMETERS_OF_D
        ),
        (schema, dataset_id),
    ).fetchone()
    return None if row is None else to_dataset(row)


_PARAMETERS_OF_D = sql.SQL(
    "SELECT coalesce(json_agg(json_build_array(p.name, p.position, p.title, p.description, p.units, p.ucd, p.shape, "
    "p.fill_value, p.coordinate_system, p.variable) ORDER BY p.position), '[]') FROM archive.parameter p "
    "WHERE p.schema_name = d.schema_name AND p.dataset_id = d.dataset_id"
)


def dataset_columns() -> sql.Composed:
    """Of `archive.dataset d`: what `to_dataset` takes."""
    return sql.SQL("{}, ({})").format(prefixed("d", _DATASET_COLUMNS), _PARAMETERS_OF_D)


def to_dataset(row: Sequence[Any]) -> Dataset:  # values of any column type
    """The dataset of a row of `dataset_columns`."""
    named = {_FIELDS.get(name, name): value for name, value in zip(_DATASET_COLUMNS, row, strict=False)}
    return Dataset(**named, parameters=tuple(_to_parameter(values) for values in row[-1]))


def _to_parameter(values: Sequence[Any]) -> Parameter:  # in the order of _PARAMETERS_OF_D
    name, position, title, description, units, ucd, shape, fill_value, coordinate_system, variable = values
    return Parameter(
        name, position, title, description, units, ucd, tuple(shape), fill_value, coordinate_system, variable
    )
