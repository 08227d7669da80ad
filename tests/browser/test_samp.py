"""What pages send to programs on the reader's machine, and take from them, over a hub that is not ours."""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen
from xmlrpc.client import Fault

import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable import parse
from astropy.table import Table
from cdflib import CDF
from playwright.sync_api import Browser, Locator, expect
from pyvo.samp import SAMPHubServer

from tests.support.chromium import PHONE, WITHIN_MS, Look, check, looking
from tests.support.hub import Consent, Program, hub_of, program_at
from tests.support.server import Server

pytestmark = pytest.mark.serial  # the address of a hub is the same for all

TABLE = "table.load.votable"
QUERY = "SELECT granule_uid, time_min, target_name FROM amdadb.epn_core ORDER BY granule_uid"
GRANULE = "/granules/amdadb/sync-mag_20161231"


@pytest.fixture
def consent() -> Consent:
    return Consent()


@pytest.fixture
def hub(chromium: Browser, tmp_path: Path, consent: Consent) -> Iterator[SAMPHubServer]:
    assert chromium.is_connected()
    with hub_of(tmp_path, consent) as hub:
        yield hub


def opened(look: Look, name: str = "Send to …") -> Locator:
    """The panel beside a button that has been pressed."""
    look.press(name)
    return look.page.locator(".samp", has=look.page.get_by_role("button", name=name, exact=True)).get_by_role("status")


def loaded(address: str) -> bytes:
    with urlopen(address, timeout=60) as answer:
        content: bytes = answer.read()
    return content


def pages_at(program: Program) -> int:
    """How many pages the hub knows."""
    names = []
    for one in program.client.get_registered_clients():
        with suppress(Fault):  # it has left since it was named
            names.append(program.client.get_metadata(one).get("samp.name"))
    return names.count("EPN-TAP service")


# -- sending


@pytest.mark.parametrize("page", ["query", "answer", "without its script"])
def test_a_table_is_loaded_by_a_program(
    chromium: Browser, site: Server, hub: SAMPHubServer, consent: Consent, page: str
) -> None:
    paths = {
        "query": f"/query?{urlencode({'sql': QUERY})}",
        "answer": f"/tap/sync?{urlencode({'LANG': 'ADQL', 'RESPONSEFORMAT': 'html', 'QUERY': QUERY})}",
        "without its script": f"/query?{urlencode({'sql': QUERY, 'do': 'run'})}",
    }
    with program_at(hub, "Viewer", [TABLE]) as viewer, looking(chromium, site) as look:
        if page == "without its script":
            look.page.route("**/query-*.js", lambda route: route.abort())
        look.open(paths[page])
        if page == "query":
            look.press("Run")
        panel = opened(look)
        panel.get_by_role("button", name="Viewer").click()
        expect(panel).to_contain_text("Viewer has loaded it.")
        ((mtype, params),) = viewer.received
        assert mtype == TABLE
        table = Table.read(io.BytesIO(loaded(params["url"])), format="votable")
        asked = urlencode({"LANG": "ADQL", "FORMAT": "csv", "QUERY": QUERY})
        expected = Table.read(loaded(f"{site.base}/tap/sync?{asked}").decode(), format="ascii.csv")
        assert len(table) == 63
        for name in expected.colnames:
            assert list(table[name].astype(str)) == list(expected[name].astype(str)), name
        assert consent.asked == [("EPN-TAP service", site.base)]
        assert look.complaints == [] or page == "without its script"


def test_nobody_is_asked_before_a_button_is_pressed_and_only_once(
    chromium: Browser, site: Server, hub: SAMPHubServer, consent: Consent
) -> None:
    with program_at(hub, "Viewer", [TABLE, "table.load.cdf"]) as viewer, looking(chromium, site) as look:
        look.open(GRANULE)
        look.page.wait_for_load_state("networkidle")
        assert consent.asked == []
        opened(look, "Send as CDF to …").get_by_role("button", name="Viewer").click()
        expect(look.page.locator("main")).to_contain_text("Viewer has loaded it.")
        opened(look, "Send as table to …").get_by_role("button", name="Viewer").click()
        expect(look.page.get_by_text("Viewer has loaded it.")).to_have_count(2)
        assert len(consent.asked) == 1
        assert [mtype for mtype, _ in viewer.received] == ["table.load.cdf", TABLE]
        look.page.goto("about:blank")
        for _ in range(50):
            if pages_at(viewer) == 0:
                break
            time.sleep(0.1)
        assert pages_at(viewer) == 0, "a page that is left says so"


