"""Columns of a service's own."""

from __future__ import annotations

import pytest

from epntap.catalog.model import Column, Form
from epntap.errors import DefinitionError
from ingest.definition.custom import read_custom_columns
from tests.support.mappings import strict


def test_types_units_and_ucds() -> None:
    text = """
    [x_speed]
    type = "double"
    unit = "km/s"
    ucd = "phys.veloc"
    description = "Speed"
    [x_when]
    type = "timestamp"
    description = "When"
    """
    assert read_custom_columns(strict(text)) == (
        Column("x_speed", "double", unit="km/s", ucd="phys.veloc", description="Speed", pg_type="double precision"),
        Column("x_when", "char", "*", "timestamp", description="When", form=Form.DALI_TEXT),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[X]\ndescription = 'd'", "the name must be a lower-case letter"),
        ("[time_min]\ndescription = 'd'", "time_min is a column of EPN-TAP 2.0"),
        ("[select]\ndescription = 'd'", "select is a reserved name"),
        ("[accref]\ndescription = 'd'", "accref is a reserved name"),
        ("[x]", "description is missing"),
        ("[x]\ntype = 'string'\ndescription = 'd'", "type must be one of text, timestamp"),
        ("[x]\nunit = 'furlongs'\ndescription = 'd'", "'furlongs' is not a unit"),
        ("[x]\nucd = 'phys.magfield'\ndescription = 'd'", "is spelled 'phys.magField'"),
        ("[x]\nucd = 'nonsense'\ndescription = 'd'", "ucd 'nonsense' is not valid"),
    ],
)
def test_what_is_wrong(text: str, expected: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        read_custom_columns(strict(text))
    assert expected in str(caught.value)
