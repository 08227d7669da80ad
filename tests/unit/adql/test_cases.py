"""Every query of `cases/*.txt` becomes what stands there (tests/support/adql_cases.py)."""

from __future__ import annotations

import pytest

from tests.support.adql_cases import CASES, Case, outcome


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}:{case.line}")
def test_a_query_becomes_what_the_case_says(case: Case) -> None:
    assert outcome(case.query) == case.expected
