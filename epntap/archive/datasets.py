"""Datasets and their parameters in the archive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from psycopg import sql

from epntap.archive.exactly import make_exactly, prefixed
from epntap.archive.model import Dataset, Parameter
from epntap.connection import Connection
from epntap.schema import tables

__all__ = ["dataset", "dataset_columns", "to_dataset", "write_datasets"]


#: columns that have another name than the field of Dataset
_FIELDS = {"start_time": "start", "stop_time": "stop"}
_DATASET_COLUMNS = tuple(
    column.name
    for column in tables.dataset.columns
    if _FIELDS.get(column.name, column.name) in {field.name for field in fields(Dataset)}
)
_PARAMETER_COLUMNS = tuple(
    column.name for column in tables.parameter.columns if column.name in {field.name for field in fields(Parameter)}
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
        tables.dataset,
        schema,
        (*_DATASET_COLUMNS, "granule"),
        (
            [*(_storable(getattr(one, _FIELDS.get(name, name))) for name in _DATASET_COLUMNS), granules[one.dataset_id]]
            for one in datasets
        ),
    )
    return changed + make_exactly(
        connection,
        tables.parameter,
        schema,
        ("dataset_id", *_PARAMETER_COLUMNS),
        (
            [one.dataset_id, *(_storable(getattr(parameter, name)) for name in _PARAMETER_COLUMNS)]
            for one in datasets
            for parameter in one.parameters
        ),
    )


def _storable(value: Any) -> Any:  # of any column type
    return list(value) if isinstance(value, tuple) else value


def dataset(connection: Connection, schema: str, dataset_id: str) -> Dataset | None:
    """One dataset with its parameters in order, or None."""
    row = connection.execute(
        sql.SQL("SELECT {} FROM archive.dataset d WHERE d.schema_name = %s AND d.dataset_id = %s").format(
            dataset_columns()
        ),
        (schema, dataset_id),
    ).fetchone()
    return None if row is None else to_dataset(row)


_SERIES_OF_D = sql.SQL(
    "SELECT s.public_id FROM archive.series s WHERE s.schema_name = d.schema_name AND s.dataset_id = d.dataset_id "
    "ORDER BY s.position LIMIT 1"
)
_PARAMETERS_OF_D = sql.SQL(
    "SELECT coalesce(json_agg(json_build_array({}) ORDER BY p.position), '[]') FROM archive.parameter p "
    "WHERE p.schema_name = d.schema_name AND p.dataset_id = d.dataset_id"
).format(prefixed("p", _PARAMETER_COLUMNS))


def dataset_columns() -> sql.Composed:
    """Of `archive.dataset d`: what `to_dataset` takes."""
    return sql.SQL("{}, ({}), ({})").format(prefixed("d", _DATASET_COLUMNS), _SERIES_OF_D, _PARAMETERS_OF_D)


def to_dataset(row: Sequence[Any]) -> Dataset:  # values of any column type
    """The dataset of a row of `dataset_columns`."""
    named = {_FIELDS.get(name, name): value for name, value in zip(_DATASET_COLUMNS, row, strict=False)}
    named |= {"contacts": tuple(named["contacts"]), "groups": tuple(named["groups"])}
    return Dataset(**named, series_id=row[-2], parameters=tuple(_to_parameter(values) for values in row[-1]))


def _to_parameter(values: Sequence[Any]) -> Parameter:  # in the order of _PARAMETERS_OF_D
    named = dict(zip(_PARAMETER_COLUMNS, values, strict=True))
    return Parameter(**{**named, "shape": tuple(named["shape"])})
