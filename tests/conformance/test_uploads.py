"""Uploads as released clients send them, with every type that can occur: what comes back is what went in."""

from __future__ import annotations

import gc
import io
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvo
import requests
from astropy import units
from astropy.io.votable import from_table, parse_single_table
from astropy.table import MaskedColumn, Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.examples import examples
from tests.support.multipart import query
from tests.support.server import Server

pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::astropy.io.votable.VOWarning")
stilts_only = pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")

FORMS = ["votable", "votable/b", "votable/b2"]
SERIALIZATIONS = ["tabledata", "binary2"]


@contextmanager
def tap(server: Server) -> Iterator[pyvo.dal.TAPService]:
    with requests.Session() as session:
        yield pyvo.dal.TAPService(server.tap, session=session)
    gc.collect()  # pyvo leaves answers half read; here, where the warnings about it are ignored


@pytest.fixture
def service(served: Server) -> Iterator[pyvo.dal.TAPService]:
    with tap(served) as service:
        yield service


def scalars(*, extremes: bool = True) -> Table:
    """One column of each type. BINARY says NULL with the extremes of whole numbers, so that they do not come back."""
    near = 0 if extremes else 1
    table = Table()
    table["b"] = np.array([True, False, True])
    table["u1"] = np.array([0, 255 - near, 7], "u1")
    table["i2"] = np.array([-32768 + near, 32767, 0], "i2")
    table["i4"] = MaskedColumn(np.array([-(2**31) + near, 2**31 - 1, 0], "i4"), mask=[False, False, True])
    table["i8"] = np.array([-(2**63) + near, 2**63 - 1, 0], "i8")
    table["f4"] = np.array([1.1, -np.inf, 1e-40], "f4")
    table["f8"] = np.array([0.1, np.inf, 5e-324], "f8")
    table["f8"].unit = units.nT
    table["f8"].description = "a field"
    table["s"] = ["a", "Île <&> \\N \t|", "x\ny"]
    return table


def arrays() -> Table:
    table = Table()
    table["f8"] = np.arange(6.0).reshape(3, 2)
    table["f4"] = np.array([[0.1, np.nan], [1, 2], [3, 4]], "f4")
    table["i2"] = np.arange(6, dtype="i2").reshape(3, 2)
    table["i4"] = np.arange(12, dtype="i4").reshape(3, 2, 2)
    table["u1"] = np.arange(6, dtype="u1").reshape(3, 2)
    return table


def as_votable(table: Table, serialization: str) -> bytes:
    written = io.BytesIO()
    # the compiled writer of astropy 8.0 spoils memory with wide tables
    from_table(table).to_xml(written, tabledata_format=serialization, _debug_python_based_parser=True)
    return written.getvalue()


def read(body: bytes) -> Table:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return parse_single_table(io.BytesIO(body)).to_table(use_names_over_ids=True)


def same(left: Table, right: Table) -> None:
    assert left.colnames == right.colnames
    assert len(left) == len(right)
    for name in left.colnames:
        for one, other in zip(left[name], right[name], strict=True):
            if np.ndim(one):
                np.testing.assert_array_equal(_with_nan(one), _with_nan(other), err_msg=name)
            elif np.ma.is_masked(one) or np.ma.is_masked(other):
                # a NaN and a text without letters are NULL in some of the serializations
                assert _is_nothing(one), (name, one, other)
                assert _is_nothing(other), (name, one, other)
            else:
                np.testing.assert_array_equal(np.asarray(one), np.asarray(other), err_msg=name)


def _with_nan(values: Any) -> Any:  # arrays of any type
    return np.ma.filled(values, np.nan) if np.asarray(values).dtype.kind == "f" else np.asarray(values)


