"""/account and /groups/{team}. Whatever changes something is posted by a form of these pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import flask

from epntap.access import Caller
from epntap.addresses import ACCOUNT, GROUPS, LOGIN, Addresses
from epntap.errors import AuthenticationError, EpnTapError, NotFoundError, ParameterError
from epntap.http.browsers.negotiation import wants_page
from epntap.http.callers.cookie import forget_session, keep_signed_in
from epntap.http.callers.forms import Forms
from epntap.http.faults import HTML, TEXT, status_of
from epntap.http.request import caller, handed_on, pairs
from epntap.pages import Pages
from epntap.settings import Settings
from voaccounts.desk import Desk
from voaccounts.model import APPLICATION_SCOPES

__all__ = ["own_blueprint"]

#: that are signed at once
_MOST_ADDRESSES = 10_000


def own_blueprint(desk: Desk, forms: Forms, settings: Settings, pages: Pages) -> flask.Blueprint:
    """The routes of one's own account and groups."""
    blueprint = flask.Blueprint("own", __name__)
    shown = _Shown(desk, forms, pages)
    _add_account(blueprint, shown, settings)
    _add_teams(blueprint, shown)
    _add_addresses(blueprint, settings.addresses)
    return blueprint


class _Shown:
    """What the routes share."""

    def __init__(self, desk: Desk, forms: Forms, pages: Pages) -> None:
        self.desk = desk
        self.forms = forms
        self.pages = pages

    def account(self, *, token: str = "", error: EpnTapError | None = None) -> flask.Response:
        return self._page(
            "voaccounts.own/account.html",
            error,
            own=self.desk.own(caller()),
            token=token,
            scopes=sorted(APPLICATION_SCOPES),
            leads=GROUPS,
        )

    def team(self, name: str, error: EpnTapError | None = None) -> flask.Response:
        return self._page("voaccounts.own/team.html", error, seen=self.desk.team(caller(), name))

    def _page(self, template: str, error: EpnTapError | None, **facts: object) -> flask.Response:
        body = self.pages.render(
            template, word=self.forms.word(), message=error.message if error else "", name=caller().name, **facts
        )
        return self.forms.keep(flask.Response(body, status_of(error) if error else 200, content_type=HTML))

    def see(self, path: str) -> flask.Response:
        return flask.Response(status=303, headers={"Location": self.pages.site.at(path)})

    def somebody(self) -> Caller:
        """Who asks. Raises AuthenticationError for nobody in particular."""
        if not self.desk.accounts.in_use():
            raise NotFoundError("There are no accounts here: everything is public.")
        found = caller()
        if found.is_anonymous:
            raise AuthenticationError("Please sign in.")
        return found


def _add_account(blueprint: flask.Blueprint, shown: _Shown, settings: Settings) -> None:
    @blueprint.get(ACCOUNT)
    def account() -> flask.Response:
        if caller().is_anonymous and wants_page() and shown.desk.accounts.in_use():
            return shown.see(LOGIN)
        shown.somebody()
        return shown.account()

    def action(path: str, do: Callable[[Caller], flask.Response | None]) -> None:
        def view() -> flask.Response:
            who = shown.somebody()
            shown.forms.check()
            try:
                return do(who) or shown.see(ACCOUNT)
            except EpnTapError as error:
                if not wants_page():
                    raise
                return shown.account(error=error)

        blueprint.add_url_rule(f"{ACCOUNT}{path}", f"account{path}", view, methods=["POST"])

    actions = _Actions(shown, settings.addresses)
    action("/password", actions.change_password)
    action("/sessions/end", actions.end_sessions)
    action("/tokens", actions.make_token)
    action("/tokens/revoke", actions.revoke_token)
    action("/groups", actions.apply)
    action("/groups/leave", actions.leave)


@dataclass(frozen=True, slots=True)
class _Actions:
    """What the forms of an account do."""

    shown: _Shown
    addresses: Addresses

    @property
    def _desk(self) -> Desk:
        return self.shown.desk

    def change_password(self, who: Caller) -> flask.Response:
        given = flask.request.form
        client = flask.g.get("client") or ""
        session = self._desk.change_password(who, given.get("old", ""), given.get("new", ""), client)
        response = self.shown.see(ACCOUNT)
        keep_signed_in(response, session.cookie, session.expires, self.addresses)
        return response

    def end_sessions(self, who: Caller) -> flask.Response:
        self._desk.end_sessions(who)
        response = self.shown.see("/")
        forget_session(response, self.addresses)
        return response

    def make_token(self, who: Caller) -> flask.Response:
        given = flask.request.form
        days = given.get("days", "")
        wanted = int(days) if days.isdecimal() and len(days) < 6 else 0
        return self.shown.account(
            token=self._desk.make_token(who, given.get("label", ""), given.getlist("scope"), wanted)
        )

    def revoke_token(self, who: Caller) -> None:
        number = flask.request.form.get("number", "")
        if not number.isdecimal() or len(number) > 18:
            raise NotFoundError(f"There is no token {number[:20]!r}.")
        self._desk.revoke_token(who, int(number))

    def apply(self, who: Caller) -> None:
        self._desk.apply(who, flask.request.form.get("team", ""), flask.request.form.get("said", ""))

    def leave(self, who: Caller) -> None:
        self._desk.leave(who, flask.request.form.get("team", ""))


def _add_teams(blueprint: flask.Blueprint, shown: _Shown) -> None:
    desk = shown.desk

    @blueprint.get(f"{GROUPS}/<team>")
    def team(team: str) -> flask.Response:
        shown.somebody()
        return shown.team(team)

    def action(name: str, do: Callable[[Caller, str, str], None]) -> None:
        def view(team: str) -> flask.Response:
            who = shown.somebody()
            shown.forms.check()
            try:
                do(who, team, flask.request.form.get("person", ""))
            except EpnTapError as error:
                if not wants_page():
                    raise
                return shown.team(team, error)
            return shown.see(f"{GROUPS}/{team}")

        blueprint.add_url_rule(f"{GROUPS}/<team>/{name}", f"team_{name}", view, methods=["POST"])

    def until() -> str:
        return flask.request.form.get("until", "")

    action("accept", lambda who, team, person: desk.accept(who, team, person, until()))
    action("refuse", desk.refuse)
    action("prolong", lambda who, team, person: desk.prolong(who, team, person, until()))
    action("expel", desk.expel)


def _add_addresses(blueprint: flask.Blueprint, addresses: Addresses) -> None:
    @blueprint.post(f"{ACCOUNT}/addresses")
    def signed() -> flask.Response:
        if caller().is_anonymous:
            raise AuthenticationError("Addresses are signed for somebody who has signed in.")
        asked = [value for name, value in pairs() if name.upper() == "ADDRESS"]
        if not 0 < len(asked) <= _MOST_ADDRESSES:
            raise ParameterError(
                f"ADDRESS is to be given once for each address, {_MOST_ADDRESSES:,} times at most; it came "
                f"{len(asked):,} times."
            )
        text = "".join(f"{handed_on(one, addresses.base)}\n" for one in asked)
        return flask.Response(text, content_type=TEXT)
