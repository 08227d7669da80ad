"""{links} for every service, in bulk, in its formats, and from pyvo over hundreds of granules."""

from __future__ import annotations

import csv
import gzip
import http.client
import io
import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import groupby
from typing import Any

import numpy as np
import pycdfpp
import pytest
import pyvo
from astropy.io import votable
from lxml import etree

from datalink.links import document
from epntap.cdf import format_utc
from epntap.db.pool import Database
from ingest.definition.load import load_definition
from ingest.pipeline import ingest_service
from tests.support.cdf_builder import CdfBuilder
from tests.support.databases import clone_database, drop_database
from tests.support.made_files import SECOND, T0, seconds, series
from tests.support.server import Server, serve

MAG = "syna-mag_20161231"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"
JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
"""What Java's own HTTP client, and so TOPCAT, accepts in whatever it fetches."""


def ask(
    served: Server, identifiers: list[str], headers: dict[str, str] | None = None, **params: str
) -> tuple[int, dict[str, str], bytes]:
    form = urllib.parse.urlencode([*(("ID", one) for one in identifiers), *params.items()])
    address = f"{served.base}/datalink/links"
    long = len(form) > 4000
    request = urllib.request.Request(
        address if long else f"{address}?{form}", form.encode() if long else None, headers or {}
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as failure:
        with failure:
            return failure.code, dict(failure.headers), failure.read()


def parsed(body: bytes) -> Any:  # elements that are there, or the test fails
    return etree.fromstring(body)


def rows(served: Server, *identifiers: str, **params: str) -> list[dict[str, str]]:
    status, _, body = ask(served, list(identifiers), None, RESPONSEFORMAT="csv", **params)
    assert status == 200
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def all_uids(served: Server, *schemas: str) -> list[str]:
    service = pyvo.dal.TAPService(served.tap)
    found: list[str] = []
    for schema in schemas:
        found += [str(uid) for uid in service.search(f"SELECT granule_uid FROM {schema}.epn_core")["granule_uid"]]
    return found


# -- what is listed ---------------------------------------------------------------------------------------------------


def test_every_address_that_is_listed_answers(served: Server) -> None:
    asked = [MAG, "synb-spec_20170101", "raw-000-038", "votable-000-038", "earth-storm_pr", "earth-storm_ts"]
    found = [row for row in rows(served, *asked) if row["access_url"].startswith(served.base)]
    assert len(found) > 25
    for row in found:
        with urllib.request.urlopen(row["access_url"], timeout=60) as answer:
            body = answer.read()
            assert answer.headers["Content-Type"].partition(";")[0] == row["content_type"], row
        assert body
        if row["content_length"]:
            assert len(body) == int(row["content_length"]), row


def test_maps_lead_to_their_file_and_to_their_relatives(served: Server) -> None:
    found = rows(served, "raw-000-038")
    by_kind = {
        kind: sorted(row["local_semantics"] for row in some)
        for kind, some in groupby(sorted(found, key=lambda row: row["semantics"]), key=lambda row: row["semantics"])
    }
    assert by_kind == {
        "#this": ["raw"],
        "#thumbnail": ["thumbnail"],
        "#preview": ["preview"],
        "#coderived": ["image", "votable"],
    }
    assert all(row["content_length"] for row in found)
    assert not any(row["service_def"] for row in found)


def test_results_of_a_run_lead_to_each_other(served: Server) -> None:
    found = rows(served, "earth-storm_pr")
    others = [row["access_url"] for row in found if row["semantics"] == "#coderived"]
    assert [address for address in others if "/hapi/" not in address] == [
        f"{served.base}/data/transplanet/earth-storm_ts.cdf"
    ]
    original = next(row for row in found if row["local_semantics"] == "cdf")
    assert original["description"].endswith("the original file")
    assert int(original["content_length"]) > 0


def test_a_day_names_the_files_that_it_is_cut_from(served: Server) -> None:
    found = [row for row in rows(served, MAG) if row["semantics"] == "#progenitor"]
    assert [row["access_url"].rpartition("/")[2] for row in found] == ["syna_l2_mag_20161231_v01.cdf"]


def test_what_is_closed_stays_closed(served: Server) -> None:
    found = rows(served, "sync-spec_20170101")
    ours = [row for row in found if row["access_url"].startswith(served.base) or row["service_def"] == "soda"]
    assert {(row["link_auth"], row["link_authorized"]) for row in ours} == {("true", "false")}
    for row in ours:
        if row["access_url"]:
            with pytest.raises(urllib.error.HTTPError) as failure:
                urllib.request.urlopen(row["access_url"], timeout=30)
            with failure.value as answer:
                assert answer.code == 403
                assert answer.read().startswith(b"AuthorizationError: ")


# -- many -------------------------------------------------------------------------------------------------------------


def test_thousands_in_one_post_come_in_their_order_and_in_several_batches(served: Server) -> None:
    known = all_uids(served, "amdadb", "illu67p", "transplanet")
    unknown = [f"nothing-{number}" for number in range(4 * document.BATCH)]
    asked = [one for pair in zip(unknown, (known * 50)[: len(unknown)], strict=True) for one in pair]
    asked = list(dict.fromkeys(asked))
    assert len(asked) > 4 * document.BATCH
    status, headers, body = ask(served, asked)
    assert status == 200
    assert headers["Content-Type"] == "application/x-votable+xml;content=datalink"
    tree = parsed(body)
    found = [row.findtext("{*}TD") for row in tree.findall(".//{*}TR")]
    # rows of one identifier stand together, every identifier has one, in the order in which they were asked for
    assert [identifier for identifier, _ in groupby(found)] == asked
    assert tree.find(".//{*}INFO[@name='QUERY_STATUS']").get("value") == "OK"
    identifiers = [one.get("ID") for one in tree.iter("{*}RESOURCE", "{*}FIELD") if one.get("ID")]
    assert len(identifiers) == len(set(identifiers))
    used = {row.findtext("{*}TD[3]") for row in tree.findall(".//{*}TR")} - {None, ""}
    assert used == {one.get("ID") for one in tree.findall("{*}RESOURCE[@type='meta']")}


def test_several_datasets_have_descriptors_of_their_own(served: Server) -> None:
    _, _, body = ask(served, ["syna-mag_20161231", "synb-mom_20170103", "syna-mag_20170101"])
    ranges = {}
    for resource in parsed(body).findall("{*}RESOURCE[@utype='adhoc:service']"):
        group = resource.find("{*}GROUP")
        if resource.get("ID").startswith("soda"):
            start = group.find("{*}PARAM[@name='START']/{*}VALUES")
            options = group.findall("{*}PARAM[@name='PARAMETERS']/{*}VALUES/{*}OPTION")
            ranges[resource.get("name")] = (
                start.find("{*}MIN").get("value"),
                start.find("{*}MAX").get("value"),
                {one.get("value") for one in options},
            )
    assert set(ranges) == {"Cut-out: amdadb syna-mag", "Cut-out: amdadb synb-mom"}
    first, last, names = ranges["Cut-out: amdadb syna-mag"]
    assert (first, last) == ("2016-12-31T00:00:00.000", "2017-01-02T00:00:00.000")
    assert "B_vector" in names


def test_maxrec_never_cuts_an_identifier_in_two(served: Server) -> None:
    whole = len(rows(served, MAG))
    for maxrec, left in ((0, 0), (whole - 1, 0), (whole, whole), (whole + 3, whole)):
        _, _, body = ask(served, [MAG, "syna-mag_20170101"], MAXREC=str(maxrec))
        tree = parsed(body)
        assert len(tree.findall(".//{*}TR")) == left
        last = tree.findall(".//{*}INFO[@name='QUERY_STATUS']")[-1]
        assert last.get("value") == "OVERFLOW"
    _, _, body = ask(served, [MAG], MAXREC=str(whole))
    assert b"OVERFLOW" not in body
    status, _, body = ask(served, [MAG], MAXREC="many")
    assert status == 400
    assert b"MAXREC must be a whole number of rows" in body


def test_the_example_of_a_descriptor_gives_an_answer(served: Server) -> None:
    _, _, body = ask(served, [MAG, "earth-storm_pr", "synb-spec_20170101"])
    examples = parsed(body).findall(".//{*}PARAM[@name='exampleURL']")
    assert len(examples) == 3
    for example in examples:
        with urllib.request.urlopen(example.get("value"), timeout=60) as answer:
            assert answer.status == 200
            assert len(votable.parse(io.BytesIO(answer.read())).get_first_table().array) > 0


# -- forms ------------------------------------------------------------------------------------------------------------


def test_formats_say_the_same(served: Server) -> None:
    asked = [MAG, "raw-000-038", 'nothing, "at" all & <more>']
    _, _, body = ask(served, asked)
    tree = parsed(body)
    expected = [[cell.text or "" for cell in row] for row in tree.findall(".//{*}TR")]
    assert [list(row.values()) for row in rows(served, *asked)] == expected
    status, headers, body = ask(served, asked, RESPONSEFORMAT="application/json")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    said = json.loads(body)
    spelled = [
        ["" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell) for cell in row]
        for row in said["data"]
    ]
    assert spelled == expected
    assert (said["status"], said["rows"]) == ("OK", len(expected))
    assert set(said["services"]) == {"soda", "amda", "hapi"}
    assert json.loads(ask(served, [], RESPONSEFORMAT="json")[2])["data"] == []


