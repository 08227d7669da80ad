"""UCD validity: word list, position, spelling."""

import pytest

from epntap.epncore.ucd import canonical_ucd, is_valid_ucd


@pytest.mark.parametrize(
    ("ucd", "canonical"),
    [
        ("phys.magField", "phys.magField"),
        ("Phys.magfield", "phys.magField"),
        ("phys.density ; phys.electron", "phys.density;phys.electron"),
        ("pos.earth;instr.obsty", None),
        ("phys.electron", None),
        ("phys.elecField", None),
        ("", None),
        ("phys.magField;", None),
    ],
)
def test_spelling_is_mended_and_wrong_ones_are_refused(ucd: str, canonical: str | None) -> None:
    assert canonical_ucd(ucd) == canonical


def test_only_the_exact_spelling_is_valid() -> None:
    assert is_valid_ucd("phys.magField")
    assert not is_valid_ucd("Phys.magField")
