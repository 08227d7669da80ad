"""Whether the service is ready, and addresses of before."""

from __future__ import annotations

import os
from collections.abc import Callable
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
        primary = _why_not(_check_primary, house)
        reading = primary if house.pools.primary is None else _why_not(_check_reading, house)
        jobs = primary or _why_not(_check_results, house)
        said = {"reading": reading or "ok", "jobs": jobs or "ok", "version": epntap.__version__}
        if reading:
            return {"status": "unavailable", "reason": reading, **said}, 503
        return {"status": "reading only" if jobs else "ok", **said}, 200

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


def _why_not(check: Callable[[House], None], house: House) -> str | None:
    """What a check has to say against it."""
    try:
        check(house)
    except EpnTapError as exc:
        return exc.message
    return None


def _check_reading(house: House) -> None:
    """Raises UnavailableError with the reason when queries cannot be answered."""
    try:
        house.tap.refuse_when_away()
    except psycopg.Error as exc:
        raise UnavailableError(_NOT_INITIALISED) from exc


def _check_primary(house: House) -> None:
    """Raises UnavailableError with the reason when the database cannot take anything.

    Whoever asks does not wait for a primary that is away while standbys answer.
    """
    if house.pools.primary is not None:
        house.catalog()
        if house.catalog.is_away:
            raise UnavailableError("The database takes no changes at the moment.")
        return
    try:
        with pooled(house.pools.internal) as connection:
            connection.execute("SELECT version FROM archive.catalog_version")
    except psycopg.Error as exc:
        raise UnavailableError(_NOT_INITIALISED) from exc


def _check_results(house: House) -> None:
    """Raises UnavailableError with the reason when no results can be kept."""
    folder = house.settings.results_dir
    if folder.exists() and not os.access(folder, os.W_OK):
        raise UnavailableError("The folder of results cannot be written.")


_NOT_INITIALISED = "The database is not initialised for this version."
