"""What a search asks for, as its address says it. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from epntap.errors import ParameterError
from epntap.hints import shortened
from epntap.instants.julian import jd_from_datetime

__all__ = ["Facet", "Period", "Search", "read_search"]


class Facet(StrEnum):
    """What values can be chosen of; the name of the parameter."""

    TARGET = "target"
    QUANTITY = "quantity"
    MISSION = "mission"
    INSTRUMENT = "instrument"
    REGION = "region"
    CLASS = "class"
    TYPE = "type"
    LEVEL = "level"
    RIGHTS = "rights"
    SERVICE = "service"
    DATASET = "dataset"


#: other names of parameters: of epn_core, and so of the links of the VESPA portal (`f-target_name=`)
_OTHER_NAMES: Mapping[str, str] = {
    "target_name": Facet.TARGET,
    "measurement_type": Facet.QUANTITY,
    "instrument_host_name": Facet.MISSION,
    "instrument_name": Facet.INSTRUMENT,
    "target_region": Facet.REGION,
    "target_class": Facet.CLASS,
    "dataproduct_type": Facet.TYPE,
    "processing_level": Facet.LEVEL,
    "access_rights": Facet.RIGHTS,
    "schema": Facet.SERVICE,
    "dataset_id": Facet.DATASET,
    "time_min": "from",
    "time_max": "to",
    "text": "q",
}
_OPERATOR = re.compile(r"f-.*_op")
#: of one value: no name is longer
_LONGEST = 200
#: of all together; an address with more is nobody's search
_MOST_VALUES = 50
_MOST_PAGE = 100_000

_DATE = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?)?")
_JULIAN = re.compile(r"\d{7}(?:\.\d{1,12})?")
_EXPECTED = "a date such as 2016-12-24, 2016-12 or 2016, or an instant such as 2016-12-24T18:00, from year 0001 to 9999"
_JD_OF_ORDINAL_ZERO = 1_721_424.5


@dataclass(frozen=True, slots=True)
class Period:
    """From an instant on, and before another; None is without an end. Julian dates, UTC."""

    start: float | None = None
    stop: float | None = None

    def __bool__(self) -> bool:
        return self.start is not None or self.stop is not None


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked for."""

    #: values of each facet, as they were given; one of them is enough
    chosen: Mapping[Facet, tuple[str, ...]] = field(default_factory=dict)
    #: words that must all occur
    text: str = ""
    #: as it was given, or the whole date that it means
    begins: str = ""
    ends: str = ""
    period: Period = Period()
    #: only granules whose data can be fetched
    with_data: bool = False
    #: of the list of datasets, from 1 on
    page: int = 1
    #: key of the granule after which the list goes on
    after: str = ""
    #: names of parameters that mean nothing here
    unknown: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Of the text, in lower case."""
        return tuple(dict.fromkeys(self.text.lower().split()))

    def values(self, facet: Facet) -> tuple[str, ...]:
        """What is chosen of a facet."""
        return self.chosen.get(facet, ())

    def with_values(self, facet: Facet, values: Iterable[str]) -> Search:
        """The same with these values of a facet, from the first page on."""
        chosen = {**self.chosen, facet: tuple(values)}
        return replace(self, chosen={name: some for name, some in chosen.items() if some}, page=1, after="")

    def plus(self, facet: Facet, value: str) -> Search:
        """The same with another value of a facet."""
        return self.with_values(facet, dict.fromkeys([*self.values(facet), value]))

    def minus(self, facet: Facet, value: str) -> Search:
        """The same without a value of a facet."""
        return self.with_values(facet, [one for one in self.values(facet) if one != value])

    def between(self, begins: str, ends: str) -> Search:
        """The same in another period, which is given by dates or not at all."""
        return replace(self, begins=begins, ends=ends, page=1, after="")

    @property
    def without_text(self) -> Search:
        """The same without words."""
        return replace(self, text="", page=1, after="")

    @property
    def without_data(self) -> Search:
        """The same, whether there are data or not."""
        return replace(self, with_data=False, page=1, after="")

    def only_dataset(self, schema: str, dataset_id: str) -> Search:
        """The same of one dataset."""
        return self.with_values(Facet.SERVICE, (schema,)).with_values(Facet.DATASET, (dataset_id,))

    def only_service(self, schema: str) -> Search:
        """The same of one service."""
        return self.with_values(Facet.SERVICE, (schema,))

    def at_page(self, number: int) -> Search:
        """The same with another page of datasets."""
        return replace(self, page=number)

    @property
    def from_start(self) -> Search:
        """The same with the first granules."""
        return replace(self, after="")

    def from_key(self, key: str) -> Search:
        """The same with the granules after this key."""
        return replace(self, after=key)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The parameters that ask for it."""
        found = [("q", self.text)] if self.text else []
        found += [(facet.value, value) for facet in Facet for value in self.values(facet)]
        found += [("from", self.begins)] if self.begins else []
        found += [("to", self.ends)] if self.ends else []
        found += [("data", "1")] if self.with_data else []
        found += [("page", str(self.page))] if self.page > 1 else []
        return [*found, ("after", self.after)] if self.after else found

    @property
    def is_empty(self) -> bool:
        """Whether it asks for everything."""
        return not (self.chosen or self.text or self.begins or self.ends or self.with_data)


