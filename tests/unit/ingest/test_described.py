"""Variables as descriptions have them, and where descriptions and files do not agree."""

from __future__ import annotations

from typing import Any

import pytest

from epntap.archive.kept.series import Bins, Series, SeriesVariable
from epntap.archive.model import Dataset, Parameter
from ingest.publish.datasets.described import described_series, differences

MINUTE = 60_000_000_000


def dataset(*parameters: Parameter, **more: Any) -> Dataset:
    return Dataset("mag", "A field", resource_id="spase://Test/NumericalData/mag", parameters=parameters, **more)


def series(*variables: SeriesVariable, cadence_ns: int = MINUTE) -> Series:
    return Series("Epoch", "CDF_TIME_TT2000", 9, variables, cadence_ns=cadence_ns)


def variable(name: str = "B", **more: Any) -> SeriesVariable:
    return SeriesVariable(name, "CDF_REAL4", **more)


def told(found: SeriesVariable, *parameters: Parameter) -> SeriesVariable:
    (one,) = described_series([series(found)], dataset(*parameters))
    return one.variables[0]


@pytest.mark.parametrize(
    "parameter",
    [Parameter("k", 1, variable="B"), Parameter("B", 1, title="else"), Parameter("k", 1, title="B")],
)
def test_a_parameter_is_the_variable_with_its_name(parameter: Parameter) -> None:
    described = told(variable(), parameter, Parameter("other", 2, title="b")).described
    assert described
    assert described.key == parameter.name


def test_what_two_parameters_may_be_is_neither() -> None:
    assert told(variable(), Parameter("one", 1, title="B"), Parameter("two", 2, title="B")).described is None


def test_without_a_description_files_speak_alone() -> None:
    (one,) = described_series([series(variable())], Dataset("mag", "A field", parameters=(Parameter("B", 1),)))
    assert one.variables[0].described is None


@pytest.mark.parametrize(
    ("described", "files", "said"),
    [
        ("cm^-3", "#/cc", "cm^-3"),
        ("nanotesla", "nT", "nanotesla"),
        ("km/s", "m/s", "m/s"),
        ("nT", "K", "K"),
        ("nT", "", "nT"),
        ("", "nT", "nT"),
        ("flurbs", "nT", "flurbs"),
    ],
)
def test_units_are_the_descriptions_unless_those_of_the_files_mean_something_else(
    described: str, files: str, said: str
) -> None:
    found = told(variable(units=(files,) if files else ()), Parameter("B", 1, units=described or None))
    assert found.said_units == (said,)


def test_files_that_do_not_agree_have_no_units() -> None:
    assert told(variable(units_differ=True), Parameter("B", 1, units="nT")).said_units == ()


@pytest.mark.parametrize(
    ("units", "bins", "schema"),
    [
        (("nT", "cm**-2.s**-1"), (), "vounits1.1"),
        (("nT",), (Bins("energy", "keV", (1.0,)),), "vounits1.1"),
        (("nT",), (Bins("energy", None, (1.0,)),), None),
        (("nT", "1/(cm2 s sr keV)x"), (), None),
        (("#/cc",), (), None),
        ((), (), None),
    ],
)
def test_a_schema_of_units_is_said_where_every_unit_is_of_it(
    units: tuple[str, ...], bins: tuple[Bins, ...], schema: str | None
) -> None:
    (one,) = described_series([series(*(variable(f"v{text}", units=(text,), bins=bins) for text in units))], None)
    assert one.units_schema == schema


def test_each_kind_of_difference_is_one_line() -> None:
    parameters = [
        Parameter("B", 1, units="pT", fill_value="-1.0E31", shape=(3,)),
        Parameter("n", 2, units="cm^-3", fill_value="-9999", shape=()),
        Parameter("T", 3, units="K", fill_value="NaN", shape=(2,)),
    ]
    files = [
        variable("B", units=("nT",), fill="-9.999999848243207e+30", dims=(3,)),
        variable("n", units=("#/cc",), fill="-1e+31"),
        variable("T", units=("eV",), fill="nan", dims=(4,)),
    ]
    found = described_series([series(*files)], dataset(*parameters, cadence_min_s=4.0, cadence_max_s=4.0))
    assert [remark.text for remark in differences([("mag", one) for one in found])] == [
        "units differ: 2 of 3 variables; mag B ('pT' described, 'nT' in files), mag T ('K' described, 'eV' in files)",
        "fill differ: 1 of 3 variables; mag n (-9999 described, -1e+31 in files)",
        "shape differ: 1 of 3 variables; mag T (2 described, 4 in files)",
        "cadence differ: 1; mag (4 s described, 60 s in files)",
    ]


def test_a_cadence_within_its_limits_is_no_difference() -> None:
    found = described_series([series(variable())], dataset(cadence_min_s=1.0, cadence_max_s=60.0))
    assert differences([("mag", one) for one in found]) == ()


def test_long_lists_are_counted() -> None:
    files = [variable(f"v{number}", units=("nT",)) for number in range(9)]
    parameters = [Parameter(one.name, place, units="K") for place, one in enumerate(files)]
    (line,) = differences([("mag", one) for one in described_series([series(*files)], dataset(*parameters))])
    assert line.text.startswith("units differ: 9 of 9 variables; mag v0 (")
    assert line.text.endswith(" and 6 more")
