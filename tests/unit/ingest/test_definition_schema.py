"""The JSON Schema of definitions: it says what the loader says, and the copy in the documentation is this one."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import ingest
from epntap.errors import DefinitionError
from epntap.strict import StrictTable
from ingest.definition.keys import RULE_KEYS
from ingest.definition.load import load_definition
from ingest.definition.schema import definition_schema
from ingest.kinds.all_kinds import ALL_KINDS
from ingest.sources.kind import RowKind
from ingest.tables.rules import read_rules
from tests.support.archives import CDF_SOURCE, SERVICE, folders
from voregistry.authority import LISTS, keys

DOCS = Path(ingest.__file__).parents[1] / "docs"
SERVICES = sorted((Path(ingest.__file__).parent / "services").glob("*.toml"))
SCHEMA = definition_schema(keys(), LISTS)


def problems(text: str) -> list[str]:
    document = json.loads(json.dumps(tomllib.loads(text), default=lambda moment: moment.isoformat()))
    return [error.message for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(document)]


def test_the_copy_in_the_documentation_is_this_one() -> None:
    """If not: `epntap definition-schema > docs/definition.schema.json`."""
    assert json.loads((DOCS / "definition.schema.json").read_text(encoding="utf-8")) == SCHEMA


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("file", SERVICES, ids=[file.stem for file in SERVICES])
def test_definitions_that_come_with_the_software_keep_it(file: Path) -> None:
    assert problems(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "[sorce]\na = 1",
        "granul = 'day'",
        "granule = 'days'",
        "partial = 'yes'",
        "files = 'x'",
        "files.a = 3",
        "[columns]\nc1min = 'x'",
        "[columns]\nprocessing_level = 7",
        "[columns]\ntarget_class = 'planett'",
        "[columns]\ntarget_class = 'planet#moon'",
        "[columns]\ntarget_name = 3",
        "[datasets.a]\ntitle = 3",
        "[datasets.a]\nthumbnail = 'x.png'",
        "[datasets.a]",
        "[datasets]\na = 3",
        "[custom.x_y]\ntype = 'text'",
        "[custom.x_y]\ntype = 'texts'\ndescription = 'x'",
        "[validation]\nF99 = 'warn'",
        "[validation]\nF1 = 'never'",
    ],
)
def test_what_the_loader_refuses_the_schema_refuses(tmp_path: Path, wrong: str) -> None:
    folders(tmp_path)
    file = tmp_path / "service.toml"
    file.write_text(SERVICE + CDF_SOURCE + wrong, encoding="utf-8")
    with pytest.raises(DefinitionError):
        load_definition(file)
    assert problems(SERVICE + CDF_SOURCE + wrong)


@pytest.mark.parametrize(
    "right",
    [
        "",
        "granule = 'file'\nfiles.a = ['x', 'y']",
        "[columns]\ntarget_class = 'planet#star'\nprocessing_level = 3\nrelease_date = 2026-01-01",
        "[datasets.'a*']\ntitle = 'x'\nthumbnail = 'https://example.org/a.png'\ntarget_class = 'star'",
        "[datasets.a]\nown = 'x'\n[custom.own]\ndescription = 'x'",
        "[validation]\nF1 = 'warn'",
    ],
)
def test_what_the_loader_takes_the_schema_takes(tmp_path: Path, right: str) -> None:
    folders(tmp_path)
    file = tmp_path / "service.toml"
    file.write_text(SERVICE + CDF_SOURCE + right, encoding="utf-8")
    load_definition(file)
    assert problems(SERVICE + CDF_SOURCE + right) == []


ROW_KINDS = [kind for kind in ALL_KINDS if isinstance(kind, RowKind)]
NEEDED: dict[str, dict[str, Any]] = {"table": {"columns": {"granule_uid": "id"}}}


@pytest.mark.parametrize("kind", ROW_KINDS, ids=[kind.name for kind in ROW_KINDS])
def test_sources_of_rows_ask_for_the_keys_that_the_schema_lists(kind: RowKind) -> None:
    table = StrictTable(NEEDED.get(kind.name, {}), "here: [[source]] 1", DefinitionError)
    kind.read_plan(table, {})
    assert set(table.asked) == set(kind.own_keys)


def test_rules_ask_for_the_keys_that_the_schema_lists() -> None:
    table = StrictTable({"target_name": {"nothing": 1, "from": "x"}}, "here: [columns]", DefinitionError)
    with pytest.raises(DefinitionError) as caught:
        read_rules(table, {})
    listed = caught.value.message.partition("known are ")[2].partition(". ")[0].rstrip(".")
    assert set(listed.split(", ")) == set(RULE_KEYS)
