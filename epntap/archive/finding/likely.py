"""Which granule or dataset was perhaps meant by a name that nobody has.

Only what the published tables show to everybody is told. Everything is looked up in the primary key: other spellings of
the name, its neighbours, and its day or month of the datasets that are called nearly so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from psycopg import sql

from epntap.connection import Connection
from epntap.epncore.text import clean_granule_uid
from epntap.hints import nearest

__all__ = ["hint_at_granule"]

#: the day or month at the end of a name
_DAY_OR_MONTH = re.compile(r"[._-]?([0-9]{8}|[0-9]{6})$")
_NO_LETTER = re.compile(r"[^a-z0-9]+")
#: an extension, of which a name has none
_EXTENSION = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,3}$")
#: letters and digits in which the name of a dataset must begin as it was written, and how many datasets are compared
_SURE = 3
_LONGEST = 200
_MOST_DATASETS = 500
_NEAR = 3
_LIKENESS = 0.8


def hint_at_granule(connection: Connection, name: str, schemas: Sequence[str]) -> str:
    """` Did you mean 'x'?` with a granule or dataset of these services, or nothing.

    The schemas must be of services whose epn_core has a dataset_id.
    """
    if not schemas or len(name) > _LONGEST or not name.isascii() or not name.isprintable():
        return ""
    datasets = nearest(_stem(name), _datasets(connection, name, schemas), _NEAR, _LIKENESS)
    spelled = list(dict.fromkeys(_spellings(name, datasets)))
    found = _existing(connection, spelled, schemas)
    if not found:
        beside = _neighbours(connection, spelled[0], schemas)
        found = nearest(name, [*beside, *datasets], likeness=_LIKENESS)
    return f" Did you mean {found[0]!r}?" if found else ""


def _stem(name: str) -> str:
    return _DAY_OR_MONTH.sub("", _EXTENSION.sub("", PurePosixPath(name).name))


def _letters(text: str) -> str:
    return _NO_LETTER.sub("", text.lower())


def _datasets(connection: Connection, name: str, schemas: Sequence[str]) -> list[str]:
    """Datasets with open rows that begin as the name does."""
    sure = _letters(name)[:_SURE]
    if len(sure) < _SURE:
        return []
    with_rows = sql.SQL(" OR ").join(
        sql.SQL("d.schema_name = {} AND EXISTS (SELECT FROM {} AS e WHERE e.dataset_id = d.dataset_id LIMIT 1)").format(
            sql.Literal(schema), sql.Identifier(schema, "epn_core")
        )
        for schema in schemas
    )
    statement = sql.SQL(
        "SELECT d.dataset_id FROM archive.dataset AS d"
        " WHERE left(regexp_replace(lower(d.dataset_id), '[^a-z0-9]+', '', 'g'), {}) = %s AND ({})"
        " ORDER BY 1 LIMIT {}"
    ).format(sql.Literal(_SURE), with_rows, sql.Literal(_MOST_DATASETS))
    return [str(row[0]) for row in connection.execute(statement, [sure])]


def _spellings(name: str, datasets: Sequence[str]) -> Iterator[str]:
    """The name as it may have been meant, the likeliest first."""
    stem = _EXTENSION.sub("", PurePosixPath(name).name)
    for one in (clean_granule_uid(stem), stem.replace("-", "_"), stem.replace("_", "-")):
        yield from (one, one.lower(), one.upper())
    ending = _DAY_OR_MONTH.search(stem)
    for dataset_id in datasets:
        if ending is not None:
            yield f"{clean_granule_uid(dataset_id)}_{ending[1]}"


def _existing(connection: Connection, names: Sequence[str], schemas: Sequence[str]) -> list[str]:
    rows = sql.SQL(" UNION ").join(
        sql.SQL("SELECT granule_uid::text FROM {} WHERE granule_uid = ANY (%(names)s)").format(_table(schema))
        for schema in schemas
    )
    there = {str(row[0]) for row in connection.execute(rows, {"names": list(names)})}
    return [name for name in names if name in there]


def _neighbours(connection: Connection, name: str, schemas: Sequence[str]) -> list[str]:
    """The names before and behind it in the order of the primary key."""
    sides = [
        sql.SQL(
            "(SELECT granule_uid::text FROM {} WHERE granule_uid {} %(name)s ORDER BY granule_uid {} LIMIT 1)"
        ).format(_table(schema), *map(sql.SQL, side))
        for schema in schemas
        for side in (("<", "DESC"), (">", "ASC"))
    ]
    return [str(row[0]) for row in connection.execute(sql.SQL(" UNION ").join(sides), {"name": name})]


def _table(schema: str) -> sql.Identifier:
    return sql.Identifier(schema, "epn_core")
