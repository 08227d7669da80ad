"""Vocabularies against the lists of the standard and of the IVOA."""

import re
from pathlib import Path

import pytest

from epntap.epncore.vocabulary import DATAPRODUCT_TYPES, MESSENGERS, TARGET_CLASSES, TIME_SCALES, SpatialFrameType


@pytest.mark.shared
def test_codes_are_those_of_the_standard(shared: Path) -> None:
    rules = (shared / "standards/epn_core_rules.md").read_text(encoding="utf-8")
    codes = re.findall(r"^\| ([a-z]{2}) \|", rules, re.MULTILINE)
    assert list(DATAPRODUCT_TYPES) == codes
    listed = re.search(r"target_class is one of ([^(]+)\(", rules)
    assert listed
    assert {term.strip() for term in listed[1].split(",")} == TARGET_CLASSES
    frames = re.search(r"spatial_frame_type in ([^;]+);", rules)
    assert frames
    assert [frame.strip() for frame in frames[1].split(",")] == list(SpatialFrameType)


@pytest.mark.shared
def test_terms_are_those_of_the_ivoa(shared: Path) -> None:
    folder = shared / "standards/schemas/vocabularies"
    for name, terms in (("messenger", MESSENGERS), ("timescale", TIME_SCALES)):
        lines = (folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        assert {line.split(";")[0].strip() for line in lines if line.strip()} == terms