def test_who_gets_a_page(served: Server) -> None:
    def kind(accept: str | None, **params: str) -> str:
        _, headers, _ = ask(served, [MAG], {"Accept": accept} if accept else {}, **params)
        return headers["Content-Type"].partition(";")[0]

    assert kind(BROWSER) == kind("text/html") == "text/html"
    assert kind(JAVA) == kind("*/*") == kind("text/plain") == kind(None) == "application/x-votable+xml"
    assert kind(BROWSER, RESPONSEFORMAT="votable") == "application/x-votable+xml"
    assert kind(JAVA, RESPONSEFORMAT="html") == "text/html"


def test_an_unchanged_document_is_not_sent_again(served: Server) -> None:
    _, headers, _ = ask(served, [MAG])
    assert headers["Cache-Control"] == "max-age=300"
    posted = ask(served, [MAG, *(f"no-such-granule-{n}" for n in range(400))])[1]  # as a POST
    assert (posted["Cache-Control"], posted.get("ETag")) == ("no-cache", None)
    status, _, body = ask(served, [MAG], {"If-None-Match": headers["ETag"]})
    assert (status, body) == (304, b"")
    status, _, _ = ask(served, [MAG], {"If-None-Match": headers["ETag"]}, RESPONSEFORMAT="csv")
    assert status == 200


