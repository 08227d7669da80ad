"""All servers, one line each: a new one is a folder with `routes`, and a line here."""

from __future__ import annotations

from dataclasses import replace

from amdarest import routes as amda
from amdarest.data.tickets import Tickets
from das2server import routes as das2
from datalink import routes as datalink
from datalink.bulk.params import Identifiers
from datalink.soda.params import SEVERAL_IN_JOBS
from epntap.access import Caller
from epntap.addresses import ASYNC, SODA_ASYNC, STATISTICS_ASYNC, TAP, TAP_PATHS
from epntap.http.callers.forms import Forms
from epntap.http.faults import as_labelled_text, as_text
from epntap.http.response import Sender
from epntap.http.wing import Wing
from epntap.tap import routes as tap
from epntap.tap.identifiers import column_values
from epntap.uws import routes as uws
from eventtables import routes as events
from hapiserver import routes as hapi
from previews import routes as previews
from voaccounts import routes as accounts
from voserver import metrics, pages
from voserver.house import House
from voweb import help as help_site
from voweb import query, search
from voweb import routes as web
from voweb.datasets import routes as datasets
from voweb.datasets.facts import Datasets
from voweb.granules import routes as granule_pages

__all__ = ["wings"]

_JOBS_PATHS = tuple(f"{path}{ASYNC}" for path in TAP_PATHS)


def wings(house: House) -> tuple[Wing, ...]:
    """What the application registers."""
    settings, admission = house.settings, house.admission
    cut_jobs = replace(house.jobs, kind="soda", adding_up=SEVERAL_IN_JOBS)
    statistics_jobs = replace(house.jobs, kind="statistics", adding_up=frozenset())
    sender = Sender(admission.share("results", 1 / 2), settings.send_timeout_s, house.watcher, house.allowances)

    tables = house.events
    tickets = Tickets(lambda: house.accounts.key_for("amda"), house.accounts.named)
    forms = Forms(lambda: house.accounts.key_for("forms"), settings.addresses)

    def granules(query: str, most: int, caller: Caller) -> Identifiers:
        return Identifiers(*column_values(house.tap, query, "granule_uid", most, caller))

    return (
        tap.routes(house.tap, replace(sender, places=house.tap.slow), house.pages),
        uws.routes(house.jobs, sender, house.pages, _JOBS_PATHS),
        uws.routes(cut_jobs, sender, house.pages, [SODA_ASYNC], as_labelled_text),
        uws.routes(statistics_jobs, sender, house.pages, [STATISTICS_ASYNC], as_text),
        datalink.links(house.finder, sender, settings, admission, house.pages),
        datalink.soda(house.cutouts, tables.ends, sender, settings, house.pages),
        amda.routes(
            house.finder, tables, replace(house.jobs, kind="amda"), tickets, sender, settings, admission, house.pages
        ),
        das2.routes(house.finder, sender, settings, admission, house.pages),
        events.routes(tables, sender, settings, forms, house.pages),
        hapi.routes(house.finder, tables.ends, sender, settings, admission, house.pages),
        datalink.bulk(house.cutouts, granules, tables.ends, sender, settings, admission, house.pages),
        previews.routes(house.finder, tables.within, sender, settings, admission, house.pages),
        accounts.routes(house.accounts, house.mine, settings, house.pages),
        metrics.routes(house),
        web.routes(
            house.pages,
            settings,
            house.catalog,
            house.finder.connect,
            {f"{TAP}{ASYNC}": house.jobs, SODA_ASYNC: cut_jobs, STATISTICS_ASYNC: statistics_jobs},
        ),
        search.routes(house.pages, settings, house.catalog, house.finder.connect),
        query.routes(house.pages, house.tap, house.jobs),
        datasets.routes(house.pages, settings, Datasets(house.catalog, house.finder.connect)),
        granule_pages.routes(house.pages, house.finder),
        help_site.routes(house.pages),
        pages.routes(house),
    )
