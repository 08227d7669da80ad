"""{links} as clients use it: pyvo, STILTS, and requests that are wrong."""

from __future__ import annotations

import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
import pyvo
from lxml import etree

from tests.support.server import Server

MAG = "syna-mag_20161231"
#: in http://www.ivoa.net/rdf/datalink/core, not in the list that is built into STILTS 3.4.7
NEW_TERMS = "thumbnail|coderived|documentation"


def links(served: Server, *identifiers: str, post: bool = False, **params: str) -> bytes:
    form = urllib.parse.urlencode([*(("ID", one) for one in identifiers), *params.items()])
    address = f"{served.base}/datalink/links"
    with (
        urllib.request.urlopen(address, form.encode(), timeout=30)
        if post
        else urllib.request.urlopen(f"{address}?{form}", timeout=30)
    ) as answer:
        assert answer.headers["Content-Type"] == "application/x-votable+xml;content=datalink"
        body: bytes = answer.read()
    return body


def rows(document: bytes) -> list[dict[str, str]]:
    tree = etree.fromstring(document)
    names = [str(field.get("name")) for field in tree.findall(".//{*}FIELD")]
    return [
        dict(zip(names, (cell.text or "" for cell in row.findall("{*}TD")), strict=True))
        for row in tree.findall(".//{*}TR")
    ]


def complaints(report: str) -> list[str]:
    """Errors and warnings of the validator, but for terms that the vocabulary has gained since it was written."""
    found = [line for line in report.splitlines() if re.match("[EW]-", line)]
    return [line for line in found if not re.search(f"Unknown predicate '({NEW_TERMS})' from core", line)]


def test_the_filter_of_complaints_lets_errors_through() -> None:
    report = "I-DLNR-1 x\nE-SMCO-1 Unknown predicate 'thumbnail' from core DataLink vocabulary\nE-XXXX-1 bad\nW-A-1 b"
    assert complaints(report) == ["E-XXXX-1 bad", "W-A-1 b"]


@pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")
@pytest.mark.parametrize(
    "identifiers",
    [
        (MAG,),
        (MAG, "synb-spec_20170101", "nothing at all"),
        (),
        ("sync-spec_20170101",),
        ("synb-mom_20170102",),
        ("raw-000-038", "thumbnail-000-038"),
        ("earth-storm_pr", "earth-storm_ts"),
        ("raw-000-038", "earth-storm_pr", MAG, "votable-000-038"),
    ],
)
def test_datalinklint_finds_nothing(served: Server, tmp_path: Path, identifiers: tuple[str, ...]) -> None:
    file = tmp_path / "links.vot"
    file.write_bytes(links(served, *identifiers))
    done = subprocess.run(
        ["stilts", "datalinklint", "maxrepeat=1000", f"votable={file}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert complaints(done.stdout) == []


def test_every_row_has_exactly_one_way_on(served: Server) -> None:
    found = rows(links(served, MAG, "nothing", "synb-mom_20170102"))
    assert found
    for row in found:
        assert sum(bool(row[name]) for name in ("access_url", "service_def", "error_message")) == 1


def test_every_identifier_gets_a_row(served: Server) -> None:
    asked = (MAG, "../../etc/passwd", "x" * 600, "a'b\"c<d>&é", "nothing")
    found = rows(links(served, *asked, post=True))
    assert {row["ID"] for row in found} == set(asked)
    faults = {row["ID"]: row["error_message"] for row in found if row["error_message"]}
    assert faults["nothing"].startswith("NotFoundFault: There is no granule 'nothing'")
    assert faults["x" * 600].startswith("UsageFault: ")
    assert MAG not in faults


def test_get_and_post_and_repeated_identifiers(served: Server) -> None:
    once = links(served, MAG)
    assert links(served, MAG, post=True) == once
    assert links(served, MAG, MAG) == once


def test_no_identifier_is_no_error(served: Server) -> None:
    assert rows(links(served)) == []


def test_a_format_that_is_not_offered(served: Server) -> None:
    with pytest.raises(urllib.error.HTTPError) as failure:
        links(served, MAG, RESPONSEFORMAT="pdf")
    with failure.value as answer:
        assert answer.code == 400
        assert b"UsageFault: RESPONSEFORMAT 'pdf'" in answer.read()


def test_a_restricted_dataset_is_shown_as_such(served: Server) -> None:
    found = rows(links(served, "sync-spec_20170101"))
    data = [row for row in found if row["semantics"] == "#this"]
    assert data
    assert {row["link_authorized"] for row in data} == {"false"}


def test_hapi_is_offered_ready_and_by_redirection(served: Server) -> None:
    ready = next(row for row in rows(links(served, MAG)) if row["semantics"] == "#coderived")
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(ready["access_url"]).query))
    assert ready["access_url"].startswith(f"{served.base}/hapi/data?")
    assert query["id"] == "syna-mag"
    assert (query["time.min"], query["time.max"]) == (
        "2016-12-31T00:00:00.000000000Z",
        "2017-01-01T00:00:00.000000000Z",
    )
    with urllib.request.urlopen(ready["access_url"], timeout=30) as answer:
        records = answer.read().splitlines()
    with urllib.request.urlopen(f"{served.base}/datalink/soda/sync?ID={MAG}&FORMAT=CSV", timeout=30) as answer:
        assert len(answer.read().splitlines()) == len(records) + 1, "HAPI and SODA have the same records"

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_arguments: object) -> None:
            return None

    opener = urllib.request.build_opener(Stay)
    address = f"{served.base}/datalink/hapi?id={MAG}&START=2016-12-31T10:00:00&stop=2016-12-31T23:59:60"
    with pytest.raises(urllib.error.HTTPError) as answer:
        opener.open(address, timeout=30)
    with answer.value as redirection:
        assert redirection.code == 303
        location = redirection.headers["Location"]
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
    assert (asked["time.min"], asked["time.max"]) == (
        "2016-12-31T10:00:00.000000000Z",
        "2016-12-31T23:59:60.000000000Z",
    )


def test_pyvo_goes_from_a_query_to_links(served: Server) -> None:
    service = pyvo.dal.TAPService(served.tap)
    result = service.search("SELECT granule_uid, time_min FROM amdadb.epn_core WHERE dataset_id = 'syna-mag'")
    found = {link["ID"][0]: link for link in result.iter_datalinks()}
    assert set(found) == {str(uid) for uid in result["granule_uid"]}
    assert any(len(list(link)) > 3 for link in found.values())


def test_an_answer_without_the_identifier_has_no_descriptor(served: Server) -> None:
    service = pyvo.dal.TAPService(served.tap)
    assert b"adhoc:service" not in _raw(service, "SELECT time_min FROM amdadb.epn_core")
    assert b"adhoc:service" not in _raw(service, "SELECT time_min AS granule_uid FROM amdadb.epn_core")
    assert b'ref="uid"' in _raw(service, "SELECT granule_uid AS uid FROM amdadb.epn_core")


def _raw(service: pyvo.dal.TAPService, query: str) -> bytes:
    body: bytes = service.create_query(query).execute_raw()
    return body
