"""Trees of labels with one row for each label."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from astropy.time import Time

from epntap.errors import DefinitionError
from ingest.facts import Refusal, Remark, RowFacts
from ingest.kinds.labels import LABELS
from ingest.labels.plan import LabelPlan, read_label_plan
from ingest.sources.said import Said
from tests.support.mappings import STANDARD, strict

RULES = """
[columns]
granule_uid = { from = ["PRODUCT_ID", "logical_identifier"] }
time_min = { from = ["START_TIME", "start_date_time"] }
target_name = { from = ["TARGET_NAME", "Target_Identification.name"], values = { MARS = "Mars" } }
"""


def plan(text: str = RULES) -> LabelPlan:
    table = strict(text)
    found = read_label_plan(table, {})
    table.finish()
    return found


def rows(root: Path, text: str = RULES) -> list[Said]:
    return list(LABELS.read(root, plan(text), STANDARD, "mine"))


def write(root: Path, name: str, data: str | None, **keywords: str) -> None:
    lines = ["PDS_VERSION_ID = PDS3", *([f'^TABLE = "{data}"'] if data else [])]
    lines += [f"{name} = {value}" for name, value in keywords.items()]
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\r\n".join([*lines, "END", ""]))


def test_one_row_for_each_label(tmp_path: Path) -> None:
    write(tmp_path, "a/X1.LBL", "X1.TAB", PRODUCT_ID='"X 1"', START_TIME="2001-01-01T00:00:00", TARGET_NAME="MARS")
    (tmp_path / "a/x1.tab").write_bytes(b"1" * 2600)
    [one] = rows(tmp_path)
    assert isinstance(one, RowFacts)
    assert one.values == {
        "granule_uid": "X_1",
        "obs_id": "X1",
        "granule_gid": "data",
        "time_min": Time("2001-01-01").jd,
        "target_name": "Mars",
        "access_url": "/files/mine/a/x1.tab",
        "access_format": "text/plain",
        "access_estsize": 3,
        "file_name": "x1.tab",
    }


def test_a_label_at_the_start_of_its_file(tmp_path: Path) -> None:
    write(tmp_path, "y.img", None, PRODUCT_ID="Y", START_TIME="2001-001")
    [one] = rows(tmp_path, RULES.replace("target_name", "alt_target_name"))[:1]
    assert isinstance(one, RowFacts)
    assert one.values["file_name"] == "y.img"
    assert one.values["access_format"] == "application/octet-stream"


def test_what_cannot_be_used(tmp_path: Path) -> None:
    write(tmp_path, "away.lbl", "away.tab", PRODUCT_ID="A", START_TIME="2001-001")
    write(tmp_path, "late.lbl", "late.tab", PRODUCT_ID="B", START_TIME='"later"', TARGET_NAME="MARS")
    (tmp_path / "late.tab").write_text("1")
    (tmp_path / "alone.tab").write_text("1")
    assert [one for one in rows(tmp_path) if isinstance(one, Refusal)] == [
        Refusal("away.lbl", "the label describes away.tab, which is not beside it", granules=1),
        Refusal(
            "late.lbl", "time_min needs a time such as 2004-03-02T07:17:00, but the source has 'later'", granules=1
        ),
        Refusal("alone.tab", "no label describes this file"),
    ]


def test_keywords_that_no_label_has_are_remarked(tmp_path: Path) -> None:
    write(tmp_path, "x.lbl", "x.tab", PRODUCT_ID="X", TARGET_NAME="MARS")
    (tmp_path / "x.tab").write_text("1")
    found = rows(tmp_path, RULES.replace('"start_date_time"', '"STRAT_TIME"'))
    assert found[1] == Remark(
        ".",
        "no label and no file name has START_TIME, STRAT_TIME, which rules of the source look for",
    )


def test_files_elsewhere(tmp_path: Path) -> None:
    write(tmp_path, "x y.lbl", "x y.tab", PRODUCT_ID="X", START_TIME="2001-001")
    (tmp_path / "x y.tab").write_text("1")
    one = rows(tmp_path, f'address = "https://example.org/pds/"\n{RULES}')[0]
    assert isinstance(one, RowFacts)
    assert one.values["access_url"] == "https://example.org/pds/x%20y.tab"
    assert plan(f'address = "https://example.org/pds/"\n{RULES}').relative_urls == frozenset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('rows = "files"', "rows must be one of label, file, but it is 'files'. Did you mean 'file'?"),
        ('rows = "file"', "pattern is missing"),
        ('pattern = "("', "pattern is not a regular expression"),
        ('pattern = "(?P<a>x)"\nobservation = "{b}"', "observation uses {b}, which is not a field of the pattern"),
        ('pattern = "(?P<a>x)"\ngrid = ["b"]', "grid names 'b'"),
        ('thumbnail = "t"', "thumbnail names a product, so product must say"),
        ('address = "example.org"', "address must start with http://"),
        ('[media_types]\ntab = "table"', "tab must be a media type such as image/jpeg"),
        ("[products.raw]\ntime_mn = 3", "'time_mn' is not a column"),
        ("patern = 'x'", "unknown key 'patern'"),
    ],
)
def test_plans_that_are_wrong(text: str, expected: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        plan(text)
    assert expected in str(caught.value)


@pytest.mark.shared
def test_real_labels_with_their_tables(shared: Path, tmp_path: Path) -> None:
    shutil.copytree(shared / "data/other/pds4", tmp_path / "pds4")
    shutil.copy(shared / "data/other/pds3/L3P010.TAB", tmp_path)
    found = rows(tmp_path)
    names = {str(one.values["file_name"]): one for one in found if isinstance(one, RowFacts)}
    assert set(names) == {path.name for path in tmp_path.rglob("*.[Tt][Aa][Bb]")}
    assert names["L3P010.TAB"].values["target_name"] == "Mars"
    assert names["L3P010.TAB"].values["time_min"] == pytest.approx(Time("2001-10-31T01:04:31").jd, abs=1e-9)
    assert names["ELE_MOM.TAB"].values["time_min"] == pytest.approx(Time("1979-07-06T00:00:42.687").jd, abs=1e-9)
    refused = [one.path for one in found if isinstance(one, Refusal)]
    assert refused == ["pds4/MAGBST051782340_V1.xml", "pds4/mvn_swi_l2_onboardsvymom_20230827_v02_r01.xml"]


def test_plans_that_differ_late_in_a_long_pattern_are_told_apart() -> None:
    # rows are made again when the repr of their plan is another, and the repr of a pattern is cut
    long = "x" * 500
    one, other = (repr(plan(f'pattern = "{long}{end}"\n{RULES}')) for end in ("a", "b"))
    assert one != other
