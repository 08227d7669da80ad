"""/datalink/bulk over HTTP."""

from __future__ import annotations

from urllib.parse import quote

import flask

from datalink.bulk.service import BulkService
from datalink.soda.views import failure
from epntap.addresses import BULK
from epntap.errors import EpnTapError
from epntap.http.request import caller, client_socket, params

__all__ = ["bulk_blueprint"]


def bulk_blueprint(service: BulkService) -> flask.Blueprint:
    """The route of bulk answers."""
    blueprint = flask.Blueprint("bulk", __name__)

    @blueprint.route(BULK, methods=["GET", "POST"])
    def bulk() -> flask.Response:
        answer = service.answer(params(), caller(), client_socket())
        if flask.request.method == "HEAD":
            answer.close()
        response = flask.Response(answer, content_type=answer.media_type)
        disposition = "inline" if answer.media_type.startswith("text/") else "attachment"
        response.headers["Content-Disposition"] = f"{disposition}; filename*=UTF-8''{quote(answer.name)}"
        response.headers["Cache-Control"] = "no-store"
        return response

    @blueprint.errorhandler(EpnTapError)
    def failed(error: EpnTapError) -> flask.Response:
        return failure(error)

    return blueprint
