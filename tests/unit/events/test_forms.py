"""Tables of events read and written: what comes back is what was there, and what is wrong is said with its place."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from astropy.io import votable as astropy_votable

from eventtables.model import EventTableError, Kind
from eventtables.readers import Wishes, read_table
from tests.support.events import ICMECAT, catalogue, cells_of, intervals, real, written

DST, ASCII = "Dst_Li2020.xml", "ML_GTL_IsSOR_AL_cat_0.txt"
ALL_FORMS = ("amda", "votable", "csv", "amda-ascii", "tscat", "tscat-votable")
#: forms that say of which kind a column is
TYPED = ("amda", "votable", "amda-ascii")


def asked(form: str) -> Wishes:
    return Wishes(start="start_time", stop="stop_time") if form == "csv" else Wishes()


@pytest.mark.shared
@pytest.mark.parametrize("name", [DST, ASCII])
@pytest.mark.parametrize("form", ["amda", "votable", "csv", "amda-ascii"])
def test_real_tables_come_back_with_every_cell(shared: Path, name: str, form: str) -> None:
    table = read_table(real(shared, name), "x")
    again = read_table(written(table, form), table.about.name, asked(form))
    assert cells_of(again) == cells_of(table)
    assert again.about.name == table.about.name == name.partition(".")[0]
    if form in TYPED:
        assert [one.kind for one in again.about.columns] == [one.kind for one in table.about.columns]


@pytest.mark.shared
def test_a_real_table_is_what_astropy_reads(shared: Path) -> None:
    table = read_table(real(shared, DST), "x")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of xtype="dateTime"
        theirs = astropy_votable.parse_single_table(io.BytesIO(real(shared, DST))).to_table()
    ours = cells_of(table)
    assert len(table.events) == len(theirs) == 95
    assert [float(text) for text in ours["Bzmin"]] == list(theirs["column5"])
    assert ours["DstMinTime"] == list(theirs["column6"])
    assert ours["start"] == [f"{text}000" for text in theirs["TimeIntervalStart"]]
    assert table.about.contact == "vincent.genot@irap.omp.eu"
    assert table.about.created == "2022-10-18T10:47:53.000"
    assert table.about.description.startswith("Catalogue from Dongni Li and Shuo Yao 2020")


@pytest.mark.shared
def test_what_another_tool_refuses_is_read_by_its_ids_with_a_warning(shared: Path) -> None:
    whole = cells_of(read_table(real(shared, DST), "x"))
    assert cells_of(read_table(real(shared, "Dst_Li2020_invalid_type.xml"), "x")) == whole
    other = read_table(real(shared, "Dst_Li2020_missing_required.xml"), "x")
    assert cells_of(other) == whole
    assert other.warnings == ["The FIELD 'Beurk' is taken for Stop Time by its ID or ucd."]


@pytest.mark.shared
def test_amda_ascii_is_written_as_amda_writes_it(shared: Path) -> None:
    theirs = real(shared, ASCII).decode()
    ours = written(read_table(real(shared, ASCII), "x"), "amda-ascii").decode()
    assert ours.replace(".000", "") == theirs


@pytest.mark.parametrize("form", ALL_FORMS)
def test_hostile_cells_come_back(form: str) -> None:
    table = catalogue()
    again = read_table(written(table, form), "x", asked(form))
    expected, found = cells_of(table), cells_of(again)
    if "tscat" in form:
        assert list(found)[2:7] == ["author", "uuid", "tags", "products", "rating"]
        assert len(set(found["uuid"])) == 3
        expected = {name.replace(" ", "_"): cells for name, cells in expected.items()}
    if form == "amda":
        found["v"] = [" ".join(row) for row in zip(*(found.pop(f"v[{n}]") for n in range(3)), strict=True)]
    for name, cells in expected.items():
        assert found[name] == [text.replace("\n", " ") if form == "amda-ascii" else text for text in cells], name
    if form == "votable":
        assert again.about == table.about
    if form in {"votable", "amda-ascii"}:
        assert [one.kind for one in again.about.columns] == [one.kind for one in table.about.columns]


@pytest.mark.parametrize("form", ALL_FORMS)
def test_tables_without_events_and_time_tables_come_back(form: str) -> None:
    for pairs in ([], [(1, 2), (0, 5), (3, 3)]):
        table = intervals(pairs, "quiet days")
        again = read_table(written(table, form), "quiet days", asked(form))
        assert [again.events.start.tolist(), again.events.stop.tolist()] == [
            table.events.start.tolist(),
            table.events.stop.tolist(),
        ]
        if "tscat" not in form:
            assert not again.about.is_catalogue


def test_amda_votable_is_as_its_clients_take_it_apart() -> None:
    """No third column in a time table, a fraction and no Z in times, no colon in the name."""
    root = ET.fromstring(written(intervals([(1, 2)], "a:b;c"), "amda").decode())
    space = "{http://www.ivoa.net/xml/VOTable/v1.3}"
    said = root[0]
    assert said.tag == f"{space}DESCRIPTION"
    assert said.text is not None
    assert next(part for part in said.text.split(";\n") if "Name" in part).split(":")[-1] == "a b c"
    assert [(one.get("ID"), one.get("ucd"), one.get("xtype")) for one in root.iter(f"{space}FIELD")] == [
        ("TimeIntervalStart", "time.start", "dateTime"),
        ("TimeIntervalStop", "time.end", "dateTime"),
    ]
    assert [one.text for one in root.iter(f"{space}TD")] == ["1970-01-01T00:00:01.000", "1970-01-01T00:00:02.000"]


def test_a_list_of_icmes_is_read_by_the_columns_that_are_chosen() -> None:
    table = read_table(ICMECAT.encode(), "icmecat", Wishes(start="icme_start_time", stop="mo_end_time"))
    cells = cells_of(table)
    assert list(cells) == ["start", "stop", "icmecat_id", "sc_insitu", "mo_start_time", "mo_bmax", "mo_sc_r"]
    assert cells["start"] == ["2007-11-19T17:22:00.000000", "2008-01-02T03:04:00.000000"]
    assert cells["mo_start_time"] == ["2007-11-20T00:33:00.000", "2008-01-02T09:00:00.000"]
    assert cells["mo_bmax"] == ["19.1", ""]
    with pytest.raises(EventTableError, match="None of the columns is a start of events; name one with --start"):
        read_table(ICMECAT.encode(), "icmecat")
    with pytest.raises(EventTableError, match=r"no column 'icme_star_time'.*Did you mean 'icme_start_time'"):
        read_table(ICMECAT.encode(), "icmecat", Wishes(start="icme_star_time"))


@pytest.mark.parametrize(
    ("line", "start", "stop"),
    [
        ("2001 2 3 4 5 6 2001 2 3 4 5 7.5", "2001-02-03T04:05:06.000000", "2001-02-03T04:05:07.500000"),
        ("2001-02-03 04:05:06 2001/02/03 04:05:07", "2001-02-03T04:05:06.000000", "2001-02-03T04:05:07.000000"),
        ("2001 033 4 5 6 2001 033 4 5 7", "2001-02-03T04:05:06.000000", "2001-02-03T04:05:07.000000"),
        ("2016-12-31T23:59:60 2017-01-01T00:00:00.25", "2017-01-01T00:00:00.000000", "2017-01-01T00:00:00.250000"),
        ("0001-01-01T00:00:00Z 9999-12-31T23:59:59Z", "0001-01-01T00:00:00.000000", "9999-12-31T23:59:59.000000"),
    ],
)
def test_every_spelling_of_amdas_upload_is_read(line: str, start: str, stop: str) -> None:
    cells = cells_of(read_table(line.encode(), "x"))
    assert (cells["start"], cells["stop"]) == ([start], [stop])


def test_days_of_the_year_are_counted_as_is_said() -> None:
    line = b"2001 001 0 0 0 2001 002 0 0 0"
    assert cells_of(read_table(line, "x"))["start"] == ["2001-01-02T00:00:00.000000"]
    assert "the first of January is taken for 0" in read_table(line, "x").warnings[0]
    one = read_table(line, "x", Wishes(first_day=1))
    assert (cells_of(one)["start"], one.warnings) == (["2001-01-01T00:00:00.000000"], [])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (("1", "-9223372036854775808", "9223372036854775807"), Kind.INT),
        (("1234567890123456789",), Kind.INT),
        (("9223372036854775809",), Kind.TEXT),
        (("1234567890123456789", "0.5"), Kind.TEXT),
        (("9" * 5000,), Kind.TEXT),
        (("100000000000000000000", "2"), Kind.DOUBLE),
        (("1e20", "1.5"), Kind.DOUBLE),
    ],
)
def test_no_digit_of_a_whole_number_is_lost(values: tuple[str, ...], kind: Kind) -> None:
    lines = "".join(f"2001-01-01,2001-01-02,{one}\n" for one in values)
    table = read_table(f"start,stop,n\n{lines}".encode(), "x")
    assert [one.kind for one in table.about.columns] == [kind]
    if kind is not Kind.DOUBLE:
        assert cells_of(table)["n"] == list(values)


VOT = (
    '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>'
    '<FIELD name="begin" datatype="char" arraysize="*" ucd="time.start"/>'
    '<FIELD name="finish" datatype="char" arraysize="*" ucd="time.end;obs"/>'
    '<FIELD name="n" datatype="int"/><DATA><TABLEDATA>{}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>'
)
GOOD = "<TR><TD>2001-01-01</TD><TD>2001-01-02</TD><TD>1</TD></TR>"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2001-01-01T00:00:00 2001-01-02T00:00:00\n2001-01-01T00:00:00 nonsense", "Line 2, column stop: expected"),
        ("nonsense 2001-01-02T00:00:00 2001-01-02T00:00:00", "None of the columns is a start"),
        ("2001-01-01 2001-01-02 1\n2001-01-01 2001-01-02", "Line 2 has 2 values; expected 3"),
        ("2001-02-30T00:00:00 2001-03-01T00:00:00", "Line 1, column start: there is no time '2001-02-30T00:00:00'"),
        ("2001-01-02T00:00:00 2001-01-01T00:00:00", "Line 1: the event stops at 2001-01-01T00:00:00.000"),
        ("2001 366 0 0 0 2001 366 0 0 1", "Line 1: day 366 is not in the year 2001"),
        ("9999 400 0 0 0 9999 400 0 0 1", "Line 1: day 400 is not in the year 9999"),
        ("2001 999999999999 0 0 0 2001 1 0 0 0", "Line 1: day 999999999999 is not in the year 2001"),
        ("9999-12-31T23:59:60 9999-12-31T23:59:60", "is after the year 9999"),
        ("# Parameter 1: name:a; type:double;\n2001-01-01 2001-01-02 x", "Line 2, column a: expected a number"),
        ("# Parameter 1: name:a; type:tensor;\n", "Line 1: Parameter 1 has the type 'tensor'"),
        ("start,stop,a\n2001-01-01,2001-01-02,1\n2001-01-01,x,1\n", "Line 3, column stop: expected a time in UTC"),
        ("start,stop,a\n2001-01-01,2001-01-02\n", "Line 2 has 2 values, but the line of names has 3"),
        ("start,stop\n,2001-01-02\n", "Line 2, column start: expected a time, found none"),
        ('start,stop\n"2001-01-01,2001-01-02\n', "cannot be read as CSV"),
        ("", "The file is empty"),
        ("{", "The file is no JSON"),
        ('{"catalogues": ' + "[" * 200_000, "JSON within JSON too many times"),
        ('{"catalogues": [{"name": "a", "events": 5}], "events": []}', "expected the uuids of events"),
        ('{"catalogues": [{"name": "a", "events": [["u"]]}], "events": [{"uuid": ["u"]}]}', "expected the uuids"),
        ('{"catalogues": [{"events": ["u"]}], "events": [{"uuid": "u", "attributes": [1]}]}', "event u are no object"),
        ('{"catalogues": []}', "list of objects as 'catalogues'|The file holds no catalogue|no catalogue"),
        ('{"catalogues": [{"name": "a", "events": ["u"]}], "events": []}', "names the event u, which"),
        (VOT.format(GOOD + GOOD.replace("2001-01-02", "x")), "Row 2, column finish: expected a time in UTC"),
        (VOT.format(GOOD + GOOD.replace(">1<", ">1.5<")), "Row 2, the column n: '1.5' is no whole number"),
        (VOT.format(GOOD.replace("<TD>1</TD>", "")), "Row 1 of the VOTable has 2 cells, but there are 3 FIELDs"),
        (VOT.format(GOOD)[:-80], "The VOTable is cut short or broken in line 1"),
        (VOT.format(GOOD).replace("time.start", "meta.id").replace("begin", "b"), "No FIELD .* holds starts"),
        ("<!DOCTYPE a><VOTABLE/>", "The VOTable has a DOCTYPE"),
        (f"<VOTABLE><RESOURCE><TABLE><FIELD name='n' datatype='int'/></TABLE></RESOURCE>{VOT.format(GOOD)[9:]}",
         "No FIELD of the VOTable holds starts.*found n"),
    ],
)  # fmt: skip
def test_broken_files_are_refused_with_row_and_column(text: str, said: str) -> None:
    with pytest.raises(EventTableError, match=said):
        read_table(text.encode(), "x")


def test_words_where_tscat_has_numbers_are_attributes() -> None:
    table = read_table(b"start,stop,rating,tags\n2001-01-01,2001-01-02,good,[NaN]\n", "x")
    (event,) = json.loads(written(table, "tscat"))["events"]
    assert (event["rating"], event["column_rating"], event["tags"]) == (None, "good", ["nan"])
    assert cells_of(read_table(written(table, "tscat-votable"), "x"))["column_rating"] == ["good"]


@pytest.mark.parametrize("letter", ["\x0c", "\x1c", "\x85", "\u2028", '"', "\\", "#", ";"])
@pytest.mark.parametrize("form", ["csv", "amda-ascii"])
def test_letters_at_which_lines_could_end_stay_in_texts(form: str, letter: str) -> None:
    doubled = letter.replace('"', '""')
    table = read_table(f'start,stop,k\n2001-01-01,2001-01-02,"a{doubled}b"\n'.encode(), "x")
    assert cells_of(read_table(written(table, form), "x", asked(form)))["k"] == [f"a{letter}b"]


def test_texts_of_spreadsheets_are_read() -> None:
    text = "start\tstop\tk\r\n2001-01-01\t2001-01-02\té\r\n"
    for encoding in ("utf-16", "utf-8-sig", "utf-8"):
        assert cells_of(read_table(text.encode(encoding), "x"))["k"] == ["é"]
    assert cells_of(read_table(VOT.format(GOOD).encode("utf-16"), "x"))["n"] == ["1"]


def test_events_of_tscat_keep_their_identifiers_and_catalogues_are_chosen() -> None:
    document = {
        "catalogues": [
            {"name": "one", "author": "ann", "uuid": "c1", "events": ["e2", "e1"]},
            {"name": "two", "uuid": "c2", "events": []},
        ],
        "events": [
            {"uuid": "e1", "start": "2001-01-01T00:00:00", "stop": "2001-01-02T00:00:00", "author": "ann",
             "tags": ["a", "b"], "products": [], "rating": None, "Bz": -3.5},
            {"uuid": "e2", "start": "2000-01-01T00:00:00", "stop": "2000-01-02T00:00:00", "author": "bob",
             "tags": [], "products": ["amda/imf"], "rating": 4, "Bz": 1},
        ],
    }  # fmt: skip
    text = json.dumps(document).encode()
    with pytest.raises(EventTableError, match="2 catalogues; name one with --catalogue: one, two"):
        read_table(text, "x")
    table = read_table(text, "x", Wishes(catalogue="one"))
    cells = cells_of(table)
    assert cells["uuid"] == ["e2", "e1"]
    assert (cells["author"], cells["rating"], cells["Bz"]) == (["bob", "ann"], ["4", ""], ["1", "-3.5"])
    assert cells["tags"] == ["[]", '["a", "b"]']
    again = json.loads(written(table, "tscat"))
    assert [one["uuid"] for one in again["events"]] == ["e2", "e1"] == again["catalogues"][0]["events"]
    assert again["events"][1]["tags"] == ["a", "b"]


def test_a_binary_votable_is_read_as_well() -> None:
    rows = np.array([(b"2001-01-01T00:00:00", b"2001-01-02T00:00:00", 2.5)], dtype="S19,S19,f8")
    from astropy.table import Table  # noqa: PLC0415  # slow

    there = Table(rows, names=("start", "stop", "v"))
    content = io.BytesIO()
    astropy_votable.from_table(there).to_xml(content, tabledata_format="binary2")
    assert cells_of(read_table(content.getvalue(), "x"))["v"] == ["2.5"]
