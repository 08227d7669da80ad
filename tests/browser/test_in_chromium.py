"""Pages in a real browser: with scripts and without, on a desk and on a phone, for eyes and for readers of screens.

One server and one Chromium for all. What is missing on this machine skips them; with BROWSER_TESTS=required they fail.
"""

from __future__ import annotations

import io
from pathlib import Path
from urllib.parse import urlencode

import pytest
from astropy.io.votable import parse_single_table
from playwright.sync_api import Browser, expect

from tests.support.chromium import DESK, PHONE, WITHIN_MS, check, looking, settled
from tests.support.server import Server

MOST_BYTES = 1_000_000
MARK = "<img src=x onerror=\"window.evil='img'\"><script>window.evil='script'</script>\"'>"
COUNT = "SELECT granule_uid, target_name, time_min FROM amdadb.epn_core"

#: bytes as they are in the browser, by address
LOADED = """Object.fromEntries(["navigation", "resource"].flatMap(kind => performance.getEntriesByType(kind))
    .map(entry => [entry.name, entry.decodedBodySize]))"""
#: every page, by what it is
PAGES = {
    "home": "/",
    "services": "/services",
    "service": "/services/amdadb",
    "query": "/query",
    "a query": f"/query?{urlencode({'sql': COUNT, 'do': 'run'})}",
    "an explanation": f"/query?{urlencode({'sql': COUNT, 'do': 'explain'})}",
    "a mistake": f"/query?{urlencode({'sql': COUNT.replace('target', 'tagret'), 'do': 'run'})}",
    "examples": "/tap/examples",
    "jobs": "/jobs",
    "status": "/status",
    "hapi": "/hapi",
    "a dataset": "/hapi?dataset=SYNA-MAG",
    "a search": "/search",
    "what a search finds": "/search?target=Mars&quantity=magnetic+field&from=2016-12-01&to=2017-01-01",
    "a search without an answer": "/search?target=Marz",
    "datasets": "/datasets",
    "the page of a dataset": "/datasets/amdadb/sync-mag",
    "tables of events": "/events",
    "a table of events": "/events/hostile",
    "a granule": "/granules/amdadb/sync-mag_20161231",
    "a part of a granule": "/granules/amdadb/sync-mag_20161231?start=2016-12-31T06:00&stop=2016-12-31T07:00",
    "a granule of files": "/granules/illu67p/nothing",
    "links": "/datalink/links?ID=syna-mag_20161231",
    "rows": f"/tap/sync?{urlencode({'LANG': 'ADQL', 'RESPONSEFORMAT': 'html', 'QUERY': COUNT})}",
    "the help": "/help/",
    "a page of the help": "/help/reference/http.html",
    "a notebook in the help": "/help/tutorials/find-get-plot.html",
    "what the help finds": "/help/search.html?q=leap+second",
    "no page": "/nothing/here",
    "an error of TAP": "/tap/sync?LANG=ADQL&QUERY=SELECT",
}


# -- what people do


def test_a_wrong_query_is_corrected_by_accepting_the_suggestion(chromium: Browser, site: Server) -> None:
    with looking(chromium, site) as look:
        look.open("/query")
        look.write("SELECT granule_uid,\n  tagret_name FROM amdadb.epn_core")
        expect(look.page.locator("#problems")).to_contain_text("line 2, column 3")
        expect(look.page.locator(".cm-lintRange-error")).to_have_text("tagret_name")
        look.press("Write target_name")
        expect(look.page.locator("#problems")).to_be_empty()
        look.press("Run")
        expect(look.page.get_by_role("status").first).to_contain_text("63 rows in")
        expect(look.page.locator("thead")).to_contain_text("target_name")
        assert look.complaints == []


def test_a_mistake_met_by_running_is_marked_too(chromium: Browser, site: Server) -> None:
    with looking(chromium, site) as look:
        look.open("/query")
        look.write("SELECT granule_uid FROM amdadb.epn_cor")
        look.press("Run")
        expect(look.page.get_by_role("alert")).to_contain_text("see what is marked above")
        look.page.locator(".cm-lintRange-error").hover()
        look.page.locator(".cm-diagnosticAction").first.click()
        look.press("Run")
        expect(look.page.get_by_role("status").first).to_contain_text("63 rows")


def test_a_mistake_that_a_link_brings_is_said_once(chromium: Browser, site: Server) -> None:
    with looking(chromium, site) as look:
        look.open("/query?sql=SELECT+granule_uid+FROM+amdadb.epn_cor&do=run")
        expect(look.page.locator(".cm-lintRange-error")).to_have_text("amdadb.epn_cor")
        expect(look.page.locator(".fault")).to_have_count(1)