def _is_nothing(value: object) -> bool:
    if np.ma.is_masked(value):
        return True
    return value in ("", b"") or (isinstance(value, (float, np.floating)) and bool(np.isnan(value)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("serialization", SERIALIZATIONS)
@pytest.mark.parametrize("what", ["scalars", "arrays"])
def test_every_type_comes_back(served: Server, what: str, serialization: str, form: str) -> None:
    table = arrays() if what == "arrays" else scalars(extremes=form != "votable/b")
    reply = query(served, "SELECT * FROM TAP_UPLOAD.t", response_format=form, t=as_votable(table, serialization))
    assert reply.status == 200, reply.body[:500]
    found = read(reply.body)
    same(table, found)
    for name in table.colnames:
        assert found[name].dtype.kind == table[name].dtype.kind or table[name].dtype.kind in "SU"
        assert found[name].dtype.itemsize == table[name].dtype.itemsize or table[name].dtype.kind in "SU"
        assert found[name].unit == table[name].unit
        assert found[name].description == table[name].description


def test_pyvo_sync(service: pyvo.dal.TAPService) -> None:
    table = scalars()["i4", "f8", "s"]
    answer = service.run_sync("SELECT * FROM TAP_UPLOAD.mine", uploads={"mine": table})
    same(table, answer.to_table())


def test_pyvo_two_tables_async(service: pyvo.dal.TAPService) -> None:
    ids = service.search("SELECT TOP 20 granule_uid FROM amdadb.epn_core ORDER BY granule_uid").to_table()
    more = Table({"granule_uid": [str(uid) for uid in ids["granule_uid"]], "n": np.arange(len(ids))})
    answer = service.run_async(
        "SELECT b.n, e.granule_uid FROM amdadb.epn_core AS e JOIN TAP_UPLOAD.a AS a ON e.granule_uid = a.granule_uid "
        "JOIN TAP_UPLOAD.b AS b ON b.granule_uid = a.granule_uid ORDER BY b.n",
        uploads={"a": ids, "b": more},
    )
    assert list(answer["n"]) == list(range(20))
    assert [str(uid) for uid in answer["granule_uid"]] == list(more["granule_uid"])


def test_pyvo_shows_what_is_wrong(service: pyvo.dal.TAPService) -> None:
    with pytest.raises(pyvo.dal.DALQueryError, match="there is no column nothing in TAP_UPLOAD"):
        service.run_sync("SELECT nothing FROM TAP_UPLOAD.mine", uploads={"mine": Table({"a": [1]})})


@stilts_only
@pytest.mark.parametrize("sync", ["true", "false"])
def test_stilts_tapquery(served: Server, tmp_path: Path, sync: str) -> None:
    (tmp_path / "in.csv").write_text("a,name,x\n1,one,0.5\n2,,\n3,drei,-1e300\n")
    command = [
        "stilts", "tapquery", f"tapurl={served.tap}", "nupload=1", f"upload1={tmp_path / 'in.csv'}", "ufmt1=csv",
        "upname1=mine", "adql=SELECT * FROM TAP_UPLOAD.mine ORDER BY a", f"sync={sync}", "ofmt=csv",
        f"out={tmp_path / 'out.csv'}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.csv").read_text().split() == ["a,name,x", "1,one,0.5", "2,,", "3,drei,-1.0E300"]


@stilts_only
def test_stilts_taplint_uploads(served: Server) -> None:
    command = ["stilts", "taplint", f"tapurl={served.tap}", "stages=TMV TME TMS CAP UPL"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert "Section UPL" in done.stdout
    uploads = done.stdout.partition("Section UPL")[2]
    assert "E-UPL" not in uploads, uploads
    assert "F-UPL" not in uploads, uploads


# -- whatever the values are

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=20)
TEXTS = st.text(st.characters(max_codepoint=0xFFFD, exclude_categories=["Cc", "Cs", "Cn"]), min_size=1, max_size=12)
VALUES = {
    "i2": st.integers(-(2**15) + 1, 2**15 - 1),
    "i4": st.integers(-(2**31) + 1, 2**31 - 1),
    "i8": st.integers(-(2**63) + 1, 2**63 - 1),
    "u1": st.integers(0, 254),
    "f4": st.floats(width=32, allow_nan=False),
    "f8": st.floats(allow_nan=False),
    "U": TEXTS.map(lambda text: text.strip() or "x"),
}


@st.composite
def tables(draw: st.DrawFn) -> Table:
    rows = draw(st.integers(1, 5))
    names = draw(st.lists(NAMES.map(str.strip).filter(bool), min_size=1, max_size=4, unique=True))
    table = Table()
    for name in names:
        kind = draw(st.sampled_from(sorted(VALUES)))
        values = draw(st.lists(VALUES[kind], min_size=rows, max_size=rows))
        table[name] = np.array(values, None if kind == "U" else kind)
    return table


@given(table=tables(), serialization=st.sampled_from(SERIALIZATIONS), form=st.sampled_from(FORMS))
@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_table_comes_back(served: Server, table: Table, serialization: str, form: str) -> None:
    reply = query(served, "SELECT * FROM TAP_UPLOAD.t", response_format=form, t=as_votable(table, serialization))
    assert reply.status == 200, reply.body[:500]
    same(table, read(reply.body))
