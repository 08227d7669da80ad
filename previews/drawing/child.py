"""A process that draws pictures: `python -m previews.drawing.child`, started by Cutters."""

from __future__ import annotations

import socket
from dataclasses import replace

import numpy as np

from cutouts.processes.frames import Frame, Head, send
from cutouts.processes.loader import run
from epntap.instants.leapseconds import DAY_NS
from previews.drawing.draw import draw_inventory, draw_panels, points_across, set_up
from previews.drawing.hints import NO_HINTS, hints_of
from previews.drawing.panels import Line, Lines, Panel, chosen, panel_of, remarks_of, with_bins
from previews.plan import InventoryPlan, PicturePlan
from previews.plotted import PlotPlan, plotted
from previews.request import Form
from previews.timegrid import labels_of

__all__ = ["drawn", "main"]

#: panels where nothing is asked for
_USUAL_PANELS = 4
_THUMBNAIL_PANELS = 2
_THUMBNAIL_UP_TO = 320
#: what is loaded for them is there when a picture is begun
_USUAL_WIDTHS = (640, 960, 1280)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz 0123456789 .,:-_()[]/\u00b7"


def main() -> None:
    """Draw pictures until standard input ends."""
    run(_warm_up, _answer, "picture")


def _warm_up() -> None:
    """Load fonts, letters and sizes of usual texts, and what else the first picture of a process takes."""
    set_up()
    times = np.linspace(0, 1, 64)
    values = np.linspace(-1, 1, 64)
    lines = (Line("Bx", values, values - 0.1, values + 0.1), Line("By", -values))
    panels: list[Panel] = [Lines("B", "nT", times * DAY_NS, lines, is_log=False, span=(-1.0, 1.0))]
    for width in _USUAL_WIDTHS:
        for form in Form:
            draw_panels(panels, title=_LETTERS, span=(0, DAY_NS), form=form, width=width)


def _answer(channel: socket.socket, plan: object) -> None:
    assert isinstance(plan, (PicturePlan, InventoryPlan, PlotPlan))
    content = plotted(plan) if isinstance(plan, PlotPlan) else drawn(plan)
    kind = "application/json" if isinstance(plan, PlotPlan) else plan.form.media_type
    send(channel, Frame.HEAD, Head(kind, plan.identifier, len(content), None, len(content), ()))
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
    asked = replace(plan.asked, names=with_bins({one.name: one for one in plan.asked.series.variables}, names))
    series = asked.read(points_across(plan.width))
    panels = [panel_of(series, name, hints.get(name, NO_HINTS)) for name in names]
    start, stop = (int(one) for one in labels_of(np.array([plan.shown.start_tt2000, plan.shown.stop_tt2000 - 1])))
    return draw_panels(
        panels,
        title=_title(plan),
        span=(start, stop + 1),
        form=plan.form,
        width=plan.width,
        note=" ".join(remarks_of(series, names, plan.remark)),
        marks=_marks(plan, (start, stop + 1)),
    )


def _marks(plan: PicturePlan, span: tuple[int, int]) -> list[tuple[float, float]]:
    """From where to where each mark reaches, of the width of a panel."""
    if not plan.marks:
        return []
    labels = labels_of(np.array(plan.marks, np.int64).reshape(-1))
    places = np.clip((labels - span[0]) / (span[1] - span[0]), 0, 1).reshape(-1, 2)
    return [(float(first), float(last)) for first, last in places]


def _title(plan: PicturePlan) -> str:
    return plan.title if plan.title == plan.identifier else f"{plan.title} \u00b7 {plan.identifier}"


if __name__ == "__main__":
    main()
