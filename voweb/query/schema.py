"""What can be asked, as JSON: tables and columns at once, datasets and parameters when somebody looks for them."""

from __future__ import annotations

import json
from typing import Any

from epntap.adql.functions import known_names
from epntap.catalog.model import Catalog, Column, Table
from epntap.catalog.names import written_name
from epntap.errors import NotFoundError
from epntap.tap.query.params import TapRequest
from epntap.tap.query.pipeline import TapService
from epntap.tap.query.records import records

__all__ = ["datasets_document", "parameters_document", "schema_document", "written_table"]

_DATASET = ("dataset_id", "title", "start_time", "stop_time", "parameter_count")
_PARAMETER = ("name", "title", "unit", "ucd", "shape", "description")
#: of one service; the largest archive has 991
_MOST_DATASETS = 20_000
_MOST_PARAMETERS = 20_000


def written_table(table: Table) -> str:
    """The name of a table as a query writes it."""
    return f"{written_name(table.schema)}.{written_name(table.name)}"


def schema_document(catalog: Catalog) -> bytes:
    """Services, their tables and columns, and the functions of ADQL."""
    described = {schema.name: schema for schema in catalog.schemas}
    services = []
    for name in dict.fromkeys(table.schema for table in catalog.tables):
        schema = described.get(name)
        facts = {} if schema is None else {"title": schema.title, "description": schema.description}
        tables = [_table(table) for table in catalog.tables if table.schema == name]
        has_datasets = catalog.table(name, "dataset") is not None
        services.append({"name": name, **_given(**facts), "has_datasets": has_datasets, "tables": tables})
    return _json({"services": services, "functions": sorted(known_names())})


def datasets_document(service: TapService, catalog: Catalog, schema: str) -> bytes:
    """The datasets of a service. Raises NotFoundError."""
    source = _catalogue(catalog, schema, "dataset")
    query = f"SELECT {', '.join(_DATASET)} FROM {source} ORDER BY dataset_id"  # noqa: S608  # ADQL, of our names
    return _json({"datasets": _rows(service, query, _MOST_DATASETS)})


def parameters_document(service: TapService, catalog: Catalog, schema: str, dataset_id: str) -> bytes:
    """The parameters of a dataset. Raises NotFoundError."""
    source, key = _catalogue(catalog, schema, "parameter"), dataset_id.replace("'", "''")
    query = f"SELECT {', '.join(_PARAMETER)} FROM {source} WHERE dataset_id = '{key}' ORDER BY parameter_index"  # noqa: S608  # ADQL
    rows = _rows(service, query, _MOST_PARAMETERS)
    if not rows:
        raise NotFoundError(f"The service {schema} has no dataset {dataset_id[:100]!r} with parameters.")
    return _json({"parameters": rows})


def _catalogue(catalog: Catalog, schema: str, name: str) -> str:
    table = catalog.table(schema, name)
    if table is None:
        raise NotFoundError(f"There is no service {schema[:100]!r} that publishes its datasets.")
    return written_table(table)


def _rows(service: TapService, query: str, most: int) -> list[dict[str, Any]]:
    """Values of any type, by the names of their columns."""
    found = records(service, TapRequest(query, maxrec=most))
    return [_given(**dict(zip(found.names, row, strict=True))) for row in found.rows]


def _table(table: Table) -> dict[str, Any]:  # of JSON
    return {
        "name": written_table(table),
        **_given(title=table.title, description=table.description, rows=table.rows),
        "columns": [_column(column) for column in table.columns],
    }


def _column(column: Column) -> dict[str, Any]:  # of JSON
    return {
        "name": written_name(column.name),
        **_given(
            type=column.datatype,
            unit=column.unit,
            ucd=column.ucd,
            description=column.description,
            indexed=column.indexed or None,
        ),
    }


def _given(**facts: Any) -> dict[str, Any]:  # of JSON
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
