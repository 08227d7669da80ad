"""Patterns: what they match, and who owns a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from epntap.errors import DefinitionError
from ingest.kinds.cdf import CDF_FILES
from ingest.kinds.claims import ClaimTable, glob_to_regex
from ingest.sources.source import Claim, FilesPlan, Granule, Source


def table(*claims: Claim, partial: bool = False) -> ClaimTable:
    source = Source(CDF_FILES, "[[source]] 1 (cdf-files)", Path("/archive"), Granule.DAY, FilesPlan(claims, partial))
    return ClaimTable("service.toml", source)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.cdf", "a.cdf", True),
        ("*.cdf", "deep/down/a.cdf", True),
        ("a_?.cdf", "x/a_1.cdf", True),
        ("a_?.cdf", "a_12.cdf", False),
        ("x/*.cdf", "x/a.cdf", True),
        ("x/*.cdf", "x/y/a.cdf", False),
        ("x/*.cdf", "y/x/a.cdf", False),
        ("x/**/a_*.cdf", "x/a_1.cdf", True),
        ("x/**/a_*.cdf", "x/2001/01/a_1.cdf", True),
        ("x/**/a_*.cdf", "xx/a_1.cdf", False),
        ("**/a.cdf", "a.cdf", True),
        ("solo_[lL]2.cdf", "solo_l2.cdf", True),
        ("solo_[!l]2.cdf", "solo_l2.cdf", False),
        ("a.cdf", "aXcdf", False),
        ("a+b(1).cdf", "a+b(1).cdf", True),
        ("A.cdf", "a.cdf", False),
        ("[", "[", True),
    ],
)
def test_globs(pattern: str, path: str, matches: bool) -> None:
    assert bool(glob_to_regex(pattern).fullmatch(path)) is matches


def test_the_path_or_the_logical_source_decides() -> None:
    claims = table(Claim("a", "a_*.cdf"), Claim("b", "Logical_source:AC_H0_MFI"))
    assert claims.dataset_of("x/a_1.cdf") == "a"
    assert claims.dataset_of("other.cdf") is None
    assert claims.dataset_of("other.cdf", "ac_h0_mfi") == "b"


def test_two_datasets_cannot_have_one_file() -> None:
    claims = table(Claim("a", "*_1.cdf"), Claim("b", "x_*.cdf"))
    with pytest.raises(DefinitionError, match=r"x_1\.cdf is claimed twice, by files\.'a' = '\*_1\.cdf' and files\.'b'"):
        claims.dataset_of("x_1.cdf")


def test_two_patterns_of_one_dataset_may_meet() -> None:
    assert table(Claim("a", "*_1.cdf"), Claim("a", "x_*.cdf")).dataset_of("x_1.cdf") == "a"


def test_a_pattern_that_claims_nothing() -> None:
    claims = table(Claim("a", "a_*.cdf"), Claim("b", "b_*.cdf"))
    claims.count("a_1.cdf", "")
    with pytest.raises(DefinitionError, match=r"files\.'b' = 'b_\*\.cdf' claims no file below /archive"):
        claims.refuse_idle()


def test_a_part_of_an_archive_may_lack_files() -> None:
    claims = table(Claim("a", "a_*.cdf"), partial=True)
    claims.refuse_idle()
    assert [claim.dataset_id for claim in claims.idle()] == ["a"]
