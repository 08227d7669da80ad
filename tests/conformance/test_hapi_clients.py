"""Clients as people use them, against a live server: hapiclient, pandas and curl, and one that leaves."""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pytest

from epntap.db.pool import Database
from tests.support.hapi import RECORDS, SPAN, serve_kinds
from tests.support.server import Server


@pytest.fixture(scope="module")
def server(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serve_kinds(postgres_server, template_database, tmp_path_factory.mktemp("hapiclients")) as server:
        yield server


def address(server: Server, **params: str) -> str:
    return f"{server.base}/hapi/data?{urlencode({'dataset': 'kinds', **SPAN, **params})}"


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("form", ["csv", "binary"])
def test_hapiclient_reads_numbers_texts_and_times(server: Server, form: str, tmp_path: Path) -> None:
    hapiclient = pytest.importorskip("hapiclient")
    options = {"format": form, "cachedir": str(tmp_path), "usecache": False}
    data, meta = hapiclient.hapi(f"{server.base}/hapi", "kinds", "", SPAN["start"], SPAN["stop"], **options)
    assert [one["name"] for one in meta["parameters"]][:4] == ["Time", "B", "flux", "flag"]
    assert len(data) == 2 * RECORDS
    count = np.arange(2 * RECORDS)
    assert data["B"].shape == (2 * RECORDS, 3)
    assert data["B"][:, 0].tolist() == count.tolist()
    assert data["flux"][7].tolist() == (7 + np.arange(6).reshape(2, 3) / 7).tolist()
    assert data["flag"].tolist() == count.tolist()
    times = [time.decode() for time in data["Time"]]
    assert times[0] == "2016-12-31T23:58:00.000000007Z"
    assert times[240] == "2016-12-31T23:59:60.000000007Z"


@pytest.mark.filterwarnings("default")
def test_hapiclient_in_pieces_is_given_all(server: Server, tmp_path: Path) -> None:
    """Its pieces are whole days, which reach beyond what there is."""
    hapiclient = pytest.importorskip("hapiclient")
    options = {"parallel": False, "dt_chunk": "P1D", "cachedir": str(tmp_path), "usecache": False}
    data, _ = hapiclient.hapi(f"{server.base}/hapi", "kinds", "flag", SPAN["start"], SPAN["stop"], **options)
    assert data["flag"].tolist() == list(range(2 * RECORDS))


@pytest.mark.filterwarnings("default")
def test_hapiclient_is_told_what_is_wrong(server: Server, tmp_path: Path) -> None:
    hapiclient = pytest.importorskip("hapiclient")
    with pytest.raises(Exception, match="the dataset has records from 2016-12-31T23:58:00"):
        hapiclient.hapi(
            f"{server.base}/hapi", "kinds", "flag", "1999-01-01Z", "2000-01-01Z", cachedir=str(tmp_path), usecache=False
        )


def test_pandas_reads_csv(server: Server) -> None:
    with urllib.request.urlopen(address(server, parameters="B,flag")) as answer:
        table = pd.read_csv(io.BytesIO(answer.read()), header=None, names=["Time", "x", "y", "z", "flag"])
    assert table["flag"].tolist() == list(range(2 * RECORDS))
    assert table["z"].tolist() == (-np.arange(2.0 * RECORDS)).tolist()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_sees_the_code_in_the_first_line_and_unpacks(server: Server, tmp_path: Path) -> None:
    def curl(*args: str) -> str:
        return subprocess.run(["curl", "-sS", *args], check=True, capture_output=True, text=True).stdout

    headers = curl("-D", "-", "-o", str(tmp_path / "rows"), "--compressed", address(server))
    assert headers.startswith("HTTP/1.1 200 OK; HAPI 1200 OK")
    assert "content-encoding: gzip" in headers.lower()
    assert len((tmp_path / "rows").read_text().splitlines()) == 2 * RECORDS
    empty = {"start": "2016-12-31T23:58:00.1Z", "stop": "2016-12-31T23:58:00.2Z"}
    assert curl("-D", "-", address(server, **empty)).startswith(
        "HTTP/1.1 200 OK; HAPI 1201 OK - no data for time range"
    )
    refused = curl("-D", "-", f"{server.base}/hapi/info?dataset=nobody")
    assert refused.startswith("HTTP/1.1 404 Error; HAPI 1406 Bad request - unknown dataset id")
    assert json.loads(refused.split("\n\n")[1])["status"]["code"] == 1406
    assert curl("-I", address(server)).startswith("HTTP/1.1 200 OK")


def test_a_client_that_leaves_gives_its_place_back(server: Server) -> None:
    for _ in range(40):  # more than there are places
        with socket.create_connection(("127.0.0.1", server.port)) as left:
            left.sendall(f"GET {address(server, format='json').removeprefix(server.base)} HTTP/1.1\r\n\r\n".encode())
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(address(server)) as answer:
                assert len(answer.read().splitlines()) == 2 * RECORDS
            break
        except urllib.error.HTTPError:
            assert time.monotonic() < deadline, "places are not given back"
            time.sleep(0.2)
