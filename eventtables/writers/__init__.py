"""Tables of events in the forms that clients read; a form more is a line more."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from eventtables.model import Description, Events, Survey
from eventtables.writers.lines import as_amda_ascii, as_csv
from eventtables.writers.tscat import as_tscat_json
from eventtables.writers.votable import as_amda_votable, as_tscat_votable, as_votable

__all__ = ["WRITERS", "Writer"]


@dataclass(frozen=True, slots=True)
class Writer:
    """One form: how it is called, and what makes its bytes, a block for each chunk of events."""

    name: str
    title: str
    media_type: str
    #: behind the name of the table in the name of a file
    extension: str
    write: Callable[[Description, Survey, Iterable[Events]], Iterator[bytes]]


_XML = "application/x-votable+xml"
WRITERS: Mapping[str, Writer] = {
    one.name: one
    for one in (
        Writer("votable", "VOTable", _XML, "vot", as_votable),
        Writer("csv", "CSV", "text/csv;charset=utf-8;header=present", "csv", as_csv),
        Writer("amda", "AMDA's VOTable", _XML, "amda.xml", as_amda_votable),
        Writer("amda-ascii", "AMDA's ASCII", "text/plain;charset=utf-8", "txt", as_amda_ascii),
        Writer("tscat", "TSCat's JSON", "application/json", "tscat.json", as_tscat_json),
        Writer("tscat-votable", "TSCat's VOTable", _XML, "tscat.xml", as_tscat_votable),
    )
}
