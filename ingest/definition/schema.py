"""The JSON Schema of service definitions, for editors: made from the keys and columns that the loader reads with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from epntap.catalog.model import Form
from epntap.epncore import columns as epn_columns
from epntap.epncore.columns import EpnColumn
from epntap.epncore.rules.all_rules import ALL_RULES, Severity
from ingest.definition.keys import (
    CUSTOM_KEYS,
    DATASET_KEYS,
    DOCUMENT_KEYS,
    RULE_KEYS,
    SERVICE_KEYS,
)
from ingest.definition.load import MADE_BY_INGESTION, MADE_FOR_ROWS
from ingest.definition.values import CLOSED_LISTS, LEVELS
from ingest.kinds.all_kinds import ALL_KINDS
from ingest.sources.keys import Key, Takes
from ingest.sources.source import SourceKind

__all__ = ["definition_schema"]

_Node = dict[str, Any]  # JSON is an open set

_TEXT: _Node = {"type": "string", "minLength": 1}
_TEXTS: _Node = {"type": "array", "items": _TEXT, "minItems": 1}
_RULES: _Node = {"type": "object", "additionalProperties": {"$ref": "#/$defs/rule"}}
_FORMS: Mapping[Takes, _Node] = {
    Takes.TEXT: _TEXT,
    Takes.RAW_TEXT: _TEXT,
    Takes.WEB_ADDRESS: {"type": "string", "pattern": r"^(https?|ftp)://\S+$"},
    Takes.FLAG: {"type": "boolean"},
    Takes.NUMBER: {"type": "number"},
    Takes.WHOLE: {"type": "integer"},
    Takes.CHOICE: {"type": "string"},
    Takes.NAMES: {"anyOf": [_TEXT, {**_TEXTS, "minItems": 0}]},
    Takes.TEXTS: {"anyOf": [_TEXT, _TEXTS]},
    Takes.TEXT_BY_NAME: {"type": "object", "additionalProperties": _TEXT},
    Takes.TEXTS_BY_NAME: {"type": "object", "additionalProperties": {"anyOf": [_TEXT, _TEXTS]}},
    Takes.RULES: _RULES,
    Takes.RULES_BY_NAME: {"type": "object", "additionalProperties": _RULES},
    Takes.OTHER: {},
}


def definition_schema(
    registry: Iterable[str], lists: Iterable[str] = (), kinds: Iterable[SourceKind] = ALL_KINDS
) -> _Node:
    """The schema; `registry` are the keys of [registry], and `lists` those of them that take a list."""
    below: dict[str, _Node] = {
        "service": _table(SERVICE_KEYS),
        "source": {"type": "array", "minItems": 1, "items": {"oneOf": [_source(kind) for kind in kinds]}},
        "columns": _columns(MADE_FOR_ROWS),
        "datasets": {"type": "object", "additionalProperties": _datasets()},
        "custom": {"type": "object", "additionalProperties": _table(CUSTOM_KEYS)},
        "validation": {"type": "object", "properties": _severities(), "additionalProperties": False},
        "registry": {
            "type": "object",
            "properties": {key: _TEXTS if key in set(lists) else _TEXT for key in registry},
            "additionalProperties": False,
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Definition of an EPN-TAP service",
        **_table(DOCUMENT_KEYS, below),
        "required": ["service", "source"],
        "$defs": {"rule": _rule()},
    }


def _table(keys: Mapping[str, Key], below: Mapping[str, _Node] | None = None) -> _Node:
    below = below or {}
    node: _Node = {
        "type": "object",
        "properties": {name: _key(key, below.get(name)) for name, key in keys.items()},
        "additionalProperties": False,
    }
    needed = [name for name, key in keys.items() if key.needed]
    return {**node, "required": needed} if needed else node


def _key(key: Key, form: _Node | None = None) -> _Node:
    node: _Node = {"description": key.about, **(_FORMS[key.takes] if form is None else form)}
    if key.choices and key.takes is Takes.CHOICE:
        return {**node, "enum": [str(choice) for choice in key.choices]}
    if key.choices:
        one = {"type": "string", "enum": list(key.choices)}
        return {**node, "anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}
    return node


def _source(kind: SourceKind) -> _Node:
    node = _table(kind.keys)
    node["properties"]["kind"] = {"description": kind.keys["kind"].about, "const": kind.name}
    return {"title": kind.name, **node}


def _rule() -> _Node:
    long = _table(
        RULE_KEYS,
        {
            "otherwise": {"type": ["string", "number", "boolean"]},
            "values": {"type": "object", "additionalProperties": {"type": "string"}},
            "check": {"$ref": "#/$defs/rule"},
            "null": {"type": ["string", "number", "array"]},
        },
    )
    return {"anyOf": [{"type": ["string", "number", "boolean"]}, _TEXTS, long]}


def _columns(made: Iterable[str]) -> _Node:
    """Column = value; names that the standard does not have are columns of the service's own."""
    return {
        "type": "object",
        "properties": {column.name: _column(column) for column in epn_columns.COLUMNS if column.name not in set(made)},
        "additionalProperties": {"type": ["string", "number"]},
    }


def _datasets() -> _Node:
    node = _columns(MADE_BY_INGESTION)
    node["properties"] = {**{name: _key(key) for name, key in DATASET_KEYS.items()}, **node["properties"]}
    return {**node, "minProperties": 1}


def _column(column: EpnColumn) -> _Node:
    unit = f" ({column.unit})" if column.unit else ""
    return {"description": f"{column.description}{unit}", **_value(column)}


def _value(column: EpnColumn) -> _Node:
    if column.name == "processing_level":
        return {"type": "integer", "minimum": LEVELS[0], "maximum": LEVELS[1]}
    if column.form is Form.DALI_TEXT:
        return {"type": "string", "format": "date-time"}
    if column.datatype != "char":
        return {"type": "number" if column.datatype in {"double", "float"} else "integer"}
    rule = CLOSED_LISTS.get(column.name)
    if rule is None or rule.severity is Severity.WARN:
        return _TEXT
    words: _Node = {"type": "string", "enum": list(rule.terms)}
    if not column.hash_list:
        return words
    one = "|".join(map(re.escape, rule.terms))
    return {"anyOf": [words, {"type": "string", "pattern": f"^({one})(#({one}))*$"}]}


def _severities() -> dict[str, _Node]:
    names = {rule.id for rule in ALL_RULES} | {rule.family for rule in ALL_RULES}
    return {name: {"enum": [severity.value for severity in Severity]} for name in sorted(names)}
