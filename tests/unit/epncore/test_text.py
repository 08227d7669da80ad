"""Cleaning of text values (EPN-TAP 2.0 section 1.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epntap.epncore.text import clean_granule_uid, clean_text, fold_to_ascii, has_only_clean_text, hash_list


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Venus flyby #1\n", "Venus flyby _1"),
        ("IS\u2299IS EPI-Hi", "ISOIS EPI-Hi"),
        ("1/cm\u00b2/sr", "1/cm2/sr"),
        ("\u03bcA/m", "uA/m"),
        ("Universit\u00e9  de\tToulouse", "Universite de Toulouse"),
        ('the "quoted" one\'s', "the _quoted_ one_s"),
        ("MAG (ASM/VFM)", "MAG (ASM/VFM)"),
        ("pos.ephem;instr.obsty", "pos.ephem;instr.obsty"),
        ("\u65e5", "_"),
        (" \n", None),
        ("", None),
        (None, None),
    ],
)
def test_values_are_cleaned(text: str | None, expected: str | None) -> None:
    assert clean_text(text) == expected


@given(st.text())
def test_cleaning_twice_changes_nothing_and_leaves_ascii(text: str) -> None:
    once = clean_text(text)
    if once is not None:
        assert once.isascii()
        assert clean_text(once) == once
        assert has_only_clean_text(once)
    assert fold_to_ascii(text).isascii()


def test_a_hash_list_has_no_doubles_and_no_empty_items() -> None:
    assert hash_list(["THEMIS", " ", None, "THEMIS-A", "THEMIS "]) == "THEMIS#THEMIS-A"
    assert hash_list([]) is None
    assert hash_list(["a#b"]) == "a_b"


@pytest.mark.parametrize("text", ["#a", "a#", "a##b", "a 'b'", " a"])
def test_wrong_lists_are_recognised(text: str) -> None:
    assert not has_only_clean_text(text)


def test_a_granule_uid_fits_into_an_address() -> None:
    assert clean_granule_uid("so-ept-e.sun_20200603") == "so-ept-e.sun_20200603"
    assert clean_granule_uid("flyby #1/\u00e9") == "flyby__1_e"
