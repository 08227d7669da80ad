"""What went wrong, as a page: the sentence, the place in the query, the way back, and a number for the operators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import flask
from markupsafe import Markup

from epntap.addresses import QUERY
from epntap.dali.params import SECRET_PARAMETERS
from epntap.errors import AdqlError, EpnTapError, Problem, UnavailableError
from epntap.pages import Pages

__all__ = ["NO_REMEDY", "FaultPages", "Remedy", "Way", "marked"]

#: status → what stands above the sentence
_HEADINGS = {
    204: "There is no data in this interval",
    400: "This cannot be answered as it stands",
    403: "This is not allowed",
    404: "There is nothing here",
    405: "This cannot be done here",
    412: "This is another version",
    413: "This is too large",
    416: "There is no such part",
    500: "The service has failed",
    503: "Not at the moment",
    504: "This took too long",
}
_MOST_ASKED = 40
_LONGEST_VALUE = 2_000
#: a longer query is posted back to its form: not everything on the way takes long addresses
_LONGEST_IN_ADDRESS = 2_000


@dataclass(frozen=True, slots=True)
class Way:
    """Where to go from here."""

    label: str
    address: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """What the page has besides the sentence."""

    #: ADQL, which is shown with the places of its problems, and can be edited
    query: str = ""
    #: (name, value) of what was asked for
    asked: Sequence[tuple[str, str]] = ()
    ways: Sequence[Way] = ()


NO_REMEDY = Remedy()


@dataclass(frozen=True, slots=True)
class FaultPages:
    """Says errors of one server to people."""

    pages: Pages
    #: what is offered after an error; may look at the request, and never fails
    remedy: Callable[[EpnTapError], Remedy] = lambda _error: NO_REMEDY

    def render(self, error: EpnTapError, status: int) -> str:
        """The page."""
        problems = error.problems if isinstance(error, AdqlError) else ()
        remedy = self.remedy(error)
        return self.page(
            status,
            [problem.message for problem in problems] or [error.message],
            remedy,
            problems,
            retry_after_s=error.retry_after_s if isinstance(error, UnavailableError) else None,
        )

    def page(
        self,
        status: int,
        sentences: Sequence[str],
        remedy: Remedy = NO_REMEDY,
        problems: Sequence[Problem] = (),
        *,
        retry_after_s: int | None = None,
    ) -> str:
        """A page that says these sentences."""
        site = self.pages.site
        return self.pages.render(
            "error.html",
            status=status,
            heading=_HEADINGS.get(status, _HEADINGS[500 if status >= 500 else 400]),
            sentences=[_capital(sentence) for sentence in sentences],
            places=[f"line {one.line}, column {one.column}" if one.excerpt else "" for one in problems],
            query=remedy.query,
            marked=marked(remedy.query, problems),
            edits=bool(remedy.query) and site.has(QUERY),
            edit_by_post=len(remedy.query) > _LONGEST_IN_ADDRESS,
            asked=[
                (name, value[:_LONGEST_VALUE])
                for name, value in remedy.asked[:_MOST_ASKED]
                if name.upper() not in SECRET_PARAMETERS
            ],
            ways=[*remedy.ways, *(Way(entry.label, site.at(entry.path)) for entry in site.navigation)],
            number=flask.g.get("request_id", ""),
            retry_after_s=retry_after_s,
        )


def marked(query: str, problems: Iterable[Problem]) -> Markup:
    """The query with the places of its problems marked."""
    parts = [
        Markup("<mark>{}</mark>").format(text) if is_wrong else Markup("{}").format(text)
        for text, is_wrong in _parts(query, problems)
    ]
    return Markup("").join(parts)


def _parts(query: str, problems: Iterable[Problem]) -> Iterator[tuple[str, bool]]:
    """The text in pieces, each right or wrong."""
    starts = [0]
    for line in query.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    at = 0
    for first, last in sorted(_spans(query, starts, problems)):
        if first < at:
            continue
        yield query[at:first], False
        yield query[first:last], True
        at = last
    yield query[at:], False


def _spans(query: str, starts: Sequence[int], problems: Iterable[Problem]) -> Iterator[tuple[int, int]]:
    for problem in problems:
        if not problem.excerpt or not 1 <= problem.line < len(starts):
            continue
        first = starts[problem.line - 1] + problem.column - 1
        width = max(1, problem.excerpt.rpartition("\n")[2].count("^"))
        if first < len(query):
            yield first, min(first + width, len(query))


def _capital(sentence: str) -> str:
    """A sentence that begins as one, unless it begins with a name, and ends so."""
    first = sentence.partition(" ")[0]
    text = sentence[:1].upper() + sentence[1:] if first.isalpha() else sentence
    return text if text.endswith((".", "!", "?")) else f"{text}."
