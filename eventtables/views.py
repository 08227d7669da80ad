"""/events, /events/<name>, and each table as a file in every form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flask
import numpy as np

from epntap.addresses import EVENTS
from epntap.dali.params import single
from epntap.errors import NotFoundError, ParameterError
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.callers.forms import Forms
from epntap.http.faults import HTML, answer_faults, as_text
from epntap.http.request import caller, client_socket, params
from epntap.http.response import Sender, unchanged
from epntap.pages import Pages
from epntap.settings import Settings
from epntap.upload.model import Limits
from eventtables.cells import texts_of
from eventtables.files import TableFiles, version_of_table
from eventtables.model import Instants
from eventtables.own.desk import OF_ONE, OF_TWO, Desk
from eventtables.own.views import add_changes
from eventtables.store.published import stored_names
from eventtables.store.tables import StoredTable, page_of_events
from eventtables.times import spelled
from eventtables.writers import WRITERS

__all__ = ["events_blueprint"]

_CACHING = "no-cache"
_ROWS = 100
#: one of these ends the name of a file; the longer ones first, because txt ends others
_FORMS = sorted(WRITERS.values(), key=lambda one: -len(one.extension))


@dataclass(frozen=True, slots=True)
class _Year:
    """A bar of the time-line."""

    number: int
    count: int
    #: per cent of the fullest
    share: float


def events_blueprint(
    tables: TableFiles, sender: Sender, settings: Settings, forms: Forms, pages: Pages
) -> flask.Blueprint:
    """The routes of tables of events."""
    blueprint = flask.Blueprint("events", __name__)
    limits = Limits(
        rows=0,
        bytes=settings.upload_bytes,
        tables=1,
        fetch_timeout_s=settings.upload_fetch_s,
        private_addresses=settings.upload_private_addresses,
    )
    desk = Desk(tables, limits)
    add_changes(blueprint, desk, forms, settings.addresses)

    def page(template: str, **facts: object) -> flask.Response:
        who = caller()
        word = "" if who.is_anonymous else forms.word()
        text = pages.render(template, who=who, groups=sorted(who.groups), word=word, **facts)
        return forms.keep(_page(text))

    @blueprint.get(EVENTS)
    def listed() -> flask.Response:
        made = {"of_two": list(OF_TWO), "of_one": OF_ONE}
        return page("eventtables/list.html", tables=tables.all(caller()), span=_span, **made)

    @blueprint.get(f"{EVENTS}/-/mark")
    def mark() -> flask.Response:
        desk.check(caller())
        given = params()
        ends = {"start": single(given, "START") or "", "stop": single(given, "STOP") or ""}
        mine = [one for one in tables.all(caller()) if one.owner == caller().name]
        return page("eventtables/mark.html", mine=mine, **ends)

    @blueprint.get(f"{EVENTS}/~<owner>/<name>")
    def own(owner: str, name: str) -> flask.Response:
        return shown(f"~{owner}/{name}")

    @blueprint.get(f"{EVENTS}/<name>")
    def shown(name: str) -> flask.Response:
        form = next((one for one in _FORMS if name.endswith(f".{one.extension}")), None)
        if form is None:
            stored = tables.called(name, caller())
            return page("eventtables/table.html", **_facts(tables, stored))
        stored = tables.called(name.removesuffix(f".{form.extension}"), caller())
        known = unchanged(version_of_table(stored, form), _CACHING)
        if known is not None:
            return known
        return sender.respond(tables.answer(stored, form, client_socket()), caching=_CACHING)

    answer_faults(blueprint, lambda _error: as_text, FaultPages(pages))
    return blueprint


def _facts(tables: TableFiles, stored: StoredTable) -> dict[str, Any]:  # of the template
    first = _first()
    if first > max(stored.survey.count, 1):
        raise NotFoundError(f"There is no event {first:,} in {stored.name}, which has {stored.survey.count:,}.")
    with tables.connect() as connection:
        events = page_of_events(connection, stored, first - 1, _ROWS)
    years = tables.years(stored)
    columns = [
        [text if len(text) <= 200 else f"{text[:200]}…" for text in texts_of(column, values)]
        for column, values in zip(stored.about.columns, events.values, strict=True)
    ]
    rows = list(zip(spelled(events.start), spelled(events.stop), *columns, strict=True))
    most = max((count for _, count in years), default=1)
    return {
        "one": stored,
        "span": _span(stored),
        "first": first,
        "per_page": _ROWS,
        "rows": rows,
        "names": stored_names(stored.about.columns),
        "years": [_Year(year, count, round(100 * count / most, 1)) for year, count in years],
        "forms": list(WRITERS.values()),
        "query": f"SELECT TOP 100 t.event_id, t.start_time, t.stop_time FROM {stored.qualified_name} AS t",  # noqa: S608
    }


def _first() -> int:
    text = single(params(), "FIRST") or "1"
    if not re.fullmatch(r"[1-9][0-9]{0,10}", text):
        raise ParameterError(f"first must be a number from 1 on, but is {text[:40]!r}.")
    return int(text)


def _span(stored: StoredTable) -> Sequence[str]:
    """The first start and the last stop, none if there is no event."""
    survey = stored.survey
    if survey.first is None or survey.last is None:
        return ()
    ends: Instants = np.array([survey.first, survey.last], dtype="datetime64[us]")
    return spelled(ends)


def _page(text: str) -> flask.Response:
    return flask.Response(text, headers={"Cache-Control": _CACHING}, content_type=HTML)
