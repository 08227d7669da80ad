"""A process that draws pictures: `python -m previews.child`, started by Cutters."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cutouts.processes.frames import Frame, Head, send
from cutouts.processes.loader import run
from previews.draw import draw_inventory, draw_panels, points_across, set_up
from previews.hints import NO_HINTS, hints_of
from previews.panels import Line, Lines, bins_along, chosen, panel_of
from previews.plan import InventoryPlan, PicturePlan
from previews.request import Form
from previews.timegrid import labels_of
from summaries.reader import Asked

__all__ = ["drawn", "main"]

#: panels where nothing is asked for
_USUAL_PANELS = 4
_THUMBNAIL_PANELS = 2
_THUMBNAIL_UP_TO = 320


def main() -> None:
    """Draw pictures until standard input ends."""
    run(_warm_up, _answer, "picture")


def _warm_up() -> None:
    """Load fonts and what else the first picture of a process takes."""
    set_up()
    values = np.linspace(0, 1, 8)
    panel = Lines("x", "nT", values * 1e9, (Line("a", values), Line("b", values)), is_log=False, span=(0.0, 1.0))
    for form in Form:
        draw_panels([panel], title="x", span=(0, 1_000_000_000), form=form, width=640)


def _answer(channel: socket.socket, plan: object) -> None:
    assert isinstance(plan, (PicturePlan, InventoryPlan))
    content = drawn(plan)
    send(channel, Frame.HEAD, Head(plan.form.media_type, plan.identifier, len(content), None, len(content), ()))
    send(channel, Frame.BLOCK, content)
    send(channel, Frame.END)


def drawn(plan: PicturePlan | InventoryPlan) -> bytes:
    """The picture. Raises our errors."""
    if isinstance(plan, InventoryPlan):
        return draw_inventory(plan)
    hints = hints_of(plan.asked.files or ())
    names = plan.parameters or chosen(
        [one for one in plan.asked.series.variables if one.name in plan.asked.names],
        hints,
        _THUMBNAIL_PANELS if plan.width <= _THUMBNAIL_UP_TO else _USUAL_PANELS,
    )
    asked = replace(plan.asked, names=_with_bins(plan.asked, names))
    series = asked.read(points_across(plan.width))
    panels = [panel_of(series, name, hints.get(name, NO_HINTS)) for name in names]
    start, stop = (int(one) for one in labels_of(np.array([plan.shown.start_tt2000, plan.shown.stop_tt2000 - 1])))
    return draw_panels(
        panels,
        title=_title(plan),
        span=(start, stop + 1),
        form=plan.form,
        width=plan.width,
        note=" ".join(series.remarks),
    )


def _title(plan: PicturePlan) -> str:
    return plan.title if plan.title == plan.identifier else f"{plan.title} \u00b7 {plan.identifier}"


def _with_bins(asked: Asked, names: Sequence[str]) -> tuple[str, ...]:
    """The names with those of the variables that say where their channels are."""
    about = {one.name: one for one in asked.series.variables}
    found = list(names)
    for name in names:
        along = bins_along(about[name])
        bins = along and along[1]
        if bins and bins.variable in about:
            found.append(bins.variable)
    return tuple(dict.fromkeys(found))


if __name__ == "__main__":
    main()
