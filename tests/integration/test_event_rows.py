"""A catalogue of events as rows of EPN-TAP: one for each event, and one for its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from epntap.db.pool import Database, Role, connect
from epntap.errors import DefinitionError
from eventtables.times import julian_dates
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from tests.support.events import ICMECAT, catalogue, real, written

DEFINITION = """
[service]
schema = "icmes"
title = "ICMEs"
publisher = "A laboratory"

[columns]
target_name = "Sun"
target_class = "star"
processing_level = 5

[[source]]
kind = "events"
path = "{path}"
"""
CHOSEN = 'start = "icme_start_time"\nstop = "mo_end_time"\n'


def ingest(database: Database, folder: Path, name: str, content: bytes, more: str = "") -> list[tuple[object, ...]]:
    """The rows of the service, the catalogue first."""
    (folder / name).write_bytes(content)
    definition = folder / "icmes.toml"
    definition.write_text(DEFINITION.format(path=name) + more)
    ingest_service(load_definition(definition), database)
    with connect(database, Role.OWNER) as owner:
        return owner.execute(
            "SELECT granule_uid, granule_gid, obs_id, dataproduct_type, time_min, time_max, access_url, access_format,"
            " target_name FROM icmes.epn_core ORDER BY dataproduct_type, length(granule_uid), granule_uid"
        ).fetchall()


def test_one_line_makes_rows_of_a_catalogue(database: Database, tmp_path: Path) -> None:
    rows = ingest(database, tmp_path, "shocks.vot", written(catalogue(), "votable"))
    starts, stops = julian_dates(catalogue().events.start), julian_dates(catalogue().events.stop)
    whole, *events = rows
    assert whole[:4] == ("shocks", "catalogue", "shocks", "ca")
    assert whole[4:6] == (starts.min(), stops.max())
    assert str(whole[6]).endswith("/files/icmes/shocks.vot")
    assert whole[7:] == ("application/x-votable+xml", "Sun")
    assert [row[:4] for row in events] == [(f"shocks_{n}", "shocks", f"shocks_{n}", "ci") for n in (1, 2, 3)]
    assert [row[4:6] for row in events] == list(zip(starts.tolist(), stops.tolist(), strict=True))
    assert {row[6:8] for row in events} == {(None, None)}


def test_columns_of_the_catalogue_fill_columns_of_rows(database: Database, tmp_path: Path) -> None:
    rules = (
        'rows = "events"\n[source.columns]\nobs_id = "{icmecat_id}"\ninstrument_host_name = "sc_insitu"\n'
        'granule_uid = "icme_{number}"\nb_max = "mo_bmax"\n'
        '[custom.b_max]\ntype = "double"\nunit = "nT"\nucd = "phys.magField"\ndescription = "Greatest field"\n'
    )
    rows = ingest(database, tmp_path, "icme.csv", ICMECAT.encode(), CHOSEN + rules)
    assert [row[:4] for row in rows] == [
        ("icme_1", "icme", "ICME_Wind_NASA_1", "ci"), ("icme_2", "icme", "ICME_VEX_2", "ci"),
    ]  # fmt: skip
    with connect(database, Role.OWNER) as owner:
        found = owner.execute("SELECT instrument_host_name, b_max FROM icmes.epn_core ORDER BY 1 DESC").fetchall()
    assert found == [("Wind", 19.1), ("VEX", None)]


@pytest.mark.shared
def test_a_real_catalogue_becomes_rows(database: Database, tmp_path: Path, shared: Path) -> None:
    rows = ingest(database, tmp_path, "dst.xml", real(shared, "Dst_Li2020.xml"), 'rows = "catalogue"\n')
    assert [row[:4] for row in rows] == [("dst", "catalogue", "dst", "ca")]
    rows = ingest(database, tmp_path, "dst.xml", real(shared, "Dst_Li2020.xml"))
    assert len(rows) == 96
    times = np.array([row[4:6] for row in rows[1:]], float)
    assert (times[:, 0] <= times[:, 1]).all()


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        (b"start,stop\n2001-01-02,2001-01-01\n", "", "Line 2: the event stops at"),
        (ICMECAT.encode(), 'start = "icme_start"\n', "There is no column 'icme_start'"),
        (ICMECAT.encode(), CHOSEN + '[source.columns]\nobs_id = "icmecat"\n', "has no column 'icmecat'"),
        (ICMECAT.encode(), CHOSEN + "first_day = 2\n", "0 or 1"),
    ],
)
def test_what_cannot_be_is_said(database: Database, tmp_path: Path, content: bytes, more: str, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        ingest(database, tmp_path, "x.csv", content, more)