def test_compressed_and_old_clients(served: Server) -> None:
    _, _, plain = ask(served, [MAG])
    _, headers, packed = ask(served, [MAG], {"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed) == plain
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=30)
    connection._http_vsn, connection._http_vsn_str = 10, "HTTP/1.0"  # type: ignore[attr-defined]
    connection.request("GET", f"/datalink/links?ID={MAG}")
    answer = connection.getresponse()
    assert int(answer.headers["Content-Length"]) == len(plain)
    assert answer.read() == plain
    connection.request("HEAD", f"/datalink/links?ID={MAG}")
    assert connection.getresponse().status == 200


class Form(HTMLParser):
    """The fields of the first form of a page, as a browser sends them when nothing is changed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self._select = ""
        self._is_over = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._is_over:
            return
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given["action"]
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option":
            self.choices.setdefault(self._select, []).append(given["value"])
            self.fields.setdefault(self._select, given["value"])
        elif tag == "input" and given.get("type") == "checkbox":
            self.choices.setdefault(given["name"], []).append(given["value"])
        elif tag == "input":
            self.fields[given["name"]] = given["value"]

    def handle_endtag(self, tag: str) -> None:
        self._is_over = self._is_over or tag == "form"


@pytest.mark.parametrize("uid", [MAG, "earth-storm_pr"])
def test_the_form_of_a_page_works_without_scripts(served: Server, uid: str) -> None:
    _, _, body = ask(served, [uid], {"Accept": BROWSER})
    page = body.decode()
    # what stands there is for programs on the reader's machine; the form asks for none of it
    assert re.findall("<script[^>]*>", page) == re.findall('<script type="module" src="/static/[^"<>]*">', page)
    form = Form(page)
    assert form.fields["ID"] == uid
    assert {"START", "STOP", "FORMAT"} <= set(form.fields)
    assert "CSV" in form.choices["FORMAT"]
    name = form.choices["PARAMETERS"][0]
    query = urllib.parse.urlencode([*{**form.fields, "FORMAT": "CSV"}.items(), ("PARAMETERS", name)])
    with urllib.request.urlopen(f"{form.action}?{query}", timeout=60) as answer:
        head, first = answer.read().decode().splitlines()[:2]
    assert any(column.startswith(name) for column in head.split(","))
    assert first.startswith(form.fields["START"][:10])
    query = urllib.parse.urlencode(form.fields)
    with urllib.request.urlopen(f"{form.action}?{query}", timeout=60) as answer:
        assert len(pycdfpp.load(answer.read())) > 1


def test_a_page_shows_text_and_no_markup_of_others(served: Server) -> None:
    _, _, body = ask(served, ["<script>alert(1)</script>", "a&b"], RESPONSEFORMAT="html")
    assert b"<script>alert" not in body
    assert b"&lt;script&gt;" in body


# -- pyvo -------------------------------------------------------------------------------------------------------------

GRANULES = 510
DEFINITION = """
[service]
schema = "many"
title = "Many small files"
[[source]]
kind = "cdf-files"
path = "{path}"
granule = "file"
"""


@pytest.fixture(scope="module")
def many(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A service of 510 files of one minute each, in three datasets, and of one file with two time axes."""
    root = tmp_path_factory.mktemp("many")
    (root / "files").mkdir()
    for number in range(GRANULES):
        epochs = seconds(*range(60 * number, 60 * number + 60))
        series(root / "files" / f"few{'abc'[number % 3]}_{20100000 + number:08d}x.cdf", epochs)
    two_axes = CdfBuilder().axis("Epoch", seconds(*range(60))).axis("Epoch_slow", seconds(*range(0, 60, 10)))
    two_axes.variable("fast", np.arange(60.0), DEPEND_0="Epoch", VAR_TYPE="data")
    two_axes.variable("slow", np.arange(6.0), DEPEND_0="Epoch_slow", VAR_TYPE="data")
    two_axes.write(root / "files" / "two_axes.cdf")
    definition = root / "many.toml"
    definition.write_text(DEFINITION.format(path=root / "files"))
    database = clone_database(postgres_server, "many", template_database)
    ingest_service(load_definition(definition), database)
    with serve(database, root / "home") as server:
        yield server
    drop_database(postgres_server, database)


def test_pyvo_processes_hundreds_of_granules(many: Server) -> None:
    service = pyvo.dal.TAPService(many.tap)
    result = service.search(
        "SELECT granule_uid, time_min FROM many.epn_core WHERE granule_uid LIKE 'few%' ORDER BY granule_uid"
    )
    assert len(result) == GRANULES
    seen = []
    for number, links in enumerate(result.iter_datalinks()):
        service_row = links.get_first_proc()
        uid = str(service_row["ID"])
        first = 60 * int(uid.partition("_")[2].rstrip("x")) % (60 * 10_000)
        seen.append(uid)
        if number % 5 == 0:  # all are looked up; a hundred are fetched
            start, stop = (format_utc(T0 + (first + second) * SECOND, 0) for second in (10, 15))
            with service_row.process(START=start, STOP=stop, FORMAT="CSV", PARAMETERS="n") as stream:
                values = [float(row["n"]) for row in csv.DictReader(io.StringIO(stream.read().decode(), newline=""))]
            assert values == [first + second for second in range(10, 15)]
    assert seen == [str(uid) for uid in result["granule_uid"]]


def test_pyvo_cuts_by_time_with_the_descriptor_in_the_answer(served: Server) -> None:
    service = pyvo.dal.TAPService(served.tap)
    result = service.search(f"SELECT granule_uid FROM amdadb.epn_core WHERE granule_uid = '{MAG}'")
    soda = result.get_adhocservice_by_ivoid("ivo://ivoa.net/std/SODA#sync")
    inputs = {param.name: param for group in soda.groups for param in group.entries}
    assert inputs["TIME"].unit.to_string() == "d"
    assert 57_700 < float(inputs["TIME"].values.min) < float(inputs["TIME"].values.max) < 57_900
    with result[0].processed(TIME=(57753.5, 57753.5 + 1 / 24), FORMAT="CDF") as stream:
        cut = pycdfpp.load(stream.read())
    assert len(cut["Epoch"].values) in {900, 901}  # every four seconds; the last instant has no exact decimal MJD
    with next(iter(result.iter_datalinks())).get_first_proc().processed(TIME=(57753.5, 57753.6), FORMAT="CDF") as one:
        assert len(pycdfpp.load(one.read())["Epoch"].values) > 2000


def test_answers_about_files_that_cannot_be_cut_do_not_offer_it(served: Server) -> None:
    for schema, offered in (("illu67p", 1), ("transplanet", 2), ("amdadb", 2)):
        service = pyvo.dal.TAPService(served.tap)
        body = service.create_query(f"SELECT TOP 1 granule_uid FROM {schema}.epn_core").execute_raw()
        assert body.count(b'utype="adhoc:service"') == offered


def test_a_table_is_offered_for_each_time_axis(many: Server) -> None:
    found = rows(many, "two_axes")
    tables = [row for row in found if row["content_type"] == "text/csv" and row["local_semantics"] != "hapi"]
    assert len(tables) == 2
    heads = []
    for row in tables:
        with urllib.request.urlopen(row["access_url"], timeout=60) as answer:
            heads.append(answer.read().decode().splitlines()[0])
    assert sorted(heads) == ["Epoch,fast", "Epoch_slow,slow"]
    for row in found:
        if row["access_url"].startswith(many.base):
            with urllib.request.urlopen(row["access_url"], timeout=60) as answer:
                assert answer.status == 200


def test_a_service_without_datasets_is_asked_alone(served: Server) -> None:
    """Nothing but the first service of several names the columns of what is looked up."""
    _, _, body = ask(served, ["image-000-038"], SCHEMA="illu67p", RESPONSEFORMAT="csv")
    assert b"image-000-038,http" in body
