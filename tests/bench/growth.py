"""Typical queries of services of millions of granules, whole rows and granules kept apart beside each other.

    python -m tests.bench.growth --home FOLDER [--millions 4 12 30] [--rounds N] [--only WORDS] [--json FILE]

What is not in FOLDER yet is built there, in an embedded database: some 0.25 GB of disk for a million granules kept
apart, 0.8 GB for whole rows, and as much again for a moment while the largest is made. Every question goes to all
services in turns, the way of everybody's: translated, spelled as csv and sent by COPY to the reader. What counts is the
median of the processor time of this program and of the database together; other work on the machine moves it little.
Rows of both storages are compared, or their number where a question leaves open which. Print it to a file: it is
Markdown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from psycopg import sql

from epntap.adql import translate
from epntap.catalog.load import load_catalog
from epntap.catalog.model import Catalog
from epntap.catalog.narrow.tables import row_tables
from epntap.connection import Connection
from epntap.db.migrate import apply_migrations
from epntap.db.pool import Database, Role, connect
from epntap.db.rows.copy_statement import CopyStatement
from epntap.db.server import open_database
from epntap.formats.negotiate import choose_format
from epntap.formats.projection import project
from epntap.settings import Settings
from ingest.definition.storage import Storage
from tests.bench.building import Build, build
from tests.bench.processor import ByQueries, Spent
from tests.bench.queries import INTERVALS, MAXREC, ask_with_intervals

__all__ = ["QUESTIONS", "Growth", "Question", "Service", "measure", "tables"]

#: a question that takes longer is asked less often
_LONGEST_S = 20.0
#: grows faster than the rows do
_FASTER = 1.15
_ROWS_IN_BULK = 300_000

_DAY = "time_min <= 2455201.5 AND time_max >= 2455200.5"
_MONTH = "time_min <= 2455231.5 AND time_max >= 2455200.5"
_YEAR = "time_min BETWEEN 2455197.5 AND 2455562.5"
_HAS = "1 = ivo_hashlist_has(lower({}), lower('{}'))"
_EARTH, _SATURN = _HAS.format("target_name", "Earth"), _HAS.format("target_name", "Saturn")


@dataclass(frozen=True, slots=True)
class Question:
    """A query; `{t}` is the table."""

    what: str
    query: str
    #: whether it says which rows; else their number alone is compared
    is_settled: bool = True
    most: int = MAXREC


QUESTIONS = (
    Question("a day and a target, TOP 500 *", f"SELECT TOP 500 * FROM {{t}} WHERE {_DAY} AND {_EARTH}"),
    Question("all granules of a day, *", f"SELECT * FROM {{t}} WHERE {_DAY}"),
    Question(
        "COUNT of a join with 100 uploaded intervals",
        "SELECT COUNT(*) FROM {t} AS e JOIN TAP_UPLOAD.intervals AS u ON e.time_min <= u.t2 AND e.time_max >= u.t1",
    ),
    Question("one target, TOP 500 *", f"SELECT TOP 500 * FROM {{t}} WHERE {_SATURN}", is_settled=False),
    Question("granule_uid =", "SELECT * FROM {t} WHERE granule_uid = 'bench-007_20040214'"),
    Question("granule_uid LIKE 'x%'", "SELECT * FROM {t} WHERE granule_uid LIKE 'bench-007_2004%'"),
    Question(
        "granule_uid LIKE '%x%', TOP 100",
        "SELECT TOP 100 granule_uid, access_url FROM {t} WHERE granule_uid LIKE '%07_200402%'",
        is_settled=False,
    ),
    Question(
        "instrument_name LIKE '%x%', TOP 1000",
        "SELECT TOP 1000 granule_uid, time_min FROM {t} WHERE instrument_name LIKE '%INSTRUMENT499%'",
        is_settled=False,
    ),
    Question(
        "a host in a year, 3 columns",
        f"SELECT granule_uid, time_min, time_max FROM {{t}} WHERE instrument_host_name = 'HOST7' AND {_YEAR}",
    ),
    Question("a dataset in a year, *", f"SELECT * FROM {{t}} WHERE dataset_id = 'bench-007' AND {_YEAR}"),
    Question(
        "a measurement in a month, TOP 1000 *",
        f"SELECT TOP 1000 * FROM {{t}} WHERE {_HAS.format('measurement_type', 'phys.magField')} AND {_MONTH}",
        is_settled=False,
    ),
    Question(
        "ORDER BY time_min, TOP 100",
        "SELECT TOP 100 granule_uid, time_min FROM {t} ORDER BY time_min",
        is_settled=False,
    ),
    Question("ORDER BY granule_uid, TOP 100 *", "SELECT TOP 100 * FROM {t} ORDER BY granule_uid"),
    Question("MIN and MAX of time", "SELECT MIN(time_min), MAX(time_max) FROM {t}"),
    Question("the last ten created, *", "SELECT TOP 10 * FROM {t} ORDER BY creation_date DESC", is_settled=False),
    Question(
        "changed since a day, in order, TOP 1000",
        "SELECT TOP 1000 granule_uid, modification_date FROM {t} WHERE modification_date >= '2025-06-01'"
        " ORDER BY modification_date",
        is_settled=False,
    ),
    Question("COUNT(*)", "SELECT COUNT(*) FROM {t}"),
    Question("COUNT of a hash list's item", f"SELECT COUNT(*) FROM {{t}} WHERE {_SATURN}"),
    Question("DISTINCT instrument_name", "SELECT DISTINCT instrument_name FROM {t}"),
    Question("GROUP BY target_name", "SELECT target_name, COUNT(*) AS n FROM {t} GROUP BY target_name"),
    Question("COUNT of a month and a target", f"SELECT COUNT(*) FROM {{t}} WHERE {_MONTH} AND {_EARTH}"),
    Question(
        "COUNT of half by time",
        "SELECT COUNT(*) FROM {t} WHERE time_min <= 2458544.5 AND time_max >= 2454544.5",
    ),
    Question(
        "GROUP BY dataset_id of a year",
        f"SELECT dataset_id, COUNT(*) AS n FROM {{t}} WHERE {_YEAR} GROUP BY dataset_id",
    ),
    Question(
        "LIKE without an index, nothing found",
        "SELECT * FROM {t} WHERE external_link LIKE '%unobtainium%'",
    ),
    Question(
        "SELECT * of 300,000 rows",
        f"SELECT TOP {_ROWS_IN_BULK} * FROM {{t}}",
        is_settled=False,
        most=_ROWS_IN_BULK,
    ),
)


@dataclass(frozen=True, slots=True)
class Service:
    """One that is asked."""

    millions: float
    storage: Storage

    @property
    def schema(self) -> str:
        """Where it is published."""
        return f"grown{f'{self.millions:g}'.replace('.', '_')}{self.storage.value}"


@dataclass(slots=True)
class Growth:
    """What was found of each service, and of each question and service."""

    built: dict[Service, Build] = field(default_factory=dict)
    #: bytes of the table or tables, with all indexes, and of the indexes
    size: dict[Service, tuple[int, int]] = field(default_factory=dict)
    spent: dict[str, dict[Service, list[Spent]]] = field(default_factory=dict)
    rows: dict[str, dict[Service, int]] = field(default_factory=dict)
    #: questions of which the two storages give other rows
    differing: list[str] = field(default_factory=list)

    def processor_ms(self, what: str, service: Service) -> float:
        """The median of a question."""
        return statistics.median(one.processor for one in self.spent[what][service]) * 1000

    def wall_ms(self, what: str, service: Service) -> float:
        """The same of the time that somebody waits."""
        return statistics.median(one.wall for one in self.spent[what][service]) * 1000


class _Reader:
    """Asks as a web process does."""

    def __init__(self, connection: Connection, catalog: Catalog) -> None:
        self._connection, self._catalog, self._meter = connection, catalog, ByQueries(connection)
        self._form, _ = choose_format("csv")

    def ask(self, question: Question, service: Service) -> tuple[Spent, list[bytes]]:
        """What it took, and the rows as lines."""
        query = question.query.replace("{t}", f"{service.schema}.epn_core")
        with self._meter.taken() as spent:
            translation = translate(
                query, self._catalog, row_limit=question.most + 1, schemas={"tap_upload": "pg_temp"}
            )
            columns = list(translation.columns)
            rows = project(translation.statement, columns, self._form.spelling)
            statement = CopyStatement(rows, translation.params, self._form.copy_options(columns))
            with self._connection.cursor().copy(statement.text(self._connection)) as copy:
                lines = [bytes(line) for line in copy]
        return spent[0], lines


def measure(
    database: Database, services: Sequence[Service], questions: Iterable[Question], rounds: int, growth: Growth
) -> None:
    """Ask every question of all services in turns; a first time to compare rows, which is not counted."""
    with connect(database, Role.SERVICE) as service_connection:
        catalog = load_catalog(service_connection).with_tables([INTERVALS])
    with ask_with_intervals(database) as connection:
        reader = _Reader(connection, catalog)
        for question in questions:
            _say(question.what)
            answers = {service: reader.ask(question, service) for service in services}
            growth.rows[question.what] = {service: len(lines) for service, (_, lines) in answers.items()}
            growth.differing += _differing(question, {service: lines for service, (_, lines) in answers.items()})
            longest = sum(spent.wall for spent, _ in answers.values())
            answers.clear()
            times: dict[Service, list[Spent]] = {service: [] for service in services}
            for _ in range(max(1, min(rounds, round(_LONGEST_S * len(services) / longest)))):
                for service in services:
                    times[service].append(reader.ask(question, service)[0])
            growth.spent[question.what] = times


def _differing(question: Question, lines: dict[Service, list[bytes]]) -> Iterator[str]:
    """The question, for each size at which the two storages do not say the same."""
    for service, rows in lines.items():
        wide = Service(service.millions, Storage.WIDE)
        if service.storage is Storage.NARROW and wide in lines:
            same = len(rows) == len(lines[wide])
            if question.is_settled:
                same = _without_schema(rows, service) == _without_schema(lines[wide], wide)
            if not same:
                yield f"{question.what}, {service.millions:g} million"


def _without_schema(rows: Iterable[bytes], service: Service) -> list[bytes]:
    """Sorted rows; some name the service that they are of."""
    return sorted(row.replace(service.schema.encode(), b"") for row in rows)


def built_services(database: Database, services: Iterable[Service], folder: Path, growth: Growth) -> None:
    """Build what is not there, and say how large all are. What building took is kept in the folder."""
    notes = folder / "built.json"
    known = {one["schema"]: one for one in json.loads(notes.read_text())} if notes.exists() else {}
    for service in services:
        schema = service.schema
        if schema not in known:
            one = build(
                database,
                round(service.millions * 1_000_000),
                service.storage,
                schema,
                partial(_say, schema),
            )
            known[schema] = asdict(one)
            notes.write_text(json.dumps(list(known.values()), indent=1))
        noted = known[schema]
        phases = {title: Spent(**spent) for title, spent in noted["phases"].items()}
        growth.built[service] = Build(schema, noted["rows"], phases)
        with connect(database, Role.OWNER) as connection:
            growth.size[service] = _size(connection, schema)


def _size(connection: Connection, schema: str) -> tuple[int, int]:
    names = [sql.Identifier(schema, name).as_string(None) for name in row_tables(connection, schema)]
    row = connection.execute(
        "SELECT sum(pg_total_relation_size(name::regclass))::bigint, sum(pg_indexes_size(name::regclass))::bigint"
        " FROM unnest(%s::text[]) name",
        (names,),
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def tables(growth: Growth) -> Iterator[str]:
    """All of it as lines of Markdown."""
    services = list(growth.built)
    yield from _building(growth, services)
    if growth.spent:
        yield ""
        yield from _asking(growth, services)
        yield ""
        yield from (f"OTHER ROWS: {one}" for one in growth.differing)
        yield f"{len(growth.spent)} questions, {len(growth.differing)} times other rows."


def _building(growth: Growth, services: Sequence[Service]) -> Iterator[str]:
    titles = dict.fromkeys(title for service in services for title in growth.built[service].phases)
    yield _row("seconds for a million rows: processor (wall)", *map(_name, services))
    yield _row("---", *("---:" for _ in services))
    for title in (*titles, "all"):
        cells = []
        for service in services:
            one, million = growth.built[service], growth.built[service].rows / 1e6
            spent = list(one.phases.values()) if title == "all" else [one.phases[title]] if title in one.phases else []
            processor, wall = sum(each.processor for each in spent), sum(each.wall for each in spent)
            cells.append(f"{processor / million:.2f} ({wall / million:.2f})" if spent else "")
        yield _row(title, *cells)
    yield _row("rows", *(f"{growth.built[service].rows:,}" for service in services))
    for what, number in (("bytes a row", 0), ("of them indexes", 1)):
        yield _row(what, *(f"{growth.size[service][number] / growth.built[service].rows:.0f}" for service in services))


def _asking(growth: Growth, services: Sequence[Service]) -> Iterator[str]:
    grown = [storage for storage in Storage if len([one for one in services if one.storage is storage]) > 1]
    yield _row("ms of processor (wall)", *map(_name, services), *(f"{storage}: grows by" for storage in grown), "rows")
    yield _row("---", *("---:" for _ in services), *("---:" for _ in grown), "---:")
    for what in growth.spent:
        cells = [f"{growth.processor_ms(what, one):.1f} ({growth.wall_ms(what, one):.1f})" for one in services]
        for storage in grown:
            mine = [one for one in services if one.storage is storage]
            by = growth.processor_ms(what, mine[-1]) / growth.processor_ms(what, mine[0])
            rows = growth.built[mine[-1]].rows / growth.built[mine[0]].rows
            cells.append(f"**{by:.1f}**" if by > rows * _FASTER else f"{by:.1f}")
        numbers = dict.fromkeys(f"{growth.rows[what][one]:,}" for one in services)
        yield _row(what, *cells, "; ".join(numbers))


def _name(service: Service) -> str:
    return f"{service.storage.value} {service.millions:g} M"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _say(*text: str) -> None:
    print(*text, file=sys.stderr, flush=True)


def main() -> None:
    """Build, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="where the database is, or is made")
    parser.add_argument("--millions", type=float, nargs="+", default=[4, 12, 30], help="granules of each service")
    parser.add_argument("--rounds", type=int, default=5, help="times each is asked (default: %(default)s)")
    parser.add_argument("--only", default="", help="questions with these words in their names; '-' for none")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    arguments = parser.parse_args()
    services = [Service(millions, storage) for millions in sorted(arguments.millions) for storage in Storage]
    questions = [one for one in QUESTIONS if arguments.only in one.what]
    growth = Growth()
    with open_database(Settings(home=arguments.home), create=True) as database:
        apply_migrations(database)
        built_services(database, services, arguments.home, growth)
        measure(database, services, questions, arguments.rounds, growth)
    print("\n".join(tables(growth)))
    if arguments.json:
        arguments.json.write_text(json.dumps(_figures(growth), indent=1))


def _figures(growth: Growth) -> dict[str, object]:
    return {
        one.schema: {
            "built": asdict(growth.built[one]),
            "bytes": growth.size[one],
            "questions": {what: [asdict(spent) for spent in by[one]] for what, by in growth.spent.items()},
        }
        for one in growth.built
    }


if __name__ == "__main__":
    main()