def test_on_a_phone_what_narrows_a_search_down_is_one_step_away(chromium: Browser, site: Server) -> None:
    with looking(chromium, site, PHONE, scripts=False) as look:
        look.open("/search")
        look.page.get_by_role("link", name="Narrow it down").click()
        expect(look.page.get_by_role("heading", name="Narrow it down")).to_be_in_viewport()


@pytest.mark.parametrize("size", [DESK, PHONE])
def test_times_of_events_stand_on_one_line(chromium: Browser, site: Server, size: dict[str, int]) -> None:
    with looking(chromium, site, size) as look:
        look.open("/events/hostile")
        cell = look.page.get_by_role("region", name="Events", exact=True).locator("tbody td").first
        line = cell.evaluate("one => parseFloat(getComputedStyle(one).lineHeight)")
        box = cell.evaluate(
            "one => { const all = document.createRange(); all.selectNodeContents(one);"
            " return all.getBoundingClientRect().height; }"
        )
        assert box < 1.5 * line
        check(look)


def test_names_are_completed_and_pasted(chromium: Browser, site: Server) -> None:
    with looking(chromium, site) as look:
        look.open("/query")
        settled(look)
        look.write("SELECT  FROM amdadb.epn_core")
        for _ in range(len(" FROM amdadb.epn_core")):
            look.page.keyboard.press("ArrowLeft")
        look.page.keyboard.type("measurem", delay=20)
        option = look.page.locator(".cm-tooltip-autocomplete li", has_text="measurement_type")
        expect(option).to_be_visible()
        option.click()
        expect(look.page.get_by_label("ADQL")).to_contain_text("SELECT measurement_type FROM")
        look.page.locator("summary", has_text="Datasets").first.click()
        look.page.locator("summary", has_text="syna-mag").first.click()
        expect(look.page.locator(".tree")).to_contain_text("nT")
        look.press("Name it in the query")
        expect(look.page.get_by_label("ADQL")).to_contain_text("'syna-mag'")
        assert look.complaints == []


def test_an_answer_is_paged_sorted_plotted_and_told_to_programs(chromium: Browser, site: Server) -> None:
    with looking(chromium, site) as look:
        look.open(f"/query?{urlencode({'sql': 'SELECT granule_uid FROM illu67p.epn_core'})}")
        look.press("Run")
        expect(look.page.locator("tbody tr")).to_have_count(100)
        look.press("granule_uid")
        first = look.page.locator("tbody tr").first.inner_text()
        look.press("Rows after")
        assert look.page.locator("tbody tr").first.inner_text() > first
        look.write("SELECT time_min, time_max, access_estsize FROM amdadb.epn_core")
        look.press("Run")
        expect(look.page.locator("tbody tr").first).to_contain_text("2016-12-29 00:00:00")
        look.page.get_by_role("tab", name="Plot").click()
        look.page.get_by_label("colour").select_option(label="access_estsize")
        picture = look.page.get_by_role("img", name="55 points: time_max (d) over time_min (d)")
        expect(picture).to_be_visible()
        pixels = "canvas => new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data).size"
        assert look.page.locator(".plot canvas").evaluate(pixels) > 20
        look.page.get_by_label("Kind of plot").select_option("histogram")
        expect(look.page.get_by_role("img", name="Histogram of 63 values of time_min (d)")).to_be_visible()
        look.page.get_by_role("tab", name="Code").click()
        expect(look.page.get_by_role("tabpanel")).to_contain_text("stilts tapquery")
        assert look.complaints == []


def test_what_a_query_costs_is_told_before_it_runs(chromium: Browser, site: Server) -> None:
    with looking(chromium, site) as look:
        look.open("/query")
        look.write("SELECT target_name, COUNT(*) FROM amdadb.epn_core GROUP BY target_name")
        look.press("Explain")
        expect(look.page.locator("#answer")).to_contain_text("It reads the counts that ingestion keeps")
        assert not look.page.locator("tbody").count()


def test_an_example_is_taken_by_a_click_and_linked(chromium: Browser, site: Server) -> None:
    with looking(chromium, site) as look:
        look.open("/query")
        look.page.get_by_role("link", name="Granules per instrument (amdadb.epn_core)").click()
        address = str(look.page.get_by_role("link", name="Link to this query").get_attribute("href"))
        look.open(address)
        expect(look.page.get_by_label("ADQL")).to_contain_text("GROUP BY instrument_host_name")


