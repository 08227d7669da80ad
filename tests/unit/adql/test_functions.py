"""The table of functions, and what is declared of it in /capabilities."""

from __future__ import annotations

import re

import pytest

from epntap.adql import Features, optional_features, translate, user_defined_functions
from epntap.adql.bound import pieces
from epntap.adql.functions import Function, known_names, overloads
from epntap.adql.tokens import FUNCTION_WORDS
from epntap.errors import AdqlError
from tests.support.adql_sample import CATALOG

ALL = [function for name in known_names() for function in overloads(name.upper())]


@pytest.mark.parametrize("function", ALL, ids=lambda f: f"{f.name}/{len(f.parameters)}")
def test_the_form_in_sql_uses_exactly_the_parameters(function: Function) -> None:
    used = {piece for piece in pieces(function.condition or function.sql) if isinstance(piece, int)}
    assert used == set(range(len(function.parameters)))


def test_every_function_of_the_grammar_is_known() -> None:
    assert {name.upper() for name in known_names()} >= FUNCTION_WORDS


def test_signatures_are_those_of_the_standard() -> None:
    signatures = [function.signature for function in user_defined_functions(Features())]
    parameter = r"[a-z0-9_]+ [A-Z][A-Z \[\]]*"
    for signature in signatures:
        assert re.fullmatch(rf"[a-z][a-z0-9_]*\({parameter}(, {parameter})*\) -> [A-Z][A-Z \[\]]*", signature)
    assert "ivo_hashlist_has(hashlist VARCHAR, item VARCHAR) -> INTEGER" in signatures


def test_features_are_declared_under_the_names_of_the_standard() -> None:
    declared = optional_features(Features())
    assert {feature_type.removeprefix("ivo://ivoa.net/std/tapregext#features-") for feature_type in declared} == {
        "udf",
        "adqlgeo",
        "adql-string",
        "adql-common-table",
        "adql-sets",
        "adql-type",
        "adql-conditional",
        "adql-unit",
        "adql-offset",
    }


#: one query for each declared form
EXAMPLES = {
    "AREA": "SELECT AREA(CIRCLE(1, 2, 3)) FROM lab.parts",
    "BOX": "SELECT BOX(1, 2, 3, 4) FROM lab.parts",
    "CENTROID": "SELECT CENTROID(outline) FROM lab.things",
    "CIRCLE": "SELECT CIRCLE('ICRS', 1, 2, 3) FROM lab.parts",
    "CONTAINS": "SELECT id FROM lab.things WHERE 1 = CONTAINS(place, outline)",
    "COORD1": "SELECT COORD1(place) FROM lab.things",
    "COORD2": "SELECT COORD2(place) FROM lab.things",
    "COORDSYS": "SELECT COORDSYS(place) FROM lab.things",
    "DISTANCE": "SELECT DISTANCE(place, POINT(1, 2)) FROM lab.things",
    "INTERSECTS": "SELECT id FROM lab.things WHERE 1 = INTERSECTS(CIRCLE(1, 2, 3), outline)",
    "POINT": "SELECT POINT(1, 2) FROM lab.parts",
    "POLYGON": "SELECT POLYGON(1, 2, 3, 4, 5, 6) FROM lab.parts",
    "REGION": "SELECT REGION('CIRCLE ICRS 10 20 1') FROM lab.parts",
    "LOWER": "SELECT LOWER(name) FROM lab.parts",
    "UPPER": "SELECT UPPER(name) FROM lab.parts",
    "ILIKE": "SELECT id FROM lab.parts WHERE name ILIKE 'a%'",
    "WITH": "WITH w AS (SELECT id FROM lab.parts) SELECT id FROM w",
    "UNION": "SELECT id FROM lab.parts UNION SELECT id FROM lab.things",
    "EXCEPT": "SELECT id FROM lab.parts EXCEPT SELECT id FROM lab.things",
    "INTERSECT": "SELECT id FROM lab.parts INTERSECT SELECT id FROM lab.things",
    "CAST": "SELECT CAST(id AS VARCHAR) FROM lab.parts",
    "COALESCE": "SELECT COALESCE(name, 'x') FROM lab.parts",
    "IN_UNIT": "SELECT IN_UNIT(weight, 'g') FROM lab.parts",
    "OFFSET": "SELECT id FROM lab.parts OFFSET 1",
}


def test_every_declared_form_works() -> None:
    forms = {
        form
        for feature_type, names in optional_features(Features()).items()
        for form in names
        if not feature_type.endswith("udf")
    }
    assert forms == set(EXAMPLES)
    for query in EXAMPLES.values():
        translate(query, CATALOG)


def test_user_defined_functions_are_named_without_regard_to_case() -> None:
    translate("SELECT IVO_HashList_Has(name, 'x') FROM lab.parts", CATALOG)


def test_a_function_that_is_not_there_is_refused() -> None:
    with pytest.raises(AdqlError, match="there is no function my_undefined_function"):
        translate("SELECT id, my_undefined_function(id, name) AS bad FROM lab.parts", CATALOG)