def test_a_cdf_of_a_granule_is_the_file_itself(
    chromium: Browser, site: Server, hub: SAMPHubServer, tmp_path: Path
) -> None:
    with program_at(hub, "Viewer", ["table.load.cdf"]) as viewer, looking(chromium, site) as look:
        look.open(GRANULE)
        opened(look, "Send as CDF to …").get_by_role("button", name="Viewer").click()
        expect(look.page.locator("main")).to_contain_text("Viewer has loaded it.")
        ((_, params),) = viewer.received
        assert (params["name"], params["table-id"]) == ("sync-mag_20161231",) * 2
        kept = tmp_path / "sent.cdf"
        kept.write_bytes(loaded(params["url"]))
        with CDF(kept) as sent:
            assert sent.varget("B_vector").shape[1:] == (3,)


def test_all_records_of_a_granule_are_a_table(chromium: Browser, site: Server, hub: SAMPHubServer) -> None:
    with program_at(hub, "Viewer", [TABLE]) as viewer, looking(chromium, site) as look:
        look.open(GRANULE)
        opened(look, "Send as table to …").get_by_role("button", name="Viewer").click()
        expect(look.page.locator("main")).to_contain_text("Viewer has loaded it.")
        ((_, params),) = viewer.received
        tables = list(parse(io.BytesIO(loaded(params["url"]))).iter_tables())
        assert sum(len(table.array) for table in tables) > 1000


@pytest.mark.parametrize(
    ("path", "many"),
    [
        ("/search?target=Mars&quantity=magnetic+field&from=2016-12-01&to=2016-12-31", 3),
        ("/datasets/amdadb/sync-mag", 7),
    ],
)
def test_granules_are_sent_from_what_finds_them(
    chromium: Browser, site: Server, hub: SAMPHubServer, path: str, many: int
) -> None:
    with program_at(hub, "Viewer", [TABLE]) as viewer, looking(chromium, site) as look:
        look.open(path)
        button = look.page.get_by_role("button", name=re.compile("^Send .*to …$")).first
        opened(look, str(button.text_content())).get_by_role("button", name="Viewer").click()
        expect(look.page.locator("main")).to_contain_text("Viewer has loaded it.")
        ((_, params),) = viewer.received
        table = Table.read(io.BytesIO(loaded(params["url"])), format="votable")
        assert len(table) == many
        assert set(table["dataset_id"]) == {"sync-mag"}


def test_a_result_of_a_job_is_sent(chromium: Browser, site: Server, hub: SAMPHubServer) -> None:
    with program_at(hub, "Viewer", [TABLE]) as viewer, looking(chromium, site) as look:
        look.open(f"/query?{urlencode({'sql': QUERY})}")
        look.press("Run as a job")
        look.page.wait_for_url("**/jobs/*")
        expect(look.page.get_by_role("status").first).to_have_text("done")
        opened(look).get_by_role("button", name="Viewer").click()
        expect(look.page.locator("main")).to_contain_text("Viewer has loaded it.")
        ((_, params),) = viewer.received
        # the program has no cookie of the browser
        assert len(Table.read(io.BytesIO(loaded(params["url"])), format="votable")) == 63


def test_fits_and_spectra_have_messages_of_their_own(chromium: Browser, site: Server, hub: SAMPHubServer) -> None:
    address = f"/tap/sync?{urlencode({'LANG': 'ADQL', 'RESPONSEFORMAT': 'fits', 'QUERY': QUERY})}"
    mtypes = ["table.load.fits", "spectrum.load.ssa-generic"]
    with program_at(hub, "Viewer", mtypes) as viewer, looking(chromium, site) as look:
        look.open("/")
        look.page.evaluate(
            """address => { for (const kind of ["fits", "spectrum"]) {
                const place = document.createElement("span");
                const label = `Send ${kind}`;
                Object.assign(place.dataset, {samp: kind, url: address, name: `a ${kind}`, id: kind, label});
                document.querySelector("main").append(place); } }""",
            address,
        )
        for kind in ("fits", "spectrum"):
            opened(look, f"Send {kind}").get_by_role("button", name="Viewer").click()
        expect(look.page.get_by_text("Viewer has loaded it.")).to_have_count(2)
        sent: dict[str, dict[str, Any]] = dict(viewer.received)
        with fits.open(io.BytesIO(loaded(sent["table.load.fits"]["url"]))) as document:
            assert len(document[1].data) == 63
        spectrum = sent["spectrum.load.ssa-generic"]
        assert (spectrum["spectrum-id"], spectrum["name"]) == ("spectrum", "a spectrum")
        assert spectrum["meta"] == {"Access.Reference": spectrum["url"], "DataID.Title": "a spectrum"}


def test_what_a_program_says_is_said(chromium: Browser, site: Server, hub: SAMPHubServer) -> None:
    with program_at(hub, "Viewer", [TABLE]) as viewer, looking(chromium, site) as look:
        viewer.complaint = "the disk is full <b>&"
        look.open(f"/query?{urlencode({'sql': QUERY})}")
        look.press("Run")
        opened(look).get_by_role("button", name="Viewer").click()
        expect(look.page.locator("main")).to_contain_text("Viewer could not load it: the disk is full <b>&.")
        viewer.complaint = ""
        look.press("Send again")
        look.page.get_by_role("button", name="Viewer").click()
        expect(look.page.locator("main")).to_contain_text("Viewer has loaded it.")


