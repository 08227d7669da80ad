"""Whether the service is ready, and addresses of before."""

from __future__ import annotations

import os
from urllib.parse import quote

import flask
import psycopg
import werkzeug

import epntap
from epntap.addresses import DATA, FILES, TAP_PATHS
from epntap.db.pool import pooled
from epntap.errors import EpnTapError, UnavailableError
from epntap.http.wing import Wing
from voserver.house import House

__all__ = ["routes"]


def routes(house: House) -> Wing:
    """/health, /robots.txt, and addresses that lead elsewhere."""
    pages = flask.Blueprint("pages", __name__)

    @pages.get("/health")
    def health() -> tuple[dict[str, str], int]:
        try:
            _check_ready(house)
        except EpnTapError as exc:
            return {"status": "unavailable", "reason": exc.message}, 503
        return {"status": "ok", "version": epntap.__version__}, 200

    # addresses of a DaCHS installation that people keep
    @pages.get("/__system__/adql/query/form")
    def form() -> werkzeug.Response:
        return flask.redirect(house.settings.addresses.at("/query"), 301)

    @pages.get("/tableinfo/<name>")
    def tableinfo(name: str) -> werkzeug.Response:
        return flask.redirect(house.settings.addresses.tap(f"tables/{quote(name)}"), 301)

    @pages.get("/robots.txt")
    def robots() -> flask.Response:
        # pages may be found; answers of queries, cut-outs and files are too many, and are no pages
        lines = [f"Disallow: {path}/" for path in (*TAP_PATHS, DATA, FILES, "/datalink")]
        return flask.Response("\n".join(["User-agent: *", *lines, ""]), content_type="text/plain; charset=utf-8")

    @pages.get("/favicon.ico")
    def favicon() -> tuple[str, int]:
        return "", 204

    return Wing(name="pages", blueprints=(pages,))


def _check_ready(house: House) -> None:
    """Raises UnavailableError with the reason when the service cannot answer."""
    try:
        with pooled(house.pools.internal) as connection:
            connection.execute("SELECT version FROM archive.catalog_version")
    except psycopg.Error as exc:
        raise UnavailableError("The database is not initialised for this version.") from exc
    folder = house.settings.results_dir
    if folder.exists() and not os.access(folder, os.W_OK):
        raise UnavailableError("The folder of results cannot be written.")
