"""/login, /logout, /register."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import format_datetime

import flask

from epntap.addresses import ACCOUNT, LOGIN, LOGOUT, REGISTER
from epntap.errors import AuthenticationError, EpnTapError, NotFoundError, TooOftenError
from epntap.http.browsers.negotiation import wants_page
from epntap.http.browsers.origin import refuse_other_sites
from epntap.http.callers.challenges import challenge, name_caller
from epntap.http.callers.cookie import forget_session, keep_signed_in, session_cookie
from epntap.http.callers.forms import Forms, local_path
from epntap.http.callers.recognise import PRIVATE
from epntap.http.faults import HTML, TEXT, status_of
from epntap.pages import Pages
from epntap.settings import Settings
from voaccounts.accounts import Accounts, Session
from voaccounts.desk import Desk

__all__ = ["signing_blueprint"]


def signing_blueprint(desk: Desk, forms: Forms, settings: Settings, pages: Pages) -> flask.Blueprint:
    """The routes of signing in."""
    blueprint = flask.Blueprint("signing", __name__)
    door = _Door(desk.accounts, forms, settings, pages)

    @blueprint.get(LOGIN)
    def ask() -> flask.Response:
        return door.ask()

    @blueprint.post(LOGIN)
    def sign_in() -> flask.Response:
        return door.sign_in()

    @blueprint.post(LOGOUT)
    def sign_out() -> flask.Response:
        return door.sign_out()

    if settings.registration:
        _add_registration(blueprint, desk, forms, pages)
    return blueprint


@dataclass(frozen=True, slots=True)
class _Door:
    """Signing in and out, for people with pages and for programs without."""

    accounts: Accounts
    forms: Forms
    settings: Settings
    pages: Pages

    def ask(self) -> flask.Response:
        _need(self.accounts)
        given = flask.request.authorization
        if given is not None and given.type == "basic":
            return self._begin(given.username or "", given.password or "")
        if wants_page():
            return self._page()
        return self._refused()

    def sign_in(self) -> flask.Response:
        _need(self.accounts)
        self._check_form()
        return self._begin(flask.request.form.get("username", ""), flask.request.form.get("password", ""))

    def sign_out(self) -> flask.Response:
        self._check_form()
        self.accounts.sign_out(session_cookie())
        response = flask.Response(status=303, headers={"Location": self.pages.site.at("/")})
        forget_session(response, self.settings.addresses)
        return _own(response)

    def _check_form(self) -> None:
        """Raises ForbiddenError for forms that are not of our pages; programs have none."""
        if wants_page():
            self.forms.check()
        else:
            refuse_other_sites(self.settings.addresses)

    def _begin(self, name: str, password: str) -> flask.Response:
        try:
            session = self.accounts.sign_in(name, password, flask.g.get("client") or "")
        except (AuthenticationError, TooOftenError) as error:
            if wants_page():
                return self._page(error)
            if isinstance(error, TooOftenError):
                raise
            return self._refused()
        # what the browser had before is not the session of who has just signed in, whoever planted it
        if before := session_cookie():
            self.accounts.sign_out(before)
        response = self._begun(session)
        name_caller(response, session.caller.name)
        keep_signed_in(response, session.cookie, session.expires, self.settings.addresses)
        return _own(response)

    def _begun(self, session: Session) -> flask.Response:
        if wants_page():
            target = local_path(flask.request.values.get("next"), ACCOUNT)
            return flask.Response(status=303, headers={"Location": f"{self.pages.site.prefix}{target}"})
        response = flask.Response(f"{session.caller.name}\n", content_type=TEXT)
        response.headers["X-VO-Bearer"] = f"{session.token}; expires={format_datetime(session.expires, usegmt=True)}"
        return response

    def _refused(self) -> flask.Response:
        response = flask.Response(b"", 401, content_type=TEXT)
        challenge(response, self.settings.addresses)
        return _own(response)

    def _page(self, error: EpnTapError | None = None) -> flask.Response:
        body = self.pages.render(
            "voaccounts.signing/login.html",
            word=self.forms.word(),
            name=flask.request.form.get("username", "")[:100],
            next_path=local_path(flask.request.values.get("next"), ACCOUNT),
            message=error.message if error else "",
            registers=self.settings.registration,
        )
        response = flask.Response(body, status_of(error) if error else 200, content_type=HTML)
        if isinstance(error, AuthenticationError):
            challenge(response, self.settings.addresses, to_browser=True)
        if isinstance(error, TooOftenError):
            response.headers["Retry-After"] = str(error.retry_after_s)
        return self.forms.keep(_own(response))


def _add_registration(blueprint: flask.Blueprint, desk: Desk, forms: Forms, pages: Pages) -> None:
    def page(error: EpnTapError | None = None) -> flask.Response:
        body = pages.render(
            "voaccounts.signing/register.html",
            word=forms.word(),
            given={name: flask.request.form.get(name, "")[:1000] for name in _FIELDS},
            teams=desk.open_teams(),
            message=error.message if error else "",
        )
        response = flask.Response(body, status_of(error) if error else 200, content_type=HTML)
        return forms.keep(_own(response))

    @blueprint.get(REGISTER)
    def ask_to_register() -> flask.Response:
        _need(desk.accounts)
        return page()

    @blueprint.post(REGISTER)
    def register() -> flask.Response:
        _need(desk.accounts)
        forms.check()
        given = {name: flask.request.form.get(name, "") for name in _FIELDS}
        try:
            name = desk.register(
                given["username"],
                flask.request.form.get("password", ""),
                client=flask.g.get("client") or "",
                **{name: given[name] for name in _FIELDS if name != "username"},
            )
        except EpnTapError as error:
            return page(error)
        return _own(flask.Response(pages.render("voaccounts.signing/registered.html", name=name), content_type=HTML))


_FIELDS = ("username", "full_name", "email", "affiliation", "team", "said")


def _need(accounts: Accounts) -> None:
    if not accounts.in_use():
        raise NotFoundError("There are no accounts here: everything is public.")


def _own(response: flask.Response) -> flask.Response:
    response.headers["Cache-Control"] = PRIVATE
    response.vary.update(("Authorization", "Cookie", "Accept"))
    return response
