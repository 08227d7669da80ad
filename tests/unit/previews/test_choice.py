"""Which variables a picture shows where nobody says it."""

from __future__ import annotations

from epntap.archive.kept.series import SeriesVariable
from previews.drawing.hints import Hints
from previews.drawing.panels import chosen

DATA = Hints(var_type="data", display="time_series")


def variable(name: str, cdf_type: str = "CDF_REAL4", *units: str) -> SeriesVariable:
    return SeriesVariable(name, cdf_type, (), units=units)


def test_measurements_come_before_flags_and_counters() -> None:
    some = [variable("quality"), variable("Num_pts"), variable("x", "CDF_UINT1"), variable("n", "CDF_REAL4", "cm-3")]
    hints = {one.name: DATA for one in some}
    assert chosen(some, hints, 1) == ["n"]
    assert chosen(some, hints, 4)[0] == "n"


def test_small_integers_with_a_unit_are_measurements() -> None:
    some = [variable("flag"), variable("raw", "CDF_INT2", "nT"), variable("y", "CDF_INT2")]
    assert chosen(some, {one.name: DATA for one in some}, 1) == ["raw"]


def test_a_display_type_of_flags_alone_does_not_bring_them_first() -> None:
    some = [variable("status"), variable("B", "CDF_REAL8", "nT")]
    hints = {"status": DATA, "B": Hints(var_type="data")}
    assert chosen(some, hints, 4)[0] == "B"


def test_flags_are_shown_where_there_is_nothing_else() -> None:
    some = [variable("quality", "CDF_UINT1")]
    assert chosen(some, {"quality": DATA}, 4) == ["quality"]
