"""VOTable documents, read with astropy."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from epntap.errors import UnreadableFileError
from ingest.tables.sheet import BadRow, Sheet, SheetField
from ingest.tables.values import Raw, Scalar

__all__ = ["read_votable"]


def read_votable(path: Path, number: int = 1) -> Sheet:
    """The table of this number in the document. Raises UnreadableFileError."""
    from astropy.io.votable import parse  # noqa: PLC0415  # half a second that only these tables pay

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tables = list(parse(str(path), verify="ignore").iter_tables())
    except OSError as exc:
        raise UnreadableFileError(f"{path.name} cannot be opened: {(exc.strerror or 'no reason').lower()}") from exc
    except (ValueError, TypeError, KeyError, IndexError, UnicodeError) as exc:
        reason = " ".join(str(exc).split())[:200]
        raise UnreadableFileError(f"{path.name} is not a VOTable that can be read: {reason}") from exc
    if not 1 <= number <= len(tables):
        raise UnreadableFileError(f"{path.name} has {len(tables)} tables, so there is none of number {number}")
    table = tables[number - 1]
    fields = tuple(
        SheetField(
            name=str(one.name or one.ID),
            unit=None if one.unit is None else str(one.unit.to_string()) or None,
            ucd=one.ucd or None,
            description=str(one.description) if one.description else None,
        )
        for one in table.fields
    )
    names = [one.name for one in fields]
    for name in names:
        if names.count(name) > 1:
            raise UnreadableFileError(f"{path.name} has two fields of the name {name!r}")
    return Sheet(fields, _records(names, table.array))


def _records(names: list[str], array: Any) -> Iterator[tuple[str, Mapping[str, Raw] | BadRow]]:  # numpy masked array
    for number in range(len(array)):
        row, mask = array.data[number], array.mask[number]
        yield f"row {number + 1}", {name: _raw(row[position], mask[position]) for position, name in enumerate(names)}


def _raw(cell: Any, masked: Any) -> Raw:  # numpy scalars and arrays
    if np.all(masked) and np.size(masked):
        return None
    if isinstance(cell, np.ndarray):
        return [_scalar(item) for item in cell.ravel()]
    return _scalar(cell)


def _scalar(cell: Any) -> Scalar:  # numpy scalars
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "replace")
    return cell if isinstance(cell, bool | int | float | str) else None if cell is np.ma.masked else str(cell)
