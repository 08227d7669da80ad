"""The routes of this room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

from epntap.catalog.model import Catalog
from epntap.connection import Connection
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.settings import Settings
from epntap.uws.service import JobService
from voweb.holdings.facts import Holdings
from voweb.holdings.views import holdings_blueprint
from voweb.jobs.desk import Desk
from voweb.jobs.views import jobs_blueprint
from voweb.state.facts import States
from voweb.state.views import state_blueprint
from voweb.views import assets_blueprint, texts_blueprint

__all__ = ["routes"]


def routes(
    pages: Pages,
    settings: Settings,
    catalog: Callable[[], Catalog],
    connect: Callable[[], AbstractContextManager[Connection]],
    jobs: Mapping[str, JobService],
) -> Wing:
    """Pages of the service, and what all pages load; `jobs` are all kinds, by the paths of their trees."""
    return Wing(
        name="web",
        blueprints=(
            assets_blueprint(pages),
            texts_blueprint(pages),
            holdings_blueprint(Holdings(catalog, connect), pages, settings),
            jobs_blueprint(Desk(jobs, settings.addresses), pages),
            state_blueprint(States(settings, connect), pages),
        ),
    )
