"""The plot of a dataset and of a granule, from all its time to single records, by a pointer and by keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.support.chromium import DESK, PHONE, WITHIN_MS, Look, check, looking
from tests.support.plots import drawn, interval, resolution
from tests.support.server import Server

DATASET = "/datasets/amdadb/sync-mag"
GRANULE = "/granules/amdadb/sync-mag_20161231"
#: how many blue pixels there are in each part of the width, and how many colours in all
PIXELS = """(canvas, parts) => {
    const {width, height} = canvas;
    const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    const blue = parts.map(([from, to]) => {
        let count = 0;
        for (let y = 0; y < height; y += 1) for (let x = Math.round(from * width); x < to * width; x += 1) {
            const at = (y * width + x) * 4;
            if (pixels[at + 2] - pixels[at] > 90) count += 1;
        }
        return count;
    });
    return [blue, new Set(new Uint32Array(pixels.buffer)).size];
}"""


@pytest.fixture
def look(chromium: Browser, site: Server) -> Iterator[Look]:
    with looking(chromium, site) as look:
        yield look
        assert look.complaints == []


def test_keys_zoom_from_all_time_to_the_last_record(look: Look) -> None:
    look.open(DATASET)
    plot = drawn(look.page)
    assert resolution(look.page) == "bins"
    assert interval(look.page) == ("2016-12-29T00:00:00.000", "2017-01-04T23:59:59.001")
    for _ in range(15):
        plot.press("End")
        plot.press("+")
        plot.press("+")
        plot = drawn(look.page)
        if "1 record, " in look.page.locator(".under").inner_text():
            break
    plot.press("End")
    drawn(look.page)
    assert resolution(look.page) == "records"
    start, stop = interval(look.page)
    assert start > "2017-01-04T23:5"
    # no more than the last few, and the very last among them
    answer = look.page.request.get(f"{look.base}/plot/amdadb/sync-mag?start={start}&stop={stop}").json()
    assert 1 <= answer["records"] <= 3
    assert answer["last"][:19] <= stop
    expect(look.page.locator(".under")).to_contain_text(f"{answer['records']} record")
    plot.press("0")
    drawn(look.page)
    assert resolution(look.page) == "bins"


def test_a_part_is_chosen_by_dragging_and_left_by_a_double_click(look: Look) -> None:
    look.open(DATASET)
    plot = drawn(look.page)
    plot.scroll_into_view_if_needed()
    look.page.evaluate("window.scrollBy(0, 300)")
    box = plot.bounding_box()
    assert box
    x, y, inner = box["x"] + 76, box["y"] + 100, box["width"] - 76 - 72
    look.page.mouse.move(x + inner * 2 / 7, y)
    look.page.mouse.down()
    look.page.mouse.move(x + inner * 3 / 7, y, steps=4)
    look.page.mouse.up()
    drawn(look.page)
    start, stop = interval(look.page)
    assert (start[:10], stop[:10]) in {("2016-12-31", "2017-01-01"), ("2016-12-30", "2016-12-31")}
    look.page.mouse.wheel(0, -400)
    drawn(look.page)
    nearer = interval(look.page)
    assert start < nearer[0] < nearer[1] < stop
    look.page.mouse.dblclick(x + inner / 2, y)
    drawn(look.page)
    wider = interval(look.page)
    assert wider[0] < nearer[0] < nearer[1] < wider[1]


def test_a_wheel_scrolls_the_page_until_the_plot_is_chosen(look: Look) -> None:
    look.open(DATASET)
    plot = drawn(look.page)
    plot.scroll_into_view_if_needed()
    before = interval(look.page)
    plot.hover(position={"x": 300, "y": 60})
    look.page.mouse.wheel(0, -200)
    drawn(look.page)
    assert interval(look.page) == before


def test_the_form_and_the_address_follow_the_view(look: Look) -> None:
    look.open(GRANULE)
    drawn(look.page)
    assert "start=" not in look.page.url
    expect(look.page.locator("#cut [name=ID]")).to_have_value("sync-mag_20161231")
    look.press("Zoom in")
    look.page.get_by_role("checkbox", name="B_magnitude").uncheck()
    drawn(look.page)
    start, stop = interval(look.page)
    assert (start, stop) == ("2016-12-31T06:00:00.000", "2016-12-31T18:00:00.000")
    expect(look.page.get_by_label("START")).to_have_value(start)
    expect(look.page.get_by_label("STOP")).to_have_value(stop)
    expect(look.page.locator("#cut [name=ID]")).to_have_value("sync-mag")
    look.page.get_by_label("FORMAT").select_option("csv")
    with look.page.expect_download() as download:
        look.press("Cut out")
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "Epoch,B_vector[0],B_vector[1],B_vector[2]"
    assert (lines[1][:16], lines[-1][:16]) == ("2016-12-31T06:00", "2016-12-31T17:59")
    asked = parse_qs(urlsplit(look.page.url).query)
    assert asked == {"start": [start], "stop": [stop], "parameters": ["B_vector"]}
    # the address is what is seen
    look.open(look.page.url.removeprefix(look.base))
    drawn(look.page)
    assert interval(look.page) == (start, stop)
    expect(look.page.get_by_role("checkbox", name="B_vector")).to_be_checked()
    expect(look.page.get_by_role("checkbox", name="B_magnitude")).not_to_be_checked()
    look.press("The granule")
    drawn(look.page)
    expect(look.page.locator("#cut [name=ID]")).to_have_value("sync-mag_20161231")
    look.press("The dataset")
    drawn(look.page)
    assert interval(look.page)[0] < "2016-12-30"


def test_lines_and_spectrograms_are_drawn_where_there_are_values(look: Look) -> None:
    look.open(DATASET)
    plot = drawn(look.page)
    lines = plot.locator("canvas").first
    # from 6 to 11 o'clock of the second of seven days nothing was measured
    (gap, there), _ = lines.evaluate(PIXELS, [[0.226, 0.240], [0.45, 0.464]])
    assert gap == 0
    assert there > 20
    expect(lines).to_have_attribute(
        "aria-label", re.compile(r"^B_vector \(nT\): [\d,]+ values from -\S+ to \S+\. \|B\|")
    )
    look.open("/datasets/amdadb/syna-spec")
    spectrogram = drawn(look.page).locator("canvas").first
    assert spectrogram.evaluate(PIXELS, [])[1] > 60


def test_values_are_a_table_too(look: Look) -> None:
    look.open(f"{DATASET}?start=2017-01-02T00:00:00&stop=2017-01-02T00:10:00&parameters=B_vector")
    drawn(look.page)
    look.page.get_by_text("Values as a table").click()
    rows = look.page.locator(".plot-table tbody tr")
    told = look.page.request.get(
        f"{look.base}/plot/amdadb/sync-mag?start=2017-01-02T00:00:00&stop=2017-01-02T00:10:00&parameters=B_vector"
    ).json()["panels"][0]
    expect(rows).to_have_count(len(told["times"]))
    shown = [float(text) for text in rows.first.locator("td").all_inner_texts()]
    assert shown == pytest.approx([line["values"][0] for line in told["lines"]], rel=1e-5)
    check(look)


def test_what_a_plot_cannot_show_is_said(look: Look) -> None:
    look.page.route("**/plot/**", lambda route: route.fulfill(status=400, body="There is no parameter x."))
    look.open(DATASET)
    drawn_or_not = look.page.locator(".under")
    expect(drawn_or_not).to_have_text("There is no parameter x.")
    look.page.unroute("**/plot/**")
    look.page.route("**/plot/**", lambda route: route.abort())
    look.press("Zoom in")
    expect(drawn_or_not).to_contain_text("could not be fetched")
    look.page.unroute("**/plot/**")
    tries = []

    def busy(route: object) -> None:
        tries.append(1)
        if len(tries) == 1:
            route.fulfill(status=503, headers={"Retry-After": "1"}, body="busy")  # type: ignore[attr-defined]
        else:
            route.continue_()  # type: ignore[attr-defined]

    look.page.route("**/plot/**", busy)
    look.press("Zoom out")
    expect(drawn_or_not).to_contain_text("bins of", timeout=WITHIN_MS)
    assert len(tries) == 2
    look.complaints.clear()


@pytest.mark.parametrize("path", [DATASET, GRANULE, "/datasets/amdadb/syna-spec"])
@pytest.mark.parametrize(("size", "dark"), [(DESK, False), (PHONE, True)])
def test_nothing_serious_in_a_plot(
    chromium: Browser, site: Server, path: str, size: dict[str, int], *, dark: bool
) -> None:
    with looking(chromium, site, size, dark=dark) as look:
        look.open(path)
        drawn(look.page)
        look.page.get_by_text("Values as a table").click()
        check(look)
        assert look.complaints == []


def test_seven_clicks_lead_from_a_target_to_values(chromium: Browser, site: Server) -> None:
    """Mars, magnetic field, December 2016, a dataset, a granule, a plot of a day, CSV; without ADQL."""
    with looking(chromium, site) as look:
        page, clicks = look.page, []

        def click(one: Locator) -> None:
            clicks.append(one)
            one.click()

        look.open("/")
        click(page.get_by_role("link", name="Mars", exact=True))
        click(page.get_by_role("link", name="magnetic field", exact=True))
        page.get_by_label("From").fill("2016-12-01")
        page.get_by_label("To", exact=True).fill("2016-12-31")
        click(page.get_by_role("button", name="Search", exact=True))
        expect(page.locator("main")).to_contain_text("3 granules of 1 dataset")
        click(page.get_by_role("link", name="sync-mag", exact=True).first)
        click(page.get_by_role("link", name="Look at the last granule of 2016"))
        drawn(page)
        assert interval(page) == ("2016-12-31T00:00:00.000", "2017-01-01T00:00:00.000")
        clicks.append(page.get_by_label("FORMAT"))
        page.get_by_label("FORMAT").select_option("csv")
        with page.expect_download() as download:
            click(page.get_by_role("button", name="Cut out"))
        lines = Path(download.value.path()).read_text().splitlines()
        assert lines[0].startswith("Epoch,B_vector[0],B_vector[1],B_vector[2]")
        assert {line[:10] for line in lines[1:]} == {"2016-12-31"}
        assert len(lines) > 5_000
        assert len(clicks) <= 7
        assert look.complaints == []