def test_a_hub_without_a_program_for_it_is_said(chromium: Browser, site: Server, hub: SAMPHubServer) -> None:
    assert hub.is_running
    with looking(chromium, site, PHONE) as look:
        look.open(GRANULE)
        expect(opened(look, "Send as CDF to …")).to_contain_text("no program that takes CDF files (table.load.cdf)")
        check(look)


def test_a_person_may_refuse(chromium: Browser, site: Server, hub: SAMPHubServer, consent: Consent) -> None:
    consent.agrees = False
    with program_at(hub, "Viewer", ["table.load.cdf"]) as viewer, looking(chromium, site) as look:
        look.open(GRANULE)
        expect(opened(look, "Send as CDF to …")).to_contain_text("The hub refuses")
        consent.agrees = True
        look.press("Send as CDF to …")
        look.press("Send as CDF to …")
        look.page.get_by_role("button", name="Viewer").click()
        expect(look.page.locator("main")).to_contain_text("Viewer has loaded it.")
        assert len(viewer.received) == 1


def test_without_a_hub_the_address_is_offered(chromium: Browser, site: Server) -> None:
    with looking(chromium, site, PHONE) as look:
        look.open(GRANULE)
        panel = opened(look, "Send as CDF to …")
        expect(panel).to_contain_text("No SAMP hub answers at http://localhost:21012")
        expect(panel.locator("code")).to_contain_text(f"{site.base}/")
        check(look)


def test_without_scripts_there_is_no_button(chromium: Browser, site: Server) -> None:
    with looking(chromium, site, scripts=False) as look:
        look.open(GRANULE)
        assert look.page.locator("[data-samp]").count() > 0
        for place in look.page.locator("[data-samp]").all():
            expect(place).to_be_hidden()


# -- taking


class _Given(BaseHTTPRequestHandler):
    """Another program's table, and who has asked for it."""

    def __init__(self, content: bytes, asked: list[str], *rest: object) -> None:
        self.content = content
        self.asked = asked
        super().__init__(*rest)  # type: ignore[arg-type]  # what the server says

    def do_GET(self) -> None:
        self.asked.append(self.headers["User-Agent"])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_said: object) -> None:
        """Nothing."""


def test_a_table_that_a_program_sends_is_uploaded_by_the_page(
    chromium: Browser, site: Server, hub: SAMPHubServer
) -> None:
    mine = Table({"uid": ["sync-mag_20161231", "syna-mag_20161231"], "weight": np.array([1.5, -2.25])})
    written = io.BytesIO()
    mine.write(written, format="votable")
    asked: list[str] = []
    other = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Given, written.getvalue(), asked))
    threading.Thread(target=other.serve_forever, daemon=True).start()
    message = {
        "samp.mtype": TABLE,
        "samp.params": {"url": f"http://127.0.0.1:{other.server_port}/t.xml", "name": "my weights", "table-id": "w"},
    }
    try:
        with program_at(hub, "TOPCAT", []) as topcat, looking(chromium, site) as look:
            look.open("/query")
            look.page.locator("summary", has_text="Join a table").click()
            look.press("Take a table from TOPCAT …")
            expect(look.page.locator("main")).to_contain_text("Waiting: send a table to “EPN-TAP service”")
            (page_id,) = (one for one in topcat.client.get_subscribed_clients(TABLE))
            answer = topcat.client.call_and_wait(page_id, message, timeout=str(WITHIN_MS // 1000))
            assert answer["samp.status"] == "samp.ok"
            expect(look.page.locator("main")).to_contain_text("“my weights” has come")
            # the browser has it from the hub
            assert [one.partition("/")[0] for one in asked] == ["Python-urllib"]
            look.write("SELECT uid, weight, target_name FROM TAP_UPLOAD.mine JOIN amdadb.epn_core ON uid = granule_uid")
            # nobody can fetch it any more: the service has it from the page, or not at all
            other.shutdown()
            other.server_close()
            look.press("Run")
            expect(look.page.locator("tbody tr")).to_have_count(2)
            expect(look.page.locator("tbody")).to_contain_text("-2.25")
            assert len(asked) == 1
            assert look.complaints == []
            wrong = topcat.client.call_and_wait(
                page_id, message | {"samp.params": {"url": "http://127.0.0.1:1/", "name": "x"}}, timeout="15"
            )
            assert wrong["samp.status"] == "samp.error"
            assert "could not be taken" in wrong["samp.error"]["samp.errortxt"]
            look.press("Take no more")
            expect(look.page.get_by_role("button", name="Take a table from TOPCAT …")).to_be_visible()
    finally:
        other.shutdown()
        other.server_close()
