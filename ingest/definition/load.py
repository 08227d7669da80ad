"""Service definitions: a TOML file becomes a `Definition`, or a sentence that says what is wrong with it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from epntap.catalog.model import Column
from epntap.catalog.names import RESERVED, TAKEN_SCHEMAS
from epntap.epncore import columns as epn_columns
from epntap.epncore.rules.all_rules import Severity, parse_severities
from epntap.errors import DefinitionError
from epntap.hints import did_you_mean
from epntap.strict import StrictTable
from ingest.definition.custom import read_custom_columns
from ingest.definition.keys import DATASET_KEYS, DOCUMENT_KEYS, NOTHING, SERVICE_KEYS
from ingest.definition.model import Closing, DatasetTable, Definition
from ingest.definition.storage import Storage
from ingest.definition.values import column_value
from ingest.facts import Value
from ingest.kinds.all_kinds import ALL_KINDS
from ingest.sources.keys import take
from ingest.sources.kind import DescriptionKind, FileKind, RowKind
from ingest.sources.source import FilesPlan, Granule, Source, SourceKind

__all__ = ["MADE_BY_INGESTION", "MADE_FOR_ROWS", "load_definition"]

#: columns that ingestion makes for each row
MADE_BY_INGESTION = frozenset(
    {
        "access_estsize",
        "access_format",
        "access_url",
        "datalink_url",
        "dataset_id",
        "file_name",
        "granule_uid",
        "modification_date",
        "obs_id",
        "service_title",
        "time_max",
        "time_min",
    }
)
#: columns that ingestion makes even where a source describes each row
MADE_FOR_ROWS = frozenset({"dataset_id", "granule_uid", "modification_date", "service_title"})

#: PostgreSQL's own limit is 63; index names are the schema's and a bit more
_LONGEST_SCHEMA = 40
_GROUP = re.compile(r"[a-z][a-z0-9._-]{0,62}")


def load_definition(
    file: Path,
    *,
    archive: Path | None = None,
    spase: Path | None = None,
    kinds: Sequence[SourceKind] = ALL_KINDS,
) -> Definition:
    """Read a service definition with sources of these kinds; `archive` and `spase` stand in for their `path`.

    Relative paths in the file start at its folder. Raises DefinitionError with one sentence on the first thing wrong.
    """
    document = StrictTable(_parse(file), str(file), DefinitionError)
    tables = take(document, DOCUMENT_KEYS)
    severities = parse_severities(tables["validation"] or {}, f"{file}: [validation]")
    service = take(document.needed_table("service"), SERVICE_KEYS)
    declared = document.table("custom")
    custom = () if declared is None else read_custom_columns(declared)
    sources = _sources(document, _Sources(file.parent, kinds, {"--archive": archive, "--spase": spase}, custom))
    settable = _settable(sources, custom)
    constants = document.table("columns")
    return Definition(
        file=file,
        schema=_schema(document.needed_table("service"), service["schema"]),
        title=service["title"],
        description=service["description"],
        publisher=service["publisher"],
        creator=service["creator"],
        reference_url=service["reference_url"],
        sources=sources,
        columns={} if constants is None else _values(constants, constants.names, settable, severities),
        datasets=_dataset_tables(document, kinds, sources, settable, severities),
        custom=custom,
        withdrawn=tuple(dict.fromkeys(service["withdrawn"])),
        closing=_closing(document.needed_table("service"), service),
        severities=severities,
        storage=Storage(service["storage"] or Storage.NARROW),
    )


def _parse(file: Path) -> dict[str, Any]:  # TOML values are an open set
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DefinitionError(f"There is no service definition {file}.") from None
    except IsADirectoryError:
        raise DefinitionError(f"{file} is a folder; a service definition is a TOML file.") from None
    except OSError as exc:
        raise DefinitionError(f"The service definition {file} cannot be read: {exc.strerror}.") from exc
    except UnicodeDecodeError:
        raise DefinitionError(f"{file}: the file is not UTF-8 text.") from None
    except tomllib.TOMLDecodeError as exc:
        raise DefinitionError(f"{file}: not valid TOML: {exc}.") from exc


def _schema(table: StrictTable, name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or len(name) > _LONGEST_SCHEMA:
        table.fail(
            f"schema {name!r} must be a lower-case letter followed by lower-case letters, digits and "
            f"underscores, {_LONGEST_SCHEMA} characters at most."
        )
    if name.upper() in RESERVED:
        table.fail(f"schema {name!r} is a reserved word of ADQL; choose another name.")
    if name in TAKEN_SCHEMAS or name.startswith("pg_"):
        table.fail(f"schema {name!r} is a schema of the system itself; choose another name.")
    return name


# -- [[source]] -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sources:
    """What all [[source]] tables are read with."""

    folder: Path
    kinds: Sequence[SourceKind]
    #: option of the command line -> what it says
    options: Mapping[str, Path | None]
    custom: tuple[Column, ...]


def _sources(document: StrictTable, given: _Sources) -> tuple[Source, ...]:
    tables = document.tables("source")
    if not tables:
        document.fail("there is no [[source]] table, so there is nothing to ingest.")
    sources = tuple(_source(number, table, given) for number, table in enumerate(tables, 1))
    used = {source.kind.option for source in sources}
    for option, path in given.options.items():
        if path is not None and option not in used:
            kind = next(kind for kind in given.kinds if kind.option == option)
            document.fail(f"{option} was given, but the definition has no source of kind {kind.name!r}.")
    _check_granules(document, sources)
    return sources


def _check_granules(document: StrictTable, sources: tuple[Source, ...]) -> None:
    """Files can only be joined to the days or months that the descriptions have."""
    for files in sources:
        for described in sources:
            if (
                isinstance(files.kind, FileKind)
                and isinstance(described.kind, DescriptionKind)
                and files.granule not in {Granule.FILE, described.granule}
            ):
                document.fail(
                    f"{files.name}: granule is {files.granule.value!r}, but that of {described.name} is "
                    f"{described.granule.value!r}; files can be joined to the granules of their descriptions only."
                )


def _source(number: int, table: StrictTable, given: _Sources) -> Source:
    by_name = {kind.name: kind for kind in given.kinds}
    kind = by_name[table.needed_choice("kind", by_name)]
    name = f"[[source]] {number} ({kind.name})"
    if isinstance(kind, RowKind):
        table.value("path")
        plan = kind.read_plan(table, {column.name: column for column in given.custom})
        table.finish()
        return Source(kind, name, _path(table, kind, given), Granule.FILE, rows=plan)
    assert isinstance(kind, FileKind | DescriptionKind)
    said = take(table, kind.keys)
    files = kind.read_plan(table, said) if isinstance(kind, FileKind) else FilesPlan()
    return Source(kind, name, _path(table, kind, given), Granule(said["granule"] or kind.granule), files)


def _path(table: StrictTable, kind: SourceKind, given: _Sources) -> Path:
    # as written: the names of folders may hold more than one blank
    text = None if table.text("path") is None else str(table.value("path"))
    option, override = kind.option, given.options[kind.option]
    if override is not None:
        path, said = override, f"{option} {override}"
    elif text is None:
        table.fail(f"path is missing; add it, or give the folder with {option}.")
    else:
        path, said = given.folder / Path(text).expanduser(), f"path {text!r}"
    path = path.absolute()
    if kind.is_file and path.is_dir() and text is not None:
        # the folder that is given in place of the one in which the file was
        path = path / Path(text).name
    if not path.exists():
        table.fail(f"{said} does not exist.")
    if kind.is_file and not path.is_file():
        table.fail(f"{said} is not a file.")
    if not kind.is_file and not path.is_dir():
        table.fail(f"{said} is not a folder.")
    return path


# -- [columns] and [datasets] -----------------------------------------------------------------------------------------


def _settable(sources: Iterable[Source], custom: tuple[Column, ...]) -> dict[str, Column | None]:
    """The columns that a definition may set; None for those that ingestion makes for each row."""
    made = MADE_FOR_ROWS if all(isinstance(source.kind, RowKind) for source in sources) else MADE_BY_INGESTION
    known: dict[str, Column | None] = {column.name: column for column in (*custom, *epn_columns.COLUMNS)}
    return known | dict.fromkeys(made)


def _values(
    table: StrictTable,
    names: Iterable[str],
    settable: Mapping[str, Column | None],
    severities: Mapping[str, Severity],
    keys: Iterable[str] = (),
) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name in names:
        if name not in settable:
            hint = did_you_mean(name, (*keys, *settable))
            table.fail(f"{name!r} is not a column of EPN-TAP 2.0 and has no [custom.{name}] table.{hint}")
        column = settable[name]
        if column is None:
            table.fail(f"{name} is made by ingestion for each row and cannot be set.")
        values[name] = column_value(table, name, column, severities)
    return values


def _dataset_tables(
    document: StrictTable,
    kinds: Iterable[SourceKind],
    sources: Iterable[Source],
    settable: Mapping[str, Column | None],
    severities: Mapping[str, Severity],
) -> tuple[DatasetTable, ...]:
    tables = document.table("datasets")
    if tables is None:
        return ()
    if all(isinstance(source.kind, RowKind) for source in sources):
        named = ", ".join(sorted(kind.name for kind in kinds if not isinstance(kind, RowKind)))
        tables.fail(f"only datasets from sources of kind {named} have tables; use [columns].")
    return tuple(_dataset_table(tables, pattern, settable, severities) for pattern in tables.names)


def _dataset_table(
    tables: StrictTable, pattern: str, settable: Mapping[str, Column | None], severities: Mapping[str, Severity]
) -> DatasetTable:
    table = tables.needed_table(pattern)
    if not table.names:
        table.fail("the table is empty.")
    columns = [name for name in table.names if name not in DATASET_KEYS]
    values = _values(table, columns, settable, severities, DATASET_KEYS)
    said = take(table, DATASET_KEYS)
    if said["thumbnail"] is not None:
        if "thumbnail_url" in values:
            table.fail("thumbnail and thumbnail_url are the same; give one of them.")
        values["thumbnail_url"] = said["thumbnail"]
    return DatasetTable(pattern, values, said["title"], said["description"], _closing(table, said))


def _closing(table: StrictTable, said: Mapping[str, Any]) -> Closing:
    for group in said["groups"]:
        if not _GROUP.fullmatch(group):
            table.fail(
                f"groups names {group!r}; names of groups are a small letter, then small letters, digits and ._-"
            )
    groups = tuple(sorted(set(said["groups"]))) if table.has("groups") else None
    return Closing(groups, None if said["visible"] is None else said["visible"] == NOTHING)
