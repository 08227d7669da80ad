"""PDS3 and PDS4 labels; real ones are read a second time with regular expressions."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import pytest
from lxml import etree

from epntap.errors import UnreadableFileError
from ingest.labels.pds3 import has_attached_label, read_pds3
from ingest.labels.pds4 import is_pds4, read_pds4
from ingest.labels.record import Label, LabelRecord
from ingest.tables.values import Measure

LABEL = """PDS_VERSION_ID = PDS3
/* a comment */
^TABLE = ("X_001.TAB", 3)
^STRUCTURE = "X.FMT"
START_TIME = 2006-12-06T02:08:22.929Z
STOP_TIME = 2006-340T02:09:48
TARGET_NAME = {MARS, PHOBOS}
CLOCK = "1/0012:33"
EMPTY =
NOTE = "two
   lines"
SUB_SOLAR_LATITUDE = -3.5 <DEGREE>
RANGES = (1.0 <KM>, 2.0 <KM>)
OBJECT = TABLE
  ROWS = 3
  OBJECT = COLUMN
    NAME = A
  END_OBJECT = COLUMN
  OBJECT = COLUMN
    NAME = B
  END_OBJECT = COLUMN
END_OBJECT = TABLE
END
binary after the end \0\1
"""


def label(folder: Path, text: str = LABEL) -> Label:
    path = folder / "x.lbl"
    path.write_bytes(text.replace("\n", "\r\n").encode())
    return read_pds3(path, "x.lbl")


def test_values_of_a_pds3_label(tmp_path: Path) -> None:
    found = label(tmp_path)
    assert found.get("START_TIME") is not None
    assert str(found.get("START_TIME")).startswith("2006-12-06 02:08:22.929")
    assert str(found.get("STOP_TIME")).startswith("2006-12-06 02:09:48")
    assert found.get("TARGET_NAME") == ["MARS", "PHOBOS"]
    assert found.get("NOTE") == "two lines"
    assert found.get("SUB_SOLAR_LATITUDE") == Measure(-3.5, "DEGREE")
    assert found.get("RANGES") == [Measure(1.0, "KM"), Measure(2.0, "KM")]
    assert found.get("CLOCK") == "1/0012:33"
    assert found.get("TABLE.ROWS") == found.get("ROWS") == 3
    assert found.get("COLUMN.NAME") == ("A", "B")
    assert found.get("NAMES") is None
    assert found.files == ("X_001.TAB",)


def test_a_label_at_the_start_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "x.img"
    path.write_bytes(LABEL.replace('("X_001.TAB", 3)', "3").encode() + b"\0" * 3_000_000)
    assert has_attached_label(path)
    assert read_pds3(path, "x.img").files == ()
    path.write_bytes(b"no label")
    assert not has_attached_label(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the label is empty"),
        (b"\0\1\2", "this is no PDS3 label"),
        (b"A = (1, 2\r\nEND\r\n", "cannot be read"),
        (b"END\r\n", "holds no keyword"),
    ],
)
def test_what_is_no_label(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "x.lbl"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=expected):
        read_pds3(path, "x.lbl")


PDS4 = """<?xml version="1.0"?>
<Product_Observational xmlns="http://pds.nasa.gov/pds4/pds/v1"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <Observation_Area>
    <Time_Coordinates>
      <start_date_time>2000-02-07T00:00:00.576Z</start_date_time>
      <stop_date_time xsi:nil="true">none</stop_date_time>
    </Time_Coordinates>
    <!-- a comment -->
    <Target_Identification><name>Mars</name></Target_Identification>
    <Target_Identification><name>Phobos</name></Target_Identification>
    <x:Geometry xmlns:x="http://pds.nasa.gov/pds4/geom/v1"><x:distance unit="km">12.5</x:distance></x:Geometry>
  </Observation_Area>
  <File_Area_Observational><File><file_name>a.tab</file_name></File></File_Area_Observational>
</Product_Observational>
"""


def test_values_of_a_pds4_label(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text(PDS4)
    assert is_pds4(path)
    found = read_pds4(path, "x.xml")
    assert found.get("Time_Coordinates.start_date_time") == "2000-02-07T00:00:00.576Z"
    assert found.get("stop_date_time") is None
    assert found.get("Target_Identification.name") == ("Mars", "Phobos")
    assert found.get("Geometry.distance") == Measure(12.5, "km")
    assert found.files == ("a.tab",)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<a>", "not well-formed XML"),
        ("<a/>", "expected a PDS4 product label, but the root element is a"),
        ("", "not well-formed XML"),
        ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>', "expected a PDS4 product label"),
    ],
)
def test_xml_that_is_no_label(tmp_path: Path, content: str, expected: str) -> None:
    path = tmp_path / "x.xml"
    path.write_text(content)
    assert not is_pds4(path)
    with pytest.raises(UnreadableFileError, match=expected):
        read_pds4(path, "x.xml")


def test_fields_come_before_labels_and_the_first_label_counts() -> None:
    record = LabelRecord({"a": "field"}, (Label("1", [("a", 1), ("b", 2)]), Label("2", [("b", 3), ("g.c", 4)])))
    assert [record.get(name) for name in ("a", "b", "c", "d")] == ["field", 2, 4, None]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "keywords"),
    [
        ("s_00168901_thm.lbl", ("START_TIME", "STOP_TIME", "PRODUCT_ID", "INSTRUMENT_NAME", "ORBIT_NUMBER")),
        ("lend_rdr_dld_20240615.lbl", ("START_TIME", "PRODUCT_ID", "TARGET_NAME", "INSTRUMENT_ID")),
        ("fsb_01500_rhk_xib_85s238_v1.lbl", ("START_TIME", "TARGET_NAME", "PRODUCT_ID")),
        ("ACCANCP007.LBL", ("TARGET_NAME", "PRODUCT_ID", "FILE_RECORDS")),
        ("L3P010.TAB", ("START_TIME", "TARGET_NAME", "INSTRUMENT_NAME")),
    ],
)
def test_real_pds3_labels(shared: Path, name: str, keywords: tuple[str, ...]) -> None:
    path = shared / "data/other/pds3" / name
    found = read_pds3(path, name)
    text = path.read_text(encoding="latin-1")
    for keyword in keywords:
        plain = re.search(rf"^{keyword}\s*=\s*(.*?)\s*$", text, re.MULTILINE)
        assert plain is not None
        said = plain[1].strip('"')
        value = found.get(keyword)
        if isinstance(value, datetime):
            assert value.replace(tzinfo=None) == datetime.fromisoformat(said).replace(tzinfo=None)
        else:
            assert str(value) == said


@pytest.mark.shared
def test_real_pds4_labels(shared: Path) -> None:
    paths = sorted((shared / "data/other/pds4").glob("*.xml"))
    assert len(paths) >= 6
    for path in paths:
        found = read_pds4(path, path.name)
        root = etree.parse(path).getroot()
        for name in ("start_date_time", "logical_identifier", "processing_level"):
            first = root.find(f".//{{*}}{name}")
            assert first is not None
            assert found.get(name) == (first.text or "").strip()
        assert set(found.files) == {element.text for element in root.iterfind(".//{*}File/{*}file_name")}
