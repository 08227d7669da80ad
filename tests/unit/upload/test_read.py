"""Uploads read without a database: whatever arrives is a table or a sentence, and memory stays small."""

from __future__ import annotations

import base64
import gzip
import io
import struct
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io.votable import from_table
from astropy.table import Table as AstropyTable
from hypothesis import example, given, settings
from hypothesis import strategies as st

from epntap.errors import UploadError
from epntap.upload.model import Budget, Limits, ReadTable, Source
from epntap.upload.read import read_uploads
from tests.support.examples import examples
from tests.support.votables import votable

IDS = '<FIELD name="id" datatype="int"/><FIELD name="name" datatype="char" arraysize="*"/>'
GOOD = votable(IDS, "<TR><TD>1</TD><TD>one</TD></TR>" * 3)


_OPEN: list[ReadTable] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


def read(content: bytes, *, limit: int = 100_000_000) -> ReadTable:
    budget = Budget(Limits(1_000_000, limit, 20), time.monotonic() + 60, lambda: AssertionError("too slow"))
    (table,) = read_uploads([Source("t", open=lambda: nullcontext(io.BytesIO(content)))], budget)
    _OPEN.append(table)
    return table


def lines(content: bytes) -> list[str]:
    return read(content).rows.read().decode().splitlines()


def stream(fields: str, data: bytes, kind: str = "BINARY") -> bytes:
    encoded = base64.b64encode(data).decode()
    return votable(fields, data=f'<DATA><{kind}><STREAM encoding="base64">\n{encoded}\n</STREAM></{kind}></DATA>')


def parquet(table: pa.Table) -> bytes:
    written = io.BytesIO()
    pq.write_table(table, written)
    return written.getvalue()


# -- values, written by hand


def test_integers_in_hexadecimal_and_with_a_value_for_null() -> None:
    fields = '<FIELD name="a" datatype="unsignedByte"><VALUES null="99"/></FIELD>'
    assert lines(votable(fields, "<TR><TD>0xFF</TD></TR><TR><TD> 99 </TD></TR><TR><TD/></TR>")) == ["255", "\\N", "\\N"]
    assert lines(stream(fields, bytes([255, 99, 0]))) == ["255", "\\N", "0"]


def test_bits_have_the_highest_first() -> None:
    # VOTable 1.4 §6; astropy writes a single bit as 08
    assert lines(stream('<FIELD name="a" datatype="bit"/>', b"\x80\x08\x00")) == ["t", "t", "f"]
    assert lines(stream('<FIELD name="a" datatype="bit" arraysize="10"/>', b"\xa0\x40")) == ["{1,0,1,0,0,0,0,0,0,1}"]
    varying = struct.pack(">I", 3) + b"\xa0" + struct.pack(">I", 0)
    assert lines(stream('<FIELD name="a" datatype="bit" arraysize="*"/>', varying)) == ["{1,0,1}", "\\N"]


def test_complex_numbers_are_pairs() -> None:
    table = read(votable('<FIELD name="a" datatype="doubleComplex" arraysize="*"/>', "<TR><TD>1 2 3 4</TD></TR>"))
    (column,) = table.table.columns
    assert (column.datatype, column.arraysize) == ("double", "2x*")
    assert table.rows.read() == b"{1.0,2.0,3.0,4.0}\n"
    data = struct.pack(">I4f", 2, 1, 2, 3, 4)
    assert lines(stream('<FIELD name="a" datatype="floatComplex" arraysize="*"/>', data)) == ["{1.0,2.0,3.0,4.0}"]


def test_text_in_binary() -> None:
    fields = '<FIELD name="a" datatype="char" arraysize="4"/><FIELD name="b" datatype="unicodeChar" arraysize="*"/>'
    wide = "Ω".encode("utf-16-be")
    data = b"ab\0\0" + struct.pack(">I", 1) + wide + "ö".encode() + b"\0\0" + struct.pack(">I", 0)
    assert lines(stream(fields, data)) == ["ab\tΩ", "ö\t\\N"]
    assert [c.datatype for c in read(stream(fields, data)).table.columns] == ["unicodeChar", "unicodeChar"]


