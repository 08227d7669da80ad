"""The keys of a definition, table by table; those of [[source]] are told by its kinds. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping

from ingest.definition.storage import Storage
from ingest.sources.keys import Key, Takes

__all__ = [
    "CUSTOM_KEYS",
    "CUSTOM_TYPES",
    "DATASET_KEYS",
    "DOCUMENT_KEYS",
    "NOTHING",
    "RIGHTS_KEYS",
    "RULE_KEYS",
    "SERVICE_KEYS",
    "VISIBLE",
]


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

#: what those may know who may not have the data
NOTHING = "nothing"
VISIBLE = ("metadata", NOTHING)
#: of a service, and of single datasets; the date is that of the column release_date
RIGHTS_KEYS: Mapping[str, Key] = {
    "groups": Key(Takes.NAMES, "Groups that have the data in any case; without release_date nobody else ever has"),
    "visible": Key(
        Takes.CHOICE, "What others see of data that they may not have yet; metadata if it is not said", VISIBLE
    ),
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
    **RIGHTS_KEYS,
    "storage": Key(
        Takes.CHOICE,
        "How rows are kept: narrow, what all rows of a dataset share once, or wide, each whole; else narrow",
        tuple(Storage),
    ),
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
    **RIGHTS_KEYS,
}
