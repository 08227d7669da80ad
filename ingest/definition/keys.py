"""The keys of a definition, table by table: the loader reads with them, and the JSON Schema is made from them.

No I/O here. A key that is missing here can neither be read nor be completed by an editor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from epntap.strict import StrictTable
from ingest.definition.kinds import Granule, SourceKind
from ingest.labels.plan import Rows
from ingest.tables.delimited import DELIMITERS
from ingest.tables.plan import RELATIVE_COLUMNS, TableFormat

__all__ = [
    "CUSTOM_KEYS",
    "CUSTOM_TYPES",
    "DATASET_KEYS",
    "DOCUMENT_KEYS",
    "RULE_KEYS",
    "SERVICE_KEYS",
    "SOURCE_KEYS",
    "Key",
    "Takes",
    "take",
]


class Takes(StrEnum):
    """What may stand behind a key."""

    TEXT = "text"
    #: a text as it is written, blanks included
    RAW_TEXT = "raw text"
    WEB_ADDRESS = "web address"
    FLAG = "flag"
    NUMBER = "number"
    WHOLE = "whole number"
    CHOICE = "choice"
    #: a list of texts
    NAMES = "names"
    #: a text or a list of texts
    TEXTS = "texts"
    #: of another form, read by whoever owns the key
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table."""

    takes: Takes
    about: str
    choices: tuple[str, ...] = ()
    needed: bool = False


def take(table: StrictTable, keys: Mapping[str, Key]) -> dict[str, Any]:  # what TOML can say
    """The values of all keys of a table, None or () for those that are absent; refuses any other key."""
    values = {name: _take(table, name, key) for name, key in keys.items()}
    table.finish()
    return values


def _take(table: StrictTable, name: str, key: Key) -> Any:  # what TOML can say
    if key.needed and not table.has(name):
        table.needed_text(name)
    return _READERS[key.takes](table, name, key)


def _raw_text(table: StrictTable, name: str, _: Key) -> Any:  # a text
    table.text(name)
    return table.value(name)


_READERS: Mapping[Takes, Callable[[StrictTable, str, Key], Any]] = {  # each returns what TOML can say
    Takes.TEXT: lambda table, name, _: table.text(name),
    Takes.RAW_TEXT: _raw_text,
    Takes.WEB_ADDRESS: lambda table, name, _: table.web_address(name),
    Takes.FLAG: lambda table, name, _: None if table.value(name) is None else table.flag(name),
    Takes.NUMBER: lambda table, name, _: table.number(name),
    Takes.WHOLE: lambda table, name, _: table.whole(name),
    Takes.CHOICE: lambda table, name, key: table.choice(name, key.choices),
    Takes.NAMES: lambda table, name, _: () if table.value(name) == [] else table.texts(name),
    Takes.TEXTS: lambda table, name, _: table.texts(name),
    Takes.OTHER: lambda table, name, _: table.value(name),
}


DOCUMENT_KEYS: Mapping[str, Key] = {
    "service": Key(Takes.OTHER, "What is published, and by whom"),
    "source": Key(Takes.OTHER, "Where rows come from; as many [[source]] tables as there are sources"),
    "columns": Key(Takes.OTHER, "Column = value for every row; it wins over what the sources say"),
    "datasets": Key(
        Takes.OTHER,
        'What is known of single datasets: [datasets."pattern of dataset ids"]; it wins over [columns]',
    ),
    "custom": Key(Takes.OTHER, "Columns of the service's own: [custom.name]"),
    "validation": Key(Takes.OTHER, "Rule of EPN-TAP = severity, where it is not the usual one"),
    "registry": Key(Takes.OTHER, "Who registers the service, and under which name"),
}

SERVICE_KEYS: Mapping[str, Key] = {
    "schema": Key(
        Takes.TEXT, "Name in FROM: a lower-case letter, then lower-case letters, digits and underscores", needed=True
    ),
    "title": Key(Takes.TEXT, "Title of the service", needed=True),
    "description": Key(Takes.TEXT, "What the service holds"),
    "publisher": Key(Takes.TEXT, "Who publishes it"),
    "creator": Key(Takes.TEXT, "Who made it"),
    "reference_url": Key(Takes.TEXT, "Page about the service"),
    "withdrawn": Key(Takes.NAMES, "Datasets that are taken back"),
}

_KIND = Key(Takes.CHOICE, "What the source holds", tuple(SourceKind), needed=True)
_PATH = Key(Takes.RAW_TEXT, "Folder or file of the source; a relative path starts at the folder of the definition")
_GRANULE = Key(Takes.CHOICE, "What one row stands for", tuple(Granule))
_CHECKSUMS = Key(Takes.FLAG, "Read each file in full once, so that a copy with another time is known for what it is")