def test_a_job_from_its_creation_to_its_download(chromium: Browser, site: Server) -> None:
    with looking(chromium, site) as look:
        look.open("/query")
        look.write(COUNT)
        look.press("Run as a job")
        look.page.wait_for_url("**/jobs/*")
        expect(look.page.get_by_role("status")).to_have_text("done")
        with look.page.expect_download() as waiting:
            look.page.get_by_role("link", name="result.vot").click()
        table = parse_single_table(io.BytesIO(Path(waiting.value.path()).read_bytes()))
        assert len(table.array) == 63
        look.open("/jobs")
        expect(look.page.locator("main")).to_contain_text("done")
        assert look.complaints == []


def test_an_upload_is_joined(chromium: Browser, site: Server) -> None:
    with looking(chromium, site) as look:
        look.open("/query")
        look.page.locator("summary", has_text="Join a table").click()
        content = b"uid,remark\nsyna-mag_20161231,the last day\n"
        look.page.get_by_label("File").set_input_files({"name": "my.csv", "mimeType": "text/csv", "buffer": content})
        look.page.get_by_label("Name", exact=True).fill("days")
        look.write("SELECT remark, target_name FROM TAP_UPLOAD.days JOIN amdadb.epn_core ON uid = granule_uid")
        look.press("Run")
        expect(look.page.locator("tbody")).to_contain_text("the last day")
        look.press("Explain")
        expect(look.page.locator("#answer")).to_contain_text("It reads the uploaded table TAP_UPLOAD.days.")
        assert look.complaints == []


def test_clicks_lead_from_a_target_to_values_without_scripts(chromium: Browser, site: Server) -> None:
    """Mars, magnetic field, December 2016, a dataset, a granule, a plot of half a day, CSV, without ADQL."""
    with looking(chromium, site, scripts=False) as look:
        page = look.page
        look.open("/")
        page.get_by_role("link", name="Mars", exact=True).click()
        page.get_by_role("link", name="magnetic field", exact=True).click()
        page.get_by_label("From").fill("2016-12-01")
        page.get_by_label("To", exact=True).fill("2016-12-31")
        look.press("Search")
        expect(page.locator("main")).to_contain_text("3 granules of 1 dataset")
        page.get_by_role("link", name="sync-mag", exact=True).first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("magnetic field")
        page.get_by_role("link", name="Look at the last granule of 2016").click()
        page.get_by_role("link", name="Zoom in").click()
        picture = page.locator("img.picture")
        expect(picture).to_have_js_property("complete", value=True, timeout=4 * WITHIN_MS)
        assert picture.evaluate("one => one.naturalWidth") == 960
        page.get_by_label("FORMAT").select_option("csv")
        with page.expect_download() as download:
            look.press("Cut out")
        lines = Path(download.value.path()).read_text().splitlines()
        assert lines[0].startswith("Epoch,B_vector[0],B_vector[1],B_vector[2]")
        # the day has a leap second: half of it is half a second longer
        assert (lines[1][:19], lines[-1][:19]) == ("2016-12-31T06:00:16", "2016-12-31T18:00:00")
        assert look.complaints == []


def test_a_form_works_without_scripts(chromium: Browser, site: Server) -> None:
    with looking(chromium, site, PHONE, scripts=False) as look:
        look.open("/query")
        look.write("SELECT granule_uid, tagret_name FROM amdadb.epn_core")
        look.press("Run")
        expect(look.page.locator(".problems")).to_contain_text("line 1, column 21")
        look.page.get_by_role("link", name="Write target_name").click()
        look.press("Run")
        expect(look.page.locator("tbody tr")).to_have_count(63)
        look.press("Explain")
        expect(look.page.locator(".note")).to_contain_text("About 63 rows are expected.")
        look.press("Run as a job")
        assert "/jobs/" in look.page.url


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/tap/sync?LANG=ADQL&QUERY=SELECT+nam+FROM+amdadb.epn_core", 400, "There is no column nam"),
        ("/tap/async/nothing", 404, "no job"),
        ("/datalink/links?ID=nothing", 200, "nothing"),
        ("/datalink/soda/sync?ID=nothing", 404, "nothing"),
        ("/datalink/soda/sync?ID=syna-mag_20161231&START=2001-01-01&STOP=2001-01-02", 200, "no data"),
        ("/data/amdadb/nothing.cdf", 404, "nothing"),
        ("/datalink/bulk", 400, "ID"),
        ("/hapi/data?dataset=nothing&start=2016-12-31&stop=2017-01-01", 404, "dataset"),
        ("/services/nothing", 404, "nothing"),
        ("/jobs/nothing", 404, "nothing"),
        ("/query/schema.json?schema=nothing", 404, "nothing"),
        ("/nothing", 404, "There is nothing"),
    ],
)
def test_an_error_of_each_protocol_is_a_page(
    chromium: Browser, site: Server, path: str, status: int, sentence: str
) -> None:
    with looking(chromium, site, PHONE) as look:
        answer = look.open(path)
        assert answer.status == status
        expect(look.page.locator("h1")).to_be_visible()
        expect(look.page.locator("main")).to_contain_text(sentence, ignore_case=True)
        assert look.page.locator("main a").count() > 0
        assert look.complaints == []