def read_search(pairs: Iterable[tuple[str, str]]) -> tuple[Search, str]:
    """The search of an address, and what is wrong with it: nothing, or one sentence.

    What is wrong is left out of the search, so that a form can show the rest.
    """
    given, unknown, problems = _sorted_out(pairs)
    search = Search(
        chosen={facet: tuple(dict.fromkeys(given[facet])) for facet in Facet if facet in given},
        text=" ".join(" ".join(given.get("q", ())).split()),
        with_data=_is_on(given.get("data", ())),
        after=_one(given, "after"),
        unknown=unknown,
    )
    for name, read in (("page", _with_page), ("from", _with_begin), ("to", _with_end)):
        if text := _one(given, name):
            try:
                search = read(search, text)
            except ParameterError as exc:
                problems.append(exc.message)
    start, stop = search.period.start, search.period.stop
    if start is not None and stop is not None and start >= stop:
        problems.append(f"The period ends before it begins: from {search.begins} to {search.ends}.")
        search = replace(search, period=Period())
    return search, problems[0] if problems else ""


def _sorted_out(pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, list[str]], tuple[str, ...], list[str]]:
    """Values by parameter, names that mean nothing, and what is wrong."""
    given: dict[str, list[str]] = {}
    unknown: list[str] = []
    problems: list[str] = []
    for name, value in pairs:
        known = _known(name)
        if known is None:
            unknown += [] if _OPERATOR.fullmatch(name.lower()) else [shortened(name)]
        elif len(value) > _LONGEST and known != "after":
            problems.append(
                f"{known} has {len(value):,} characters, but at most {_LONGEST} are taken: {shortened(value)!r}."
            )
        elif value.strip():
            given.setdefault(known, []).append(value.strip())
    many = sum(map(len, given.values()))
    if many > _MOST_VALUES:
        problems.append(f"The search has {many:,} values, but at most {_MOST_VALUES} are taken.")
        given = {}
    return given, tuple(dict.fromkeys(unknown)), problems


def _known(name: str) -> str | None:
    plain = name.lower().removeprefix("f-")
    if plain in _OTHER_NAMES:
        return str(_OTHER_NAMES[plain])
    if plain in {*Facet, "q", "from", "to", "data", "page", "after"}:
        return plain
    return None


def _one(given: Mapping[str, Sequence[str]], name: str) -> str:
    return given[name][-1] if given.get(name) else ""


def _is_on(values: Sequence[str]) -> bool:
    return bool(values) and values[-1].lower() not in {"0", "no", "false", "off"}


def _with_page(search: Search, text: str) -> Search:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST_PAGE):
        raise ParameterError(f"page must be a number from 1 on, but is {shortened(text)!r}.")
    return replace(search, page=int(text[:9]))


def _with_begin(search: Search, text: str) -> Search:
    said, first, _ = _instant("from", text)
    return replace(search, begins=said, period=replace(search.period, start=first))


def _with_end(search: Search, text: str) -> Search:
    _, _, after = _instant("to", text)
    said = text if "T" in text.upper() or ":" in text else _last_day(text, after)
    return replace(search, ends=said, period=replace(search.period, stop=after))


def _last_day(text: str, after: float) -> str:
    if _JULIAN.fullmatch(text):
        return text
    return date.fromordinal(int(after - _JD_OF_ORDINAL_ZERO) - 1).isoformat()


def _instant(name: str, text: str) -> tuple[str, float, float]:
    """How it is written, when it begins, and when it is over: a day, a month, a year, or an instant."""
    try:
        if match := _DATE.fullmatch(text):
            first, after = _span(match)
            return first.isoformat(), _JD_OF_ORDINAL_ZERO + first.toordinal(), _JD_OF_ORDINAL_ZERO + after
        if _JULIAN.fullmatch(text):
            return text, float(text), float(text)
        moment = datetime.fromisoformat(text.upper().removesuffix("Z").replace(" ", "T"))
        jd = jd_from_datetime(moment)
    except (ValueError, OverflowError):
        raise ParameterError(f"{name} must be {_EXPECTED}, but is {shortened(text)!r}.") from None
    return text, jd, jd


def _span(match: re.Match[str]) -> tuple[date, int]:
    """The first day, and the ordinal of the day after the last."""
    year, month, day = int(match["year"]), match["month"], match["day"]
    if day:
        first = date(year, int(month), int(day))
        return first, first.toordinal() + 1
    if month:
        first = date(year, int(month), 1)
        last = date(year, 12, 31) if int(month) == 12 else date(year, int(month) + 1, 1) - timedelta(days=1)
        return first, last.toordinal() + 1
    return date(year, 1, 1), date(year, 12, 31).toordinal() + 1
