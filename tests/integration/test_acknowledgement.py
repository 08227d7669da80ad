"""What a record asks who uses the data to say is in what they take away."""

from __future__ import annotations

from pathlib import Path

import requests
from cdflib import CDF

from epntap.db.pool import Database, Role, connect
from tests.support.server import serve

THANKS = "Please thank the team of SYN <MAG> & all others, é"


def test_downloads_say_how_to_acknowledge(own_demo_database: Database, tmp_path: Path) -> None:
    with connect(own_demo_database, Role.SERVICE, autocommit=True) as connection:
        connection.execute("UPDATE archive.dataset SET acknowledgement = %s WHERE dataset_id = 'syna-mag'", (THANKS,))
    with serve(own_demo_database, tmp_path / "home", workers="1") as server:

        def get(path: str, **asked: str) -> requests.Response:
            answer = requests.get(f"{server.base}{path}", asked, timeout=60)
            assert answer.status_code == 200, answer.text
            return answer

        cut = {"ID": "syna-mag_20161231", "SCHEMA": "amdadb"}
        assert f"Cutout_acknowledgement: {THANKS}" in get("/datalink/soda/sync", FORMAT="txt", **cut).text
        votable = get("/datalink/soda/sync", FORMAT="votable", **cut).text
        assert "Please thank the team of SYN &lt;MAG&gt; &amp; all others, é" in votable
        (tmp_path / "cut.cdf").write_bytes(get("/datalink/soda/sync", FORMAT="cdf", **cut).content)
        said = CDF(tmp_path / "cut.cdf").globalattsget()["Cutout_acknowledgement"]
        assert said == [THANKS.replace("é", "")], "cdflib leaves out what is not ASCII"
        (name,) = (one["id"] for one in get("/hapi/catalog").json()["catalog"] if one["id"].casefold() == "syna-mag")
        about = get("/hapi/info", dataset=name).json()
        assert about["x_acknowledgement"] == THANKS
        other = get("/datalink/soda/sync", FORMAT="txt", ID="sync-mag_20161231", SCHEMA="amdadb").text
        assert "Cutout_acknowledgement" not in other