def test_the_mask_of_binary2() -> None:
    fields = "".join(f'<FIELD name="c{n}" datatype="short"/>' for n in range(9))
    row = b"\x40\x80" + struct.pack(">9h", *range(9))
    assert lines(stream(fields, row, "BINARY2")) == ["0\t\\N\t2\t3\t4\t5\t6\t7\t\\N"]


def test_infinities_and_nan() -> None:
    fields = '<FIELD name="a" datatype="float"/>'
    cells = "".join(f"<TR><TD>{text}</TD></TR>" for text in ("+Inf", "-inf", "NaN", "", "1e-50", " 2 "))
    assert lines(votable(fields, cells)) == ["inf", "-inf", "\\N", "\\N", "0.0", "2.0"]
    with pytest.raises(UploadError, match="does not fit into float"):
        read(votable(fields, "<TR><TD>1e39</TD></TR>"))


def test_other_encodings_of_xml() -> None:
    for encoding in ("utf-16", "iso-8859-1"):
        document = GOOD.decode().replace("UTF-8", encoding).replace("one", "é").encode(encoding)
        assert lines(document) == ["1\té"] * 3


def test_prefixes_comments_and_other_elements() -> None:
    document = (
        GOOD.decode().replace("<", "<v:").replace("<v:/", "</v:").replace("<v:?", "<?").replace("xmlns=", "xmlns:v=")
    )
    assert lines(document.encode()) == ["1\tone"] * 3
    info = (
        b'<INFO name="x" value="1">a &amp; b<!-- TD --></INFO><GROUP><PARAM name="p" datatype="int" value="3"/></GROUP>'
    )
    assert lines(GOOD.replace(b"<TABLE>", info + b"<TABLE>" + info)) == ["1\tone"] * 3


def test_csv_guesses_types_by_all_values() -> None:
    content = (
        b'i,l,d,t,s,z,n\n1,5000000000,1.5,2020-01-01T00:00:00,"a, ""b""\n",007,\n-2,1,nan,2020-01-02,\xc3\xa9,1,\n'
    )
    table = read(content)
    kinds = [(c.datatype, c.xtype) for c in table.table.columns]
    text = ("char", None)
    assert kinds == [
        ("int", None),
        ("long", None),
        ("double", None),
        ("char", "timestamp"),
        ("unicodeChar", None),
        text,
        text,
    ]
    assert table.rows.read().decode().splitlines() == [
        '1\t5000000000\t1.5\t2020-01-01T00:00:00\ta, "b"\\n\t007\t\\N',
        "-2\t1\t\\N\t2020-01-02\té\t1\t\\N",
    ]


def test_parquet_types() -> None:
    table = pa.table(
        {
            "b": [True, None],
            "u": pa.array([255, None], pa.uint8()),
            "f": pa.array([0.5, None], pa.float32()),
            "t": pa.array([1_500_000_000_000_001, None], pa.timestamp("us")),
            "l": pa.array([[1.0, None], None], pa.list_(pa.float64())),
            "d": pa.array(["x", None]).dictionary_encode(),
        }
    )
    assert lines(parquet(table)) == [
        "t\t255\t0.5\t2017-07-14T02:40:00.000001\t{1.0,nan}\tx",
        "\\N\t\\N\t\\N\t\\N\t\\N\t\\N",
    ]
    with pytest.raises(UploadError, match=r"column s of the Parquet file is of type struct"):
        read(parquet(pa.table({"s": [{"a": 1}]})))


