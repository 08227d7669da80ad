"""Media types are the same for a file that is published, linked or served, on every machine."""

from __future__ import annotations

import mimetypes

import pytest

from cutouts.formats import FORMATS
from epntap.formats.negotiate import FORMATS as ROW_FORMATS
from epntap.media import MEDIA_TYPES, known_media_type, media_type, sent_as
from tests.support.source import imports, modules


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a/b/x_20160101.CDF", "application/x-cdf"),
        ("x.tab", "text/plain"),
        ("x.lbl", "text/plain"),
        ("x.vot", "application/x-votable+xml"),
        ("x.csv.gz", "application/gzip"),  # as bytes; text/csv would need a Content-Encoding
        ("film.mp4", "video/mp4"),
        ("x.none-of-this", None),
        ("csv", None),
        ("a.csv/readme", None),
        ("", None),
    ],
)
def test_a_suffix_tells(name: str, wanted: str | None) -> None:
    assert known_media_type(name) == wanted
    assert media_type(name) == (wanted or "application/octet-stream")


def test_the_lists_of_the_machine_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mimetypes.types_map, ".odd", "application/x-odd")
    assert mimetypes.guess_type("x.odd")[0] == "application/x-odd"
    assert known_media_type("x.odd") is None


def test_cut_outs_are_called_what_their_files_are() -> None:
    for form in FORMATS:
        assert form.media_type.partition(";")[0] == media_type(f"x.{form.extension}"), form.names[0]


def test_answers_are_called_what_their_files_are() -> None:
    told = {form.extension: form.media_type.partition(";")[0] for form in ROW_FORMATS if form.content_encoding is None}
    assert {suffix: MEDIA_TYPES[suffix] for suffix in told if suffix in MEDIA_TYPES} == {
        suffix: kind for suffix, kind in told.items() if suffix in MEDIA_TYPES
    }


def test_nobody_else_asks_python() -> None:
    users = {path for path, text in modules() if any(name.startswith("mimetypes") for name in imports(text))}
    assert users == {"epntap/media.py"}


@pytest.mark.parametrize(
    ("content_type", "product", "wanted"),
    [
        ("application/x-votable+xml", "ts", "table"),
        ("application/x-votable+xml;serialization=tabledata", "", "table"),
        ("application/x-votable+xml", "im#sp", "spectrum"),
        ("application/fits", "sp", "spectrum"),
        ("Image/FITS", "im", "fits"),
        ("application/x-cdf", "sp", "cdf"),
        ("text/csv", "sp", ""),
        ("", "", ""),
    ],
)
def test_programs_are_sent_what_they_take(content_type: str, product: str, wanted: str) -> None:
    assert sent_as(content_type, product) == wanted
