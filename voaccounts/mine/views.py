"""/mine: tables and queries that somebody keeps, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import flask

from epntap.addresses import LOGIN, MINE, Addresses
from epntap.dali.params import single
from epntap.errors import NotFoundError, ParameterError
from epntap.http.browsers.negotiation import wants_page
from epntap.http.browsers.origin import refuse_other_sites
from epntap.http.callers.forms import Forms
from epntap.http.faults import HTML
from epntap.http.request import caller, files, params
from epntap.pages import Pages
from epntap.upload.model import Source
from voaccounts.mine.desk import Desk
from voaccounts.store.kept import KeptTable

__all__ = ["mine_blueprint"]


def mine_blueprint(desk: Desk, forms: Forms, pages: Pages, addresses: Addresses) -> flask.Blueprint:
    """The routes of what is kept."""
    blueprint = flask.Blueprint("mine", __name__, url_prefix=MINE)

    def done() -> flask.Response:
        return flask.Response(status=303, headers={"Location": pages.site.at(MINE)})

    def check() -> None:
        """Raises ForbiddenError for forms that are not of our pages; programs have none."""
        if not pages.has_accounts():
            raise NotFoundError("There are no accounts here: everything is public.")
        if wants_page():
            forms.check()
        else:
            refuse_other_sites(addresses)

    @blueprint.post("")
    def bring() -> flask.Response:
        check()
        given = params()
        kept = desk.bring(caller(), _required("NAME"), _source(single(given, "ADDRESS")))
        return done() if wants_page() else flask.make_response(flask.jsonify(_told(kept)), 201)

    def action(path: str, name: str, do: Callable[[str], None], *, methods: tuple[str, ...] = ("POST",)) -> None:
        def view(called: str) -> flask.Response:
            check()
            do(called)
            return done()

        blueprint.add_url_rule(path, name, view, methods=list(methods))

    action("/tables/<called>", "drop", lambda called: desk.drop(caller(), called), methods=("DELETE",))
    action("/tables/<called>/delete", "drop_by_form", lambda called: desk.drop(caller(), called))
    action("/tables/<called>/prolong", "prolong", lambda called: desk.prolong(caller(), called))
    _add_list(blueprint, desk, forms, pages)
    _add_queries(blueprint, desk, check, done)
    return blueprint


def _add_list(blueprint: flask.Blueprint, desk: Desk, forms: Forms, pages: Pages) -> None:
    @blueprint.get("")
    def listed() -> flask.Response:
        if wants_page() and pages.has_accounts() and caller().is_anonymous:
            return flask.Response(status=303, headers={"Location": pages.site.at(LOGIN, next=MINE)})
        kept, queries = desk.kept(caller()), desk.queries(caller())
        if not wants_page():
            return flask.jsonify(
                tables=[_told(one) for one in kept],
                queries=[{"name": one.name, "query": one.query} for one in queries],
            )
        page = pages.render(
            "voaccounts.mine/mine.html", kept=kept, queries=queries, word=forms.word(), settings=desk.settings
        )
        return forms.keep(flask.Response(page, content_type=HTML))


def _add_queries(
    blueprint: flask.Blueprint, desk: Desk, check: Callable[[], None], done: Callable[[], flask.Response]
) -> None:
    # names of queries are any text, and so in the body
    @blueprint.post("/queries")
    def save() -> flask.Response:
        check()
        desk.save(caller(), _required("NAME"), _required("QUERY"))
        return done()

    @blueprint.post("/queries/delete")
    def forget() -> flask.Response:
        check()
        desk.forget(caller(), _required("NAME"))
        return done()


def _required(name: str) -> str:
    text = single(params(), name)
    if text is None:
        raise ParameterError(f"{name}: expected a value, found none.")
    return text


def _source(address: str | None) -> Source:
    brought = files()
    if len(brought) + (address is not None) != 1:
        raise ParameterError("A table is one file that is posted, or the ADDRESS of one; please send one of them.")
    if address is not None:
        return Source("table", address=address)
    (file,) = brought.values()
    return Source("table", open=lambda: nullcontext(file))


def _told(kept: KeptTable) -> dict[str, object]:
    return {
        "name": kept.table.qualified_name,
        "rows": kept.table.rows,
        "bytes": kept.size_bytes,
        "expires": kept.expires.isoformat(),
        "columns": [column.name for column in kept.table.columns],
    }
