"""POST at /events and at /events/~owner/name: changes of tables. Who has not signed in changes nothing."""

from __future__ import annotations

from typing import BinaryIO

import flask

from epntap.addresses import EVENTS, Addresses
from epntap.dali.params import Params, single
from epntap.errors import ParameterError
from epntap.hints import shortened
from epntap.http.callers.forms import Forms
from epntap.http.request import caller, files, params
from eventtables.own.desk import Desk, Making
from eventtables.readers import Wishes
from eventtables.store.tables import StoredTable

__all__ = ["add_changes"]

#: digits
_LONGEST_NUMBER = 18
_FACTS = {"TITLE": "name", "DESCRIPTION": "description", "CONTACT": "contact", "REFERENCE": "reference",
          "LICENCE": "licence", "AUTHORS": "authors"}  # fmt: skip


def add_changes(blueprint: flask.Blueprint, desk: Desk, forms: Forms, addresses: Addresses) -> None:
    """The routes by which somebody changes what is theirs."""

    def to(stored: StoredTable | None) -> flask.Response:
        place = f"{EVENTS}/{stored.place}" if stored else EVENTS
        return flask.Response(status=303, headers={"Location": addresses.at(place), "Cache-Control": "no-store"})

    @blueprint.post(EVENTS)
    def bring() -> flask.Response:
        desk.check(caller())
        _check_form(forms)
        given = params()
        name = _required(given, "NAME")
        if (single(given, "OPERATION") or "").lower() == "mark":
            return to(desk.mark(caller(), name, _required(given, "START"), single(given, "STOP") or ""))
        if single(given, "OPERATION") is not None:
            return to(desk.make(caller(), name, _making(given), _groups(given)))
        stored, warnings = desk.bring(
            caller(), name, _source(given), _wishes(given), _facts(given), _groups(given),
            is_replaced=single(given, "REPLACE") == "1",
        )  # fmt: skip
        response = to(stored)
        for warning in warnings:
            response.headers.add("X-Note", " ".join(warning.encode("ascii", "replace").decode().split()))
        return response

    @blueprint.post(f"{EVENTS}/~<owner>/<name>")
    def change(owner: str, name: str) -> flask.Response:
        desk.check(caller())
        _check_form(forms)
        return to(_changed(desk, f"~{owner}/{name}", params()))

    @blueprint.delete(f"{EVENTS}/~<owner>/<name>")
    def drop(owner: str, name: str) -> flask.Response:
        _check_form(forms)
        desk.drop(caller(), f"~{owner}/{name}")
        return flask.Response(status=204)


def _changed(desk: Desk, place: str, given: Params) -> StoredTable | None:
    """The table as it is then; None where there is none any more."""
    match action := (single(given, "ACTION") or "").upper():
        case "ADD":
            return desk.add_event(caller(), place, _required(given, "START"), single(given, "STOP") or "")
        case "REMOVE":
            return desk.remove_event(caller(), place, _event(given))
        case "SHARE":
            desk.share(caller(), place, _groups(given))
            return desk.tables.called(place, caller())
        case "DELETE":
            desk.drop(caller(), place)
            return None
    raise ParameterError(f"ACTION: expected ADD, REMOVE, SHARE or DELETE, found {shortened(action)!r}.")


def _check_form(forms: Forms) -> None:
    """A browser sends its cookie by itself, so what it posts has to be of a page of ours."""
    if not flask.request.headers.get("Authorization"):
        forms.check()


def _source(given: Params) -> BinaryIO | str:
    posted = next((file for name, file in files().items() if name.upper() == "FILE"), None)
    address = single(given, "ADDRESS")
    if (posted is None) == (address is None):
        raise ParameterError("FILE or ADDRESS: expected one of the two, a file or where it is.")
    return posted if posted is not None else str(address).strip()


def _wishes(given: Params) -> Wishes:
    first_day = single(given, "FIRST_DAY")
    if first_day not in {None, "0", "1"}:
        raise ParameterError(f"FIRST_DAY: expected 0 or 1, found {shortened(str(first_day))!r}.")
    return Wishes(
        start=single(given, "START_COLUMN") or "",
        stop=single(given, "STOP_COLUMN") or "",
        catalogue=single(given, "CATALOGUE") or "",
        first_day=None if first_day is None else int(first_day),
    )


def _facts(given: Params) -> dict[str, str]:
    found = {fact: single(given, name) for name, fact in _FACTS.items()}
    return {fact: text.strip() for fact, text in found.items() if text}


def _making(given: Params) -> Making:
    return Making(
        operation=(single(given, "OPERATION") or "").lower(),
        table=_required(given, "TABLE"),
        other=single(given, "OTHER") or "",
        before=_number(given, "BEFORE", 0.0),
        after=_number(given, "AFTER", 0.0),
        by=_number(given, "BY", 0.0),
        condition=single(given, "CONDITION") or "",
    )


def _groups(given: Params) -> list[str]:
    return [name.strip() for text in given.get("GROUPS", ()) for name in text.split(",") if name.strip()]


def _number(given: Params, name: str, otherwise: float | None = None) -> float:
    text = single(given, name)
    if text is None and otherwise is not None:
        return otherwise
    try:
        return float(text or "")
    except ValueError:
        raise ParameterError(f"{name}: expected a number, found {shortened(text or '')!r}.") from None


def _event(given: Params) -> int:
    text = _required(given, "EVENT")
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
        raise ParameterError(f"EVENT: expected the number of an event, found {shortened(text)!r}.")
    return int(text)


def _required(given: Params, name: str) -> str:
    text = single(given, name)
    if text is None:
        raise ParameterError(f"{name}: expected a value, found none.")
    return text.strip()
