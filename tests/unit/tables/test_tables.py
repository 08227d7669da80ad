"""CSV, TSV, VOTable and Parquet as sources; every table is read a second time by csv, astropy or pyarrow itself."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io.votable import parse_single_table
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time

from epntap.errors import DefinitionError, UnreadableFileError
from ingest.facts import Refusal, Remark, RowFacts
from ingest.kinds.tables import read_table
from ingest.tables.plan import TablePlan, read_table_plan
from tests.support.mappings import STANDARD, strict

RULES = """
[columns]
granule_uid = "id"
target_name = "target"
time_min = "start"
sun_distance_min = { from = "distance", null = "-999" }
"""

CSV = """id,target,start,distance
a,Mars,2001-01-01,1.5
b,"Moon, the",2001-01-02T06:00:00,
c,NULL,,-999
"""


def plan(text: str = RULES) -> TablePlan:
    table = strict(text)
    found = read_table_plan(table, {})
    table.finish()
    return found


def rows(path: Path, text: str = RULES) -> list[RowFacts | Refusal | Remark]:
    return list(read_table(path, plan(text), STANDARD, lambda _steps: None))


def file(folder: Path, content: str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def test_a_csv_table(tmp_path: Path) -> None:
    path = file(tmp_path, CSV)
    found = rows(path)
    with path.open(newline="") as opened:
        plain = list(csv.DictReader(opened))
    assert [one.values["granule_uid"] for one in found if isinstance(one, RowFacts)] == [row["id"] for row in plain]
    assert [one.values for one in found if isinstance(one, RowFacts)] == [
        {
            "granule_uid": "a",
            "target_name": "Mars",
            "time_min": Time("2001-01-01").jd,
            "sun_distance_min": 1.5,
            "obs_id": "a",
            "granule_gid": "data",
        },
        {
            "granule_uid": "b",
            "target_name": "Moon, the",
            "time_min": Time("2001-01-02T06:00:00").jd,
            "obs_id": "b",
            "granule_gid": "data",
        },
        {"granule_uid": "c", "obs_id": "c", "granule_gid": "data"},
    ]
    assert [one.origin for one in found if isinstance(one, RowFacts)] == [
        "t.csv line 2",
        "t.csv line 3",
        "t.csv line 4",
    ]


@pytest.mark.parametrize(("delimiter", "name"), [(";", "t.csv"), ("\t", "t.tsv"), ("|", "t.txt"), ("\t", "t.csv")])
def test_other_delimiters(tmp_path: Path, delimiter: str, name: str) -> None:
    path = file(tmp_path, f"\ufeff# a comment\n\n{CSV.replace('Moon, the', 'Moon').replace(',', delimiter)}", name)
    assert [one.values["granule_uid"] for one in rows(path) if isinstance(one, RowFacts)] == ["a", "b", "c"]


def test_a_bad_row_is_told_with_its_line_and_the_others_stay(tmp_path: Path) -> None:
    content = 'id,target,start,distance\na,"two\nlines",2001-01-01,1\nb,Mars,2001-01-01\nc,Mars,soon,far\nd,Mars,,2\n'
    found = rows(file(tmp_path, content))
    assert [type(one) for one in found] == [RowFacts, Refusal, Refusal, RowFacts]
    assert found[1] == Refusal("t.csv line 4", "the row has 3 fields, but the header has 4", granules=1)
    assert isinstance(found[2], Refusal)
    assert found[2].path == "t.csv line 5"
    assert "time_min needs a time" in found[2].reason
    assert "sun_distance_min needs a number, but the source has 'far'" in found[2].reason


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "t.csv has no header line"),
        ("id,target,,distance\n", "a column without a name"),
        ("id,id,start,distance\n", "the column 'id' twice"),
        (
            "id,targte,start,distance\na,b,c,d\n",
            "no column 'target', which target_name is made from; it has id, targte",
        ),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, content: str, expected: str) -> None:
    with pytest.raises(UnreadableFileError) as caught:
        rows(file(tmp_path, content))
    assert expected in str(caught.value)


def test_encodings(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("id,target,start,distance\na,Möbius,,\n".encode("latin-1"))
    with pytest.raises(UnreadableFileError, match="is not UTF-8 text; say which encoding"):
        rows(path)
    [one] = rows(path, f'encoding = "latin-1"\n{RULES}')
    assert isinstance(one, RowFacts)
    assert one.values["target_name"] == "Mobius"


def test_an_empty_table_is_remarked(tmp_path: Path) -> None:
    assert rows(file(tmp_path, "id,target,start,distance\n")) == [Remark("t.csv", "the table has no row")]


def test_a_votable_with_units_and_nulls(tmp_path: Path) -> None:
    path = tmp_path / "t.vot"
    table = QTable(
        {
            "id": ["a", "b"],
            "target": ["Mars", "Vénus"],
            "start": MaskedColumn([2451910.5, 0.0], mask=[False, True], unit="d"),
            "distance": MaskedColumn([149597870.7, 1.0], mask=[False, True], unit="km"),
        }
    )
    Table(table).write(path, format="votable")
    found = rows(path)
    again = parse_single_table(path).to_table()
    assert [one.values["granule_uid"] for one in found if isinstance(one, RowFacts)] == list(again["id"])
    assert [one.values for one in found if isinstance(one, RowFacts)] == [
        {
            "granule_uid": "a",
            "target_name": "Mars",
            "time_min": 2451910.5,
            "sun_distance_min": pytest.approx(again["distance"].quantity[0].to_value("AU")),
            "obs_id": "a",
            "granule_gid": "data",
        },
        {"granule_uid": "b", "target_name": "Venus", "obs_id": "b", "granule_gid": "data"},
    ]


def test_a_parquet_file_with_units_and_nulls(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    start = pa.array([Time("2001-01-01T12:00:00").to_datetime(), None], pa.timestamp("us"))
    schema = pa.schema(
        [
            ("id", pa.string()),
            ("target", pa.list_(pa.string())),
            ("start", pa.timestamp("us")),
            pa.field("distance", pa.float64(), metadata={"unit": "km"}),
        ]
    )
    columns = [pa.array(["a", "b"]), pa.array([["Mars", "Phobos"], None]), start, pa.array([149597870.7, None])]
    pq.write_table(pa.table(columns, schema=schema), path)
    first, second = rows(path)
    assert isinstance(first, RowFacts)
    assert first.origin == "t.parquet row 1"
    assert first.values == {
        "granule_uid": "a",
        "target_name": "Mars#Phobos",
        "time_min": Time("2001-01-01T12:00:00").jd,
        "sun_distance_min": pytest.approx(1.0),
        "obs_id": "a",
        "granule_gid": "data",
    }
    assert second == RowFacts({"granule_uid": "b", "obs_id": "b", "granule_gid": "data"}, "t.parquet row 2")


@pytest.mark.parametrize(("name", "expected"), [("t.vot", "not a VOTable"), ("t.parquet", "not a Parquet file")])
def test_files_that_are_something_else(tmp_path: Path, name: str, expected: str) -> None:
    with pytest.raises(UnreadableFileError, match=expected):
        rows(file(tmp_path, "id,target\n", name))


def test_a_file_whose_name_tells_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="does not tell its format; say format = one of csv, tsv"):
        rows(file(tmp_path, CSV, "t.dat"))
    assert len(rows(file(tmp_path, CSV, "t.dat"), f'format = "csv"\n{RULES}')) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[columns]\nobs_id = 'x'", "must say where granule_uid comes from"),
        (f"format = 'xls'\n{RULES}", "format must be one of csv, tsv, votable, parquet"),
        (f"delimiter = '::'\n{RULES}", "delimiter must be one of"),
        (f"encoding = 'utf-88'\n{RULES}", "encoding 'utf-88' is not known"),
        (f"relative_urls = ['target_name']\n{RULES}", "relative_urls may name access_url"),
        (f"colums = 1\n{RULES}", "unknown key 'colums'"),
        ("format = 'csv'", "columns] is missing"),
        ("[columns]\nservice_title = 'x'", "service_title is made by ingestion"),
    ],
)
def test_plans_that_are_wrong(text: str, expected: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        plan(text)
    assert expected in str(caught.value)


@pytest.mark.shared
def test_a_real_index_of_comet_spectra(shared: Path) -> None:
    path = shared / "data/other/vespa/iks_index.csv"
    found = rows(
        path,
        """
        [columns]
        granule_uid = "rootname"
        time_min = "time_obs"
        spectral_range_min = { from = "sp_min", unit = "um" }
        spectral_range_max = { from = "sp_max", unit = "um" }
        target_distance_min = "distance"
        bib_reference = "ref"
        """,
    )
    with path.open(newline="") as opened:
        plain = list(csv.DictReader(opened))
    assert len(found) == len(plain) > 100
    for one, row in zip(found, plain, strict=True):
        assert isinstance(one, RowFacts)
        assert one.values["granule_uid"] == row["rootname"]
        assert one.values["time_min"] == Time(row["time_obs"]).jd
        assert one.values["spectral_range_min"] == pytest.approx(299792458.0 / (float(row["sp_max"]) * 1e-6))
        assert one.values["spectral_range_max"] == pytest.approx(299792458.0 / (float(row["sp_min"]) * 1e-6))
        assert one.values.get("bib_reference") == (None if row["ref"] == "NULL" else row["ref"])