#: keys of a [[source]] by its kind
SOURCE_KEYS: Mapping[SourceKind, Mapping[str, Key]] = {
    SourceKind.SPASE_DATASETS: {"kind": _KIND, "path": _PATH, "granule": _GRANULE},
    SourceKind.CDF_FILES: {
        "kind": _KIND,
        "path": _PATH,
        "granule": _GRANULE,
        "files": Key(Takes.OTHER, "Dataset = pattern, or a list of patterns, of the files that belong to it"),
        "partial": Key(Takes.FLAG, "The archive at hand may be a part of what the definition describes"),
        "versioned_identifiers": Key(
            Takes.FLAG, 'With granule = "file": identifiers keep the version in the name of a file, and change with it'
        ),
        "checksums": _CHECKSUMS,
    },
    SourceKind.LABELS: {
        "kind": _KIND,
        "path": _PATH,
        "rows": Key(Takes.CHOICE, "What one row stands for", tuple(Rows)),
        "pattern": Key(Takes.TEXT, "Regular expression of file names without suffix; its groups are fields"),
        "observation": Key(Takes.TEXT, "Template on fields: files of the same text are of one observation"),
        "product": Key(Takes.TEXT, "Template on fields: which product of the observation a file is"),
        "thumbnail": Key(Takes.TEXT, "The product whose file is the thumbnail of all"),
        "grid": Key(Takes.TEXTS, "Fields that span a grid; positions without any file are reported"),
        "columns": Key(Takes.OTHER, "Column = field, template or rule"),
        "products": Key(Takes.OTHER, "Rules for the files of one product: [source.products.name]"),
        "media_types": Key(Takes.OTHER, "Suffix = media type, where it is another than usual"),
        "address": Key(Takes.WEB_ADDRESS, "Address of the folder of the source, if files are handed out elsewhere"),
        "checksums": _CHECKSUMS,
    },
    SourceKind.RUNS: {"kind": _KIND, "path": _PATH},
    SourceKind.TABLE: {
        "kind": _KIND,
        "path": _PATH,
        "format": Key(Takes.CHOICE, "How the table is stored, if the end of its name does not say", tuple(TableFormat)),
        "table": Key(Takes.WHOLE, "Which table of a VOTable document, from 1"),
        "delimiter": Key(Takes.CHOICE, "What stands between cells", tuple(DELIMITERS)),
        "encoding": Key(Takes.TEXT, "Encoding of the text, such as utf-8 or latin-1"),
        "relative_urls": Key(
            Takes.TEXTS, "Columns whose values are paths below the address of the service", RELATIVE_COLUMNS
        ),
        "columns": Key(Takes.OTHER, "Column = field, template or rule", needed=True),
    },
}

#: keys of `column = { … }` where rows are mapped
RULE_KEYS: Mapping[str, Key] = {
    "from": Key(Takes.TEXTS, "Field, or fields of which the first with a value counts"),
    "text": Key(Takes.TEXT, "Template with {field} in it"),
    "otherwise": Key(Takes.OTHER, "Value where there is none"),
    "values": Key(Takes.OTHER, "What words of the source mean: word = word"),
    "check": Key(Takes.OTHER, "Another way to the same value; if both have one they must agree"),
    "unit": Key(Takes.TEXT, "Unit of the source, if it is not said there"),
    "scale": Key(Takes.NUMBER, "Factor, before the offset"),
    "offset": Key(Takes.NUMBER, "What is added after scaling"),
    "null": Key(Takes.OTHER, "Word or number that stands for no value, or a list of them"),
    "split": Key(Takes.TEXT, "What stands between the items of a list"),
    "date_format": Key(Takes.TEXT, "How dates are written, as in Python's strptime"),
}

CUSTOM_TYPES = ("text", "timestamp", "double", "float", "int", "long")
CUSTOM_KEYS: Mapping[str, Key] = {
    "type": Key(Takes.CHOICE, "What values are; text if it is not said", CUSTOM_TYPES),
    "unit": Key(Takes.TEXT, "Unit in VOUnit syntax"),
    "ucd": Key(Takes.TEXT, "UCD1+ of the quantity"),
    "description": Key(Takes.TEXT, "What the column holds", needed=True),
}

#: keys of [datasets."…"] beside the columns of EPN-TAP and of the service's own
DATASET_KEYS: Mapping[str, Key] = {
    "title": Key(Takes.TEXT, "Title of the dataset"),
    "description": Key(Takes.TEXT, "What the dataset holds"),
    "thumbnail": Key(Takes.WEB_ADDRESS, "Address of a picture that stands for each granule"),
}
