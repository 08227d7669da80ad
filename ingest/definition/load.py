"""Service definitions: a TOML file becomes a `Definition`, or a sentence that says what is wrong with it."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Never

from epntap.catalog.model import Column, Form
from epntap.catalog.names import RESERVED, TAKEN_SCHEMAS
from epntap.epncore import columns as epn_columns
from epntap.epncore.rules.all_rules import parse_severities
from epntap.errors import DefinitionError
from epntap.hints import did_you_mean
from epntap.strict import StrictTable, kind_of
from ingest.definition.custom import read_custom_columns
from ingest.definition.model import LOGICAL_SOURCE, ROW_KINDS, Claim, Definition, Granule, Source, SourceKind
from ingest.definition.row_plans import read_row_plan
from ingest.facts import Value

__all__ = ["load_definition"]

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
#: PostgreSQL's own limit is 63; index names are the schema's and a bit more
LONGEST_SCHEMA = 40


#: columns that ingestion makes even where a source describes each row
MADE_FOR_ROWS = frozenset({"dataset_id", "granule_uid", "modification_date", "service_title"})


def load_definition(file: Path, *, archive: Path | None = None, spase: Path | None = None) -> Definition:
    """Read a service definition; `archive` and `spase` stand in for the `path` of the sources of their kind.

    Relative paths in the file start at its folder. Raises DefinitionError with one sentence on the first thing wrong.
    """
    reader = _Reader(file)
    document = reader.document()
    reader.check_keys(document, ("service", "source", "columns", "custom", "validation", "registry"), "")
    service = reader.table(document, "service")
    reader.check_keys(
        service,
        ("schema", "title", "description", "publisher", "creator", "reference_url", "withdrawn"),
        "[service] ",
    )
    overrides = {kind: spase if kind is SourceKind.SPASE_DATASETS else archive for kind in SourceKind}
    schema, title = reader.schema(service), reader.text(service, "title", "[service] ", required=True) or ""
    custom = reader.custom(document)
    sources = reader.sources(document, overrides, custom)
    return Definition(
        file=file,
        schema=schema,
        title=title,
        description=reader.text(service, "description", "[service] "),
        publisher=reader.text(service, "publisher", "[service] "),
        creator=reader.text(service, "creator", "[service] "),
        reference_url=reader.text(service, "reference_url", "[service] "),
        sources=sources,
        columns=reader.columns(document.get("columns", {}), sources, custom),
        custom=custom,
        withdrawn=reader.names(service, "withdrawn", "[service] "),
        severities=parse_severities(document.get("validation", {}), f"{file}: [validation]"),
    )


class _Reader:
    """Turns parts of the document into values; knows the file for its messages."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def fail(self, sentence: str) -> Never:
        raise DefinitionError(f"{self._file}: {sentence}")

    def document(self) -> dict[str, Any]:  # TOML values are an open set
        try:
            return tomllib.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DefinitionError(f"There is no service definition {self._file}.") from None
        except IsADirectoryError:
            raise DefinitionError(f"{self._file} is a folder; a service definition is a TOML file.") from None
        except OSError as exc:
            raise DefinitionError(f"The service definition {self._file} cannot be read: {exc.strerror}.") from exc
        except UnicodeDecodeError:
            self.fail("the file is not UTF-8 text.")
        except tomllib.TOMLDecodeError as exc:
            self.fail(f"not valid TOML: {exc}.")

    def check_keys(self, table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
        for key in table:
            if key not in known:
                self.fail(f"unknown key {where}{key!r}; known are {', '.join(known)}.{did_you_mean(key, known)}")

    def table(self, document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        if key not in document:
            self.fail(f"there is no [{key}] table.")
        value = document[key]
        if not isinstance(value, dict):
            self.fail(f"{key} must be a table, but it is {kind_of(value)}.")
        return value

    def text(self, table: Mapping[str, Any], key: str, where: str, *, required: bool = False) -> str | None:
        value = table.get(key)
        if value is None:
            if required:
                self.fail(f"{where}{key} is missing.")
            return None
        if not isinstance(value, str):
            self.fail(f"{where}{key} must be text, but it is {kind_of(value)}.")
        text = " ".join(value.split())
        if required and not text:
            self.fail(f"{where}{key} is empty.")
        if "\0" in text:
            self.fail(f"{where}{key} holds a character with code zero.")
        return text or None

    def flag(self, table: Mapping[str, Any], key: str, where: str, *, default: bool) -> bool:
        value = table.get(key, default)
        if not isinstance(value, bool):
            self.fail(f"{where}{key} must be true or false, but it is {kind_of(value)}.")
        return value

    def names(self, table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(name, str) and name.strip() for name in value):
            self.fail(f"{where}{key} must be a list of names, each a text.")
        return tuple(dict.fromkeys(name.strip() for name in value))

    def schema(self, service: Mapping[str, Any]) -> str:
        name = self.text(service, "schema", "[service] ", required=True) or ""
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or len(name) > LONGEST_SCHEMA:
            self.fail(
                f"[service] schema {name!r} must be a lower-case letter followed by lower-case letters, digits and "
                f"underscores, {LONGEST_SCHEMA} characters at most."
            )
        if name.upper() in RESERVED:
            self.fail(f"[service] schema {name!r} is a reserved word of ADQL; choose another name.")
        if name in TAKEN_SCHEMAS or name.startswith("pg_"):
            self.fail(f"[service] schema {name!r} is a schema of the system itself; choose another name.")
        return name

    def custom(self, document: Mapping[str, Any]) -> tuple[Column, ...]:
        if "custom" not in document:
            return ()
        return read_custom_columns(
            StrictTable(self.table(document, "custom"), f"{self._file}: [custom]", DefinitionError)
        )

    def sources(
        self, document: Mapping[str, Any], overrides: Mapping[SourceKind, Path | None], custom: tuple[Column, ...]
    ) -> tuple[Source, ...]:
        tables = document.get("source", [])
        if not isinstance(tables, list) or not all(isinstance(item, dict) for item in tables):
            self.fail("source must be written as [[source]] tables.")
        if not tables:
            self.fail("there is no [[source]] table, so there is nothing to ingest.")
        sources = tuple(self._source(number, item, overrides, custom) for number, item in enumerate(tables, 1))
        kinds = {source.kind for source in sources}
        for kind, option in ((SourceKind.CDF_FILES, "--archive"), (SourceKind.SPASE_DATASETS, "--spase")):
            served = ROW_KINDS | {kind} if kind is SourceKind.CDF_FILES else {kind}
            if overrides[kind] is not None and not kinds & served:
                self.fail(f"{option} was given, but the definition has no source of kind {kind.value!r}.")
        if custom and not kinds & ROW_KINDS:
            rows = ", ".join(sorted(ROW_KINDS))
            self.fail(f"only sources of kind {rows} can fill [custom.{custom[0].name}].")
        self._check_granules(sources)
        return sources

    def _check_granules(self, sources: tuple[Source, ...]) -> None:
        """Files can only be joined to the days or months that the descriptions have."""
        for files in sources:
            for described in sources:
                if (
                    files.kind is SourceKind.CDF_FILES
                    and described.kind is SourceKind.SPASE_DATASETS
                    and files.granule not in {Granule.FILE, described.granule}
                ):
                    self.fail(
                        f"{files.name}: granule is {files.granule.value!r}, but that of {described.name} is "
                        f"{described.granule.value!r}; files can be joined to the granules of their descriptions only."
                    )

    def _source(
        self,
        number: int,
        table: Mapping[str, Any],
        overrides: Mapping[SourceKind, Path | None],
        custom: tuple[Column, ...],
    ) -> Source:
        where = f"[[source]] {number}: "
        kind_text = self.text(table, "kind", where, required=True) or ""
        kinds = [kind.value for kind in SourceKind]
        if kind_text not in kinds:
            hint = did_you_mean(kind_text, kinds)
            self.fail(f"{where}unknown kind {kind_text!r}; known are {', '.join(kinds)}.{hint}")
        kind = SourceKind(kind_text)
        name, override = f"[[source]] {number} ({kind.value})", overrides[kind]
        if kind in ROW_KINDS:
            rest = {key: value for key, value in table.items() if key not in {"kind", "path"}}
            plan = read_row_plan(
                kind.value,
                StrictTable(rest, f"{self._file}: {where.removesuffix(': ')}", DefinitionError),
                {column.name: column for column in custom},
            )
            return Source(kind, name, self._path(table, where, kind, override), Granule.FILE, plan=plan)
        keys = (
            ("kind", "path", "granule")
            if kind is SourceKind.SPASE_DATASETS
            else ("kind", "path", "granule", "files", "partial", "checksums")
        )
        self.check_keys(table, keys, where)
        default = Granule.DAY if kind is SourceKind.SPASE_DATASETS else Granule.FILE
        return Source(
            kind=kind,
            name=name,
            path=self._path(table, where, kind, override),
            granule=self._granule(table, where, default),
            claims=self._claims(table.get("files", {}), where),
            partial=self.flag(table, "partial", where, default=False),
            checksums=self.flag(table, "checksums", where, default=True),
        )

    def _path(self, table: Mapping[str, Any], where: str, kind: SourceKind, override: Path | None) -> Path:
        option = "--spase" if kind is SourceKind.SPASE_DATASETS else "--archive"
        text = self.text(table, "path", where)
        if override is not None:
            path, said = override, f"{option} {override}"
        elif text is None:
            self.fail(f"{where}path is missing; add it, or give the folder with {option}.")
        else:
            path, said = self._file.parent / Path(text).expanduser(), f"{where}path {text!r}"
        path = path.absolute()
        if kind is SourceKind.TABLE and path.is_dir() and text is not None:
            # the folder that is given in place of the one in which the table was
            path = path / Path(text).name
        if not path.exists():
            self.fail(f"{said} does not exist.")
        if kind is SourceKind.TABLE and not path.is_file():
            self.fail(f"{said} is not a file.")
        if kind is not SourceKind.TABLE and not path.is_dir():
            self.fail(f"{said} is not a folder.")
        return path

    def _granule(self, table: Mapping[str, Any], where: str, default: Granule) -> Granule:
        text = self.text(table, "granule", where)
        if text is None:
            return default
        known = [granule.value for granule in Granule]
        if text not in known:
            self.fail(
                f"{where}granule must be one of {', '.join(known)}, but it is {text!r}.{did_you_mean(text, known)}"
            )
        return Granule(text)

    def _claims(self, table: Any, where: str) -> tuple[Claim, ...]:  # TOML values are an open set
        if not isinstance(table, dict):
            self.fail(f"{where}files must be a table of dataset = pattern, but it is {kind_of(table)}.")
        claims: list[Claim] = []
        for dataset_id, value in table.items():
            patterns = value if isinstance(value, list) else [value]
            if not patterns or not all(isinstance(pattern, str) and pattern.strip() for pattern in patterns):
                self.fail(f"{where}files.{dataset_id!r} must be a pattern or a list of patterns, each a text.")
            claims += [Claim(dataset_id, self._pattern(pattern.strip(), where, dataset_id)) for pattern in patterns]
        return tuple(dict.fromkeys(claims))

    def _pattern(self, pattern: str, where: str, dataset_id: str) -> str:
        if pattern.startswith(("/", "~")) or ".." in pattern.split("/"):
            self.fail(f"{where}files.{dataset_id!r}: pattern {pattern!r} must stay below the path of the source.")
        if pattern.lower().startswith(LOGICAL_SOURCE.lower()):
            name = pattern[len(LOGICAL_SOURCE) :].strip()
            if not name:
                self.fail(f"{where}files.{dataset_id!r}: a name must follow {LOGICAL_SOURCE!r}.")
            return LOGICAL_SOURCE + name
        return pattern

    def columns(
        self,
        table: Any,  # TOML values are an open set
        sources: tuple[Source, ...],
        custom: tuple[Column, ...],
    ) -> Mapping[str, Value]:
        if not isinstance(table, dict):
            self.fail(f"columns must be a table of column = value, but it is {kind_of(table)}.")
        values: dict[str, Value] = {}
        own = {column.name: column for column in custom}
        made = MADE_FOR_ROWS if all(source.kind in ROW_KINDS for source in sources) else MADE_BY_INGESTION
        for name, value in table.items():
            column = own.get(name) or epn_columns.by_name(name)
            if name in made:
                self.fail(f"[columns] {name} is made by ingestion for each row and cannot be set.")
            if column is None:
                known = [*own, *(column.name for column in epn_columns.COLUMNS)]
                self.fail(f"[columns] {name!r} is not a column of EPN-TAP 2.0.{did_you_mean(name, known)}")
            values[name] = self._column_value(name, column, value)
        return values

    def _column_value(self, name: str, column: Column, value: Any) -> Value:  # TOML values are an open set
        where = f"[columns] {name}"
        if column.form is Form.DALI_TEXT:
            return self._timestamp(where, value)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if column.datatype in {"double", "float"}:
            if not number:
                self.fail(f"{where} must be a number, but it is {kind_of(value)}.")
            return float(value)
        if column.datatype in {"short", "int", "long"}:
            if not number or not isinstance(value, int):
                self.fail(f"{where} must be a whole number, but it is {kind_of(value)}.")
            return value
        if not isinstance(value, str):
            self.fail(f"{where} must be text, but it is {kind_of(value)}.")
        text = value.strip()
        if not text:
            self.fail(f"{where} is empty; leave the line out for NULL.")
        if "\0" in text or (column.datatype == "char" and not text.isascii()):
            self.fail(f"{where} may hold ASCII characters only, but it is {text!r}.")
        return text

    def _timestamp(self, where: str, value: Any) -> str:  # TOML values are an open set
        try:
            moment = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
            if isinstance(moment, dt.date) and not isinstance(moment, dt.datetime):
                moment = dt.datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001  # UTC without tzinfo
            if moment.tzinfo is not None:
                moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
            return str(moment.isoformat(timespec="seconds"))
        except (ValueError, AttributeError):
            self.fail(f"{where} must be a time such as 2026-01-31T00:00:00, but it is {value!r}.")
