"""/datalink/bulk over HTTP."""

from __future__ import annotations

import flask

from datalink.bulk.service import BulkService
from datalink.remedy import back_to_links
from epntap.addresses import BULK
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.faults import answer_faults, as_labelled_text
from epntap.http.request import caller, client_socket, params
from epntap.http.response import Sender
from epntap.pages import Pages

__all__ = ["bulk_blueprint"]


def bulk_blueprint(service: BulkService, sender: Sender, pages: Pages) -> flask.Blueprint:
    """The route of bulk answers."""
    blueprint = flask.Blueprint("bulk", __name__)

    @blueprint.route(BULK, methods=["GET", "POST"])
    def bulk() -> flask.Response:
        answer = service.answer(params(), caller(), client_socket())
        return sender.respond(answer, inline=answer.media_type.startswith("text/"), caching="no-store")

    answer_faults(blueprint, lambda _error: as_labelled_text, FaultPages(pages, back_to_links(pages)))
    return blueprint
