"""/preview/<schema>.<form>, /preview/<schema>/<granule or dataset>.<form> and /plot/<schema>/… over HTTP."""

from __future__ import annotations

import flask

from epntap.addresses import PLOT, PREVIEW
from epntap.http.browsers.faultpage import FaultPages
from epntap.http.faults import answer_faults, as_labelled_text
from epntap.http.request import caller, client_socket, params
from epntap.http.response import Sender, unchanged
from epntap.pages import Pages
from previews.plan import InventoryPlan, PicturePlan
from previews.plotted import points_of
from previews.request import PictureRequest, events_of, interval_of, names_of, picture_request, split_name, width_of
from previews.service import Previews

__all__ = ["plot_blueprint", "preview_blueprint"]

#: whoever keeps a copy asks whether it still holds
_CACHING = "no-cache"


def preview_blueprint(service: Previews, sender: Sender, pages: Pages) -> flask.Blueprint:
    """The routes of pictures."""
    blueprint = flask.Blueprint("previews", __name__, url_prefix=PREVIEW)

    def sent(plan: PicturePlan | InventoryPlan) -> flask.Response:
        """A picture, which is not drawn when the client has it already."""
        known = unchanged(plan.version, _CACHING)
        return known or sender.respond(service.picture(plan, client_socket()), inline=True, caching=_CACHING)

    @blueprint.get("/<name>")
    def inventory(name: str) -> flask.Response:
        schema, form = split_name(name)
        return sent(service.inventory(schema, form, width_of(params())))

    @blueprint.get("/<schema>/<path:name>")
    def picture(schema: str, name: str) -> flask.Response:
        return sent(service.plan(picture_request(schema, name, params(), caller())))

    answer_faults(blueprint, lambda _error: as_labelled_text, FaultPages(pages))
    return blueprint


def plot_blueprint(service: Previews, sender: Sender, pages: Pages) -> flask.Blueprint:
    """The route of values that scripts draw."""
    blueprint = flask.Blueprint("plots", __name__, url_prefix=PLOT)

    @blueprint.get("/<schema>/<path:identifier>")
    def values(schema: str, identifier: str) -> flask.Response:
        given = params()
        start, stop = interval_of(given)
        request = PictureRequest(
            schema,
            identifier,
            start=start,
            stop=stop,
            parameters=names_of(given),
            caller=caller(),
            events=events_of(given),
        )
        plan = service.plot(request, points_of(given))
        known = unchanged(plan.version, _CACHING)
        return known or sender.respond(service.values(plan, client_socket()), inline=True, caching=_CACHING)

    answer_faults(blueprint, lambda _error: as_labelled_text, FaultPages(pages))
    return blueprint