def test_the_page_of_an_error_leads_back_into_the_form(chromium: Browser, site: Server) -> None:
    with looking(chromium, site) as look:
        look.open("/tap/sync?LANG=ADQL&QUERY=SELECT+tagret_name+FROM+amdadb.epn_core")
        look.page.get_by_role("link", name="Edit the query").click()
        expect(look.page.get_by_label("ADQL")).to_contain_text("SELECT tagret_name")
        expect(look.page.get_by_role("button", name="Write target_name")).to_be_visible()


# -- what must never happen


def test_markup_of_others_never_runs(chromium: Browser, site: Server) -> None:
    quoted = MARK.replace("'", "''")
    with looking(chromium, site) as look:
        named = MARK.replace('"', "")
        query = f"SELECT '{quoted}' AS \"{named}\" FROM amdadb.epn_core"  # ADQL
        look.open(f"/query?{urlencode({'sql': query})}")
        look.press("Run")
        expect(look.page.locator("tbody tr").first).to_contain_text("window.evil")
        look.press("Explain")
        look.page.locator("summary", has_text="SQL").click()
        content = f'name\n"{MARK.replace(chr(34), chr(34) * 2)}"\n'.encode()
        look.page.locator("summary", has_text="Join a table").click()
        look.page.get_by_label("File").set_input_files({"name": MARK, "mimeType": "text/csv", "buffer": content})
        look.write("SELECT * FROM TAP_UPLOAD.mine")
        look.press("Run")
        expect(look.page.locator("tbody tr").first).to_contain_text("window.evil")
        look.page.get_by_role("tab", name="Code").click()
        look.write(MARK)
        look.press("Run")
        expect(look.page.get_by_role("alert")).to_be_visible()
        assert look.page.evaluate("window.evil") is None
        for path in ("/tap/sync", "/query"):
            look.open(f"{path}?{urlencode({'LANG': 'ADQL', 'QUERY': MARK, 'do': 'run'})}")
            assert look.page.evaluate("window.evil") is None
        assert look.complaints == []


def test_a_service_that_is_gone_is_said(chromium: Browser, site: Server) -> None:
    with looking(chromium, site) as look:
        look.open("/query")
        look.write(COUNT)
        look.page.route("**/tap/sync", lambda route: route.abort())
        look.press("Run")
        expect(look.page.get_by_role("alert")).to_contain_text("The service cannot be reached")
        look.page.unroute("**/tap/sync")
        look.press("Run")
        expect(look.page.get_by_role("status").first).to_contain_text("63 rows")


def test_a_query_that_takes_long_can_be_given_up(chromium: Browser, site: Server) -> None:
    with looking(chromium, site) as look:
        look.open("/query")
        look.write(
            "SELECT COUNT(*) FROM illu67p.epn_core AS a, illu67p.epn_core AS b, illu67p.epn_core AS c "
            "WHERE a.c1min + b.c1min > c.c1min"
        )
        look.press("Run")
        look.press("Cancel")
        expect(look.page.get_by_role("status")).to_have_text("Given up.")


# -- for everybody


@pytest.mark.parametrize("what", PAGES)
def test_a_page_is_light_and_has_nothing_serious_for_readers_of_screens(
    chromium: Browser, site: Server, what: str
) -> None:
    with looking(chromium, site) as look:
        look.open(PAGES[what])
        settled(look)
        loaded = look.page.evaluate(LOADED)
        assert sum(loaded.values()) < MOST_BYTES, loaded
        assert all(address.startswith(site.base) for address in loaded), "nothing comes from elsewhere"
        assert look.complaints == []
        check(look)
        look.page.emulate_media(color_scheme="dark")
        look.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
        check(look)


@pytest.mark.parametrize(("size", "dark"), [(DESK, True), (PHONE, False)])
def test_nothing_serious_in_an_answer(chromium: Browser, site: Server, size: dict[str, int], dark: bool) -> None:
    with looking(chromium, site, size, dark=dark) as look:
        look.open(f"/query?{urlencode({'sql': COUNT})}")
        look.press("Run")
        for tab in ("Table", "Plot", "Code"):
            look.page.get_by_role("tab", name=tab).click()
            settled(look)
            check(look)
        look.page.locator("summary", has_text="amdadb.epn_core").click()
        look.write("SELECT tagret_name FROM amdadb.epn_core")
        expect(look.page.locator(".problems")).to_be_visible()
        check(look)
