"""Service definitions: a TOML file becomes a `Definition`, or a sentence that says what is wrong with it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
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
from ingest.definition.keys import DATASET_KEYS, DOCUMENT_KEYS, SERVICE_KEYS, SOURCE_KEYS, take
from ingest.definition.kinds import ROW_KINDS, Granule, SourceKind
from ingest.definition.model import LOGICAL_SOURCE, Claim, DatasetTable, Definition, Source
from ingest.definition.row_plans import read_row_plan
from ingest.definition.values import column_value
from ingest.facts import Value

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


def load_definition(file: Path, *, archive: Path | None = None, spase: Path | None = None) -> Definition:
    """Read a service definition; `archive` and `spase` stand in for the `path` of the sources of their kind.

    Relative paths in the file start at its folder. Raises DefinitionError with one sentence on the first thing wrong.
    """
    document = StrictTable(_parse(file), str(file), DefinitionError)
    tables = take(document, DOCUMENT_KEYS)
    severities = parse_severities(tables["validation"] or {}, f"{file}: [validation]")
    service = take(document.needed_table("service"), SERVICE_KEYS)
    declared = document.table("custom")
    custom = () if declared is None else read_custom_columns(declared)
    overrides = {kind: spase if kind is SourceKind.SPASE_DATASETS else archive for kind in SourceKind}
    sources = _sources(document, file.parent, overrides, custom)
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
        datasets=_dataset_tables(document, sources, settable, severities),
        custom=custom,
        withdrawn=tuple(dict.fromkeys(service["withdrawn"])),
        severities=severities,
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


def _sources(
    document: StrictTable, folder: Path, overrides: Mapping[SourceKind, Path | None], custom: tuple[Column, ...]
) -> tuple[Source, ...]:
    tables = document.tables("source")
    if not tables:
        document.fail("there is no [[source]] table, so there is nothing to ingest.")
    sources = tuple(_source(number, table, folder, overrides, custom) for number, table in enumerate(tables, 1))
    kinds = {source.kind for source in sources}
    for kind, option in ((SourceKind.CDF_FILES, "--archive"), (SourceKind.SPASE_DATASETS, "--spase")):
        served = ROW_KINDS | {kind} if kind is SourceKind.CDF_FILES else {kind}
        if overrides[kind] is not None and not kinds & served:
            document.fail(f"{option} was given, but the definition has no source of kind {kind.value!r}.")
    _check_granules(document, sources)
    return sources


def _check_granules(document: StrictTable, sources: tuple[Source, ...]) -> None:
    """Files can only be joined to the days or months that the descriptions have."""
    for files in sources:
        for described in sources:
            if (
                files.kind is SourceKind.CDF_FILES
                and described.kind is SourceKind.SPASE_DATASETS
                and files.granule not in {Granule.FILE, described.granule}
            ):
                document.fail(
                    f"{files.name}: granule is {files.granule.value!r}, but that of {described.name} is "
                    f"{described.granule.value!r}; files can be joined to the granules of their descriptions only."
                )


def _source(
    number: int,
    table: StrictTable,
    folder: Path,
    overrides: Mapping[SourceKind, Path | None],
    custom: tuple[Column, ...],
) -> Source:
    kind = SourceKind(table.needed_choice("kind", SourceKind))
    name = f"[[source]] {number} ({kind.value})"
    if kind in ROW_KINDS:
        table.value("path")
        plan = read_row_plan(kind.value, table, {column.name: column for column in custom})
        return Source(kind, name, _path(table, folder, kind, overrides[kind]), Granule.FILE, plan=plan)
    said = take(table, SOURCE_KEYS[kind])
    _check_versions(table, said)
    default = Granule.DAY if kind is SourceKind.SPASE_DATASETS else Granule.FILE
    granule = Granule(said["granule"] or default)
    return Source(
        kind=kind,
        name=name,
        path=_path(table, folder, kind, overrides[kind]),
        granule=granule,
        claims=_claims(table),
        partial=bool(said.get("partial")),
        versioned_identifiers=bool(said.get("versioned_identifiers")),
        checksums=said.get("checksums") is not False,
    )


def _check_versions(table: StrictTable, said: Mapping[str, Any]) -> None:  # what TOML can say
    if said.get("versioned_identifiers") and said["granule"] not in {None, Granule.FILE.value}:
        table.fail(
            f'versioned_identifiers is about granule = "file", but granule is {said["granule"]!r}; days and months '
            "have no version."
        )


def _path(table: StrictTable, folder: Path, kind: SourceKind, override: Path | None) -> Path:
    option = "--spase" if kind is SourceKind.SPASE_DATASETS else "--archive"
    # as written: the names of folders may hold more than one blank
    text = None if table.text("path") is None else str(table.value("path"))
    if override is not None:
        path, said = override, f"{option} {override}"
    elif text is None:
        table.fail(f"path is missing; add it, or give the folder with {option}.")
    else:
        path, said = folder / Path(text).expanduser(), f"path {text!r}"
    path = path.absolute()
    if kind is SourceKind.TABLE and path.is_dir() and text is not None:
        # the folder that is given in place of the one in which the table was
        path = path / Path(text).name
    if not path.exists():
        table.fail(f"{said} does not exist.")
    if kind is SourceKind.TABLE and not path.is_file():
        table.fail(f"{said} is not a file.")
    if kind is not SourceKind.TABLE and not path.is_dir():
        table.fail(f"{said} is not a folder.")
    return path


def _claims(table: StrictTable) -> tuple[Claim, ...]:
    files = table.table("files")
    if files is None:
        return ()
    claims: list[Claim] = []
    for dataset_id in files.names:
        files.texts(dataset_id)
        # as written: file names may hold more than one blank
        value = files.value(dataset_id)
        patterns = value if isinstance(value, list) else [value]
        claims += [Claim(dataset_id, _claim(files, dataset_id, pattern.strip())) for pattern in patterns]
    return tuple(dict.fromkeys(claims))


def _claim(table: StrictTable, dataset_id: str, pattern: str) -> str:
    if pattern.startswith(("/", "~")) or ".." in pattern.split("/"):
        table.fail(f"{dataset_id}: pattern {pattern!r} must stay below the path of the source.")
    if pattern.lower().startswith(LOGICAL_SOURCE.lower()):
        name = pattern[len(LOGICAL_SOURCE) :].strip()
        if not name:
            table.fail(f"{dataset_id}: a name must follow {LOGICAL_SOURCE!r}.")
        return LOGICAL_SOURCE + name
    return pattern


# -- [columns] and [datasets] -----------------------------------------------------------------------------------------


def _settable(sources: Iterable[Source], custom: tuple[Column, ...]) -> dict[str, Column | None]:
    """The columns that a definition may set; None for those that ingestion makes for each row."""
    made = MADE_FOR_ROWS if all(source.kind in ROW_KINDS for source in sources) else MADE_BY_INGESTION
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
    sources: Iterable[Source],
    settable: Mapping[str, Column | None],
    severities: Mapping[str, Severity],
) -> tuple[DatasetTable, ...]:
    tables = document.table("datasets")
    if tables is None:
        return ()
    kinds = sorted(set(SourceKind) - ROW_KINDS)
    if not any(source.kind in kinds for source in sources):
        tables.fail(f"only datasets from sources of kind {', '.join(kinds)} have tables; use [columns].")
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
    return DatasetTable(pattern, values, said["title"], said["description"])
