"""The routes of this room."""

from __future__ import annotations

from epntap.addresses import EVENTS
from epntap.http.callers.forms import Forms
from epntap.http.response import Sender
from epntap.http.wing import Wing
from epntap.pages import Pages
from epntap.settings import Settings
from eventtables.files import TableFiles
from eventtables.views import events_blueprint

__all__ = ["routes"]


def routes(tables: TableFiles, sender: Sender, settings: Settings, forms: Forms, pages: Pages) -> Wing:
    """/events and what is below it."""
    return Wing(
        name="events",
        blueprints=(events_blueprint(tables, sender, settings, forms, pages),),
        open_to_other_origins=(EVENTS,),
    )