def test_what_a_voparquet_says_of_its_columns() -> None:
    fields = (
        '<FIELD name="b" datatype="double" unit="nT" ucd="phys.magField"><DESCRIPTION>a field</DESCRIPTION></FIELD>'
    )
    table = pa.table({"b": [1.0]}).replace_schema_metadata({"IVOA.VOTable-Parquet.content": votable(fields, data="")})
    (column,) = read(parquet(table)).table.columns
    assert (column.unit, column.ucd, column.description) == ("nT", "phys.magField", "a field")


# -- another library's writer is the judge


@pytest.mark.parametrize("serialization", ["tabledata", "binary", "binary2"])
def test_astropy_writes_what_is_read(serialization: str) -> None:
    table = AstropyTable(
        {"i": np.arange(500, dtype="i4"), "x": np.linspace(0, 1, 500), "s": [f"n{n}" for n in range(500)]}
    )
    written = io.BytesIO()
    from_table(table).to_xml(written, tabledata_format=serialization, _debug_python_based_parser=True)
    found = [line.split("\t") for line in lines(written.getvalue())]
    assert [(int(i), float(x), s) for i, x, s in found] == [(int(i), float(x), str(s)) for i, x, s in table]


# -- whatever arrives


BASES = [
    GOOD,
    gzip.compress(GOOD, mtime=0),
    b"a,b\n1,x\n2,y\n",
    parquet(pa.table({"a": [1, 2, 3], "s": ["x", "y", None]})),
    stream(IDS, b"".join(struct.pack(">iI", n, 2) + b"ab" for n in range(4))),
]


@given(
    base=st.sampled_from(BASES),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9), st.binary(max_size=6)), max_size=4),
)
@example(base=b"", cuts=[])
@settings(max_examples=examples(400))
def test_spoiled_uploads_are_tables_or_sentences(base: bytes, cuts: list[tuple[float, int, bytes]]) -> None:
    content = bytearray(base)
    for place, gone, more in cuts:
        start = int(place * len(content))
        content[start : start + gone] = more
    with suppress(UploadError):
        read(bytes(content)).close()


# -- memory


def _peak(content: bytes, limit: int) -> int:
    tracemalloc.start()
    try:
        read(content, limit=limit).close()
    except UploadError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak


#: made when they are needed: some are large
LARGE: dict[str, Callable[[], bytes]] = {
    "gzip bomb": lambda: gzip.compress(b"a\n" + b"x" * 60_000_000),
    "arraysize": lambda: votable('<FIELD name="a" datatype="double" arraysize="1000000"/>', "<TR><TD>1</TD></TR>"),
    "nrows": lambda: GOOD.replace(b"<TABLE>", b'<TABLE nrows="2000000000">'),
    "one cell": lambda: votable(
        '<FIELD name="a" datatype="char" arraysize="*"/>', "<TR><TD>" + "x" * 30_000_000 + "</TD></TR>"
    ),
    # five thousand times the same million characters, which a reader must not put beside each other
    "parquet dictionary": lambda: parquet(
        pa.table({"s": pa.DictionaryArray.from_arrays(pa.array([0] * 5_000, pa.int32()), ["x" * 1_000_000])})
    ),
}


@pytest.mark.parametrize("content", LARGE.values(), ids=LARGE.keys())
def test_memory_stays_small(content: Callable[[], bytes]) -> None:
    made = content()
    # what the limits allow for one cell, twice over
    assert _peak(made, 10_000_000) < 60_000_000


@pytest.mark.parametrize("packed", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_rows_are_not_kept(packed: Callable[[bytes], bytes]) -> None:
    content = packed(votable(IDS, "<TR><TD>1</TD><TD>one</TD></TR>" * 50_000))
    assert _peak(content, 10_000_000) < 5_000_000  # 0.8 MB, and 16 MB if each row were an object


def test_an_encoding_that_does_not_exist() -> None:
    document = votable('<FIELD name="a" datatype="int"/>', "").replace(b"UTF-8", b"UTF-8A")
    assert b"UTF-8A" in document
    with pytest.raises(UploadError, match="names an encoding that does not exist"):
        lines(document)
