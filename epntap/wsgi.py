"""The composition root: builds what answering needs in this process and joins it to the application."""

from __future__ import annotations

import flask

from datalink.app import blueprints
from datalink.descriptors import descriptors_for_answer
from datalink.service import DatalinkService
from epntap.app import create_app
from epntap.catalog.load import CatalogCache
from epntap.db.pool import Database, Role, open_pool, pooled
from epntap.errors import SetupError
from epntap.settings import Settings, load_settings
from epntap.tap.pipeline import TapService

__all__ = ["build_app", "create"]


def build_app(settings: Settings, database: Database) -> flask.Flask:
    """The application on this database, with pools of its own: call it after a fork, not before."""
    timeout_ms = f"{settings.sync_timeout_s * 1000:.0f}"
    queries = open_pool(
        database, Role.READER, size=settings.query_connections, name="queries", statement_timeout=timeout_ms
    )
    internal = open_pool(database, Role.SERVICE, size=4, name="internal")
    catalog = CatalogCache(lambda: pooled(internal))
    service = TapService(
        settings=settings,
        pool=queries,
        catalog=catalog,
        describe=lambda columns: descriptors_for_answer(settings.base_url, columns),
    )
    links = DatalinkService(settings=settings, connect=lambda: pooled(internal), catalog=catalog)
    return create_app(service, blueprints(links))


def create() -> flask.Flask:
    """For `gunicorn 'epntap.wsgi:create()'`; the database must be named by EPNTAP_DATABASE_URL."""
    settings = load_settings()
    if not settings.database_url:
        raise SetupError("EPNTAP_DATABASE_URL is not set; 'epntap serve' starts the embedded database instead.")
    return build_app(settings, Database(settings.database_url))
