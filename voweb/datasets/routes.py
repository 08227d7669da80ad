"""The routes of datasets."""

from __future__ import annotations

from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.settings import Settings
from voweb.datasets.facts import Datasets
from voweb.datasets.views import datasets_blueprint

__all__ = ["routes"]


def routes(pages: Pages, settings: Settings, datasets: Datasets) -> Wing:
    """/datasets and what is below it."""
    return Wing(name="datasets", blueprints=(datasets_blueprint(datasets, pages, settings),))
