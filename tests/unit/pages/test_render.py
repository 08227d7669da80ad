"""Templates: found where they belong, filled with whatever comes, in a frame that is the same everywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import jinja2
import pytest

from epntap.pages import Entry, Pages, Site
from epntap.pages.render import LAYOUT_ASSETS
from epntap.pages.words import duration, instant, number, size
from tests.support.browser import page_of

EVIL = """<script>alert(1)</script>"'>&<img src=x onerror="alert(1)">\u202e\x07\ud800"""


def test_what_is_filled_in_is_escaped() -> None:
    pages = Pages(Site(name=EVIL, navigation=(Entry("<b>Query</b>", "/query"),)))
    page = page_of(pages.render("base.html", title="<i>a</i>"))
    assert "alert(1)" in "".join(map(str, page.itertext()))
    assert not page.findall(".//{*}script")
    assert not page.findall(".//{*}b")
    assert not page.findall(".//{*}i")


def test_pages_lead_below_the_path_of_the_public_address() -> None:
    pages = Pages(Site(prefix="/vo", navigation=(Entry("Query", "/query"),)))
    page = page_of(pages.render("base.html", title="x"))
    assert [one.get("href") for one in page.findall(".//{*}nav/{*}a")] == ["/vo/query"]
    assert all(str(one.get("href")).startswith("/vo/static/") for one in page.findall(".//{*}link"))


def test_the_page_one_is_on_is_marked() -> None:
    pages = Pages(Site(navigation=(Entry("Query", "/query"), Entry("Jobs", "/jobs"))))
    page = page_of(pages.render("base.html", title="x", here="/jobs"))
    assert [one.text for one in page.findall(".//{*}nav/{*}a[@aria-current='page']")] == ["Jobs"]


def test_addresses_carry_what_is_given() -> None:
    site = Site(prefix="/vo")
    assert site.at("/query", sql="SELECT 'a&b' + 1", maxrec=None) == "/vo/query?sql=SELECT+%27a%26b%27+%2B+1"
    assert site.at("/services/a b?c") == "/vo/services/a%20b%3Fc"


def test_a_page_is_parted_where_something_long_goes() -> None:
    before, after = Pages().around("base.html", "title", title=None)
    assert before.rstrip().endswith("<title>")
    assert after.lstrip().startswith("· EPN-TAP service</title>")


def test_what_is_missing_is_an_error_and_not_nothing() -> None:
    with pytest.raises(jinja2.UndefinedError):
        Pages().render("base.html")
    with pytest.raises(jinja2.TemplateNotFound):
        Pages().render("epntap.tap/no_such.html")


def test_an_asset_has_another_address_when_it_changes(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, text in ((one, "a"), (other, "b")):
        folder.mkdir()
        (folder / "site.css").write_text(text)
    assert Pages(assets=(one,)).asset("site.css") != Pages(assets=(other,)).asset("site.css")
    assert Pages().asset("site.css").startswith("/static/")
    assert (LAYOUT_ASSETS / "site.css").is_file()


def test_values_are_said_so_that_people_read_them() -> None:
    assert [size(one) for one in (0, 999, 1000, 123_456, 5_400_000_000)] == ["0 B", "999 B", "1 kB", "123 kB", "5.4 GB"]
    assert number(1234567) == "1,234,567"
    assert instant(datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2020-01-02 03:04:05 UTC"
    assert instant(None) == ""
    assert [duration(one) for one in (0.25, 42, 150, 7200, 200_000)] == [
        "0.2 s",
        "42 s",
        "2 minutes",
        "2 hours",
        "2 days",
    ]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


#: names of colours: what is written or drawn, its ground, and the least contrast (WCAG 2.2 §1.4.3, §1.4.11)
PAIRS = (
    *((text, "ground", 4.5) for text in ("text", "text-quiet", "accent", "good", "warn", "bad")),
    *((text, "ground-raised", 4.5) for text in ("text", "text-quiet", "accent", "good", "warn", "bad")),
    ("text-header", "ground-header", 4.5),
    ("accent-text", "accent", 4.5),
    ("mark-text", "mark", 4.5),
    ("warn", "warn-ground", 4.5),
    ("text", "warn-ground", 4.5),
    ("bad", "bad-ground", 4.5),
    ("text", "bad-ground", 4.5),
    ("accent", "bad-ground", 4.5),
    ("accent", "warn-ground", 4.5),
    ("line-field", "ground", 3.0),
)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_read(scheme: str) -> None:
    text = (LAYOUT_ASSETS / "site.css").read_text(encoding="utf-8")
    light, dark = (part.split("}")[0] for part in text.split(":root {")[1:3])
    chosen = dict(
        line.strip(" ;").removeprefix("--").split(": ")
        for line in (light if scheme == "light" else dark).splitlines()
        if ": #" in line
    )
    poor = {(a, b): contrast(chosen[a], chosen[b]) for a, b, least in PAIRS if contrast(chosen[a], chosen[b]) < least}
    assert poor == {}
