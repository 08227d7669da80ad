"""What files say of their records, kept for whoever describes them to clients."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from epntap.archive.kept.series import Bins, Series, SeriesVariable, public_id
from epntap.instants.tt2000 import parse_utc
from ingest.files.series import describe_series, joined_series
from tests.support.cdf_builder import CdfBuilder

FIRST = parse_utc("2020-01-01T00:00:00Z")
RECORDS = 300
SECOND = 1_000_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    epochs = FIRST + np.arange(RECORDS) * SECOND
    flux = np.ones((RECORDS, 4), np.float32)
    energies = np.array([[1.5, 2.5, 3.5, 0.1]], np.float32)
    builder = (
        CdfBuilder()
        .axis("Epoch", epochs, FILLVAL=np.int64(-(2**63)))
        .variable("energy", energies, fixed=True, UNITS="keV")
        .variable("moving", np.ones((RECORDS, 4)), DEPEND_0="Epoch", UNITS="eV")
        .variable("flux", flux, DEPEND_0="Epoch", DEPEND_1="energy", FILLVAL=np.float32(-1e31), CATDESC="a  flux")
        .variable("spectrum", flux, DEPEND_0="Epoch", DEPEND_1="moving")
        .variable("names", np.array([[b"Bx", b"By", b"Bz"]]), fixed=True)
        .variable("b", np.ones((RECORDS, 3)), DEPEND_0="Epoch", LABL_PTR_1="names", UNITS="nT")
        .variable("counts", np.full(RECORDS, 2**60), DEPEND_0="Epoch")
        .variable("small", np.full(RECORDS, 7, np.int64), DEPEND_0="Epoch", FILLVAL=np.int64(-(2**63)))
        .variable("mode", np.array([b"fast"] * RECORDS), DEPEND_0="Epoch")
    )
    return builder.write(tmp_path / "one.cdf")


def by_name(series: Series) -> dict[str, SeriesVariable]:
    return {variable.name: variable for variable in series.variables}


def test_an_axis_has_its_variables_its_cadence_and_a_sample(file: Path) -> None:
    (series,) = describe_series(file)
    assert (series.axis, series.cdf_type, series.cadence_ns) == ("Epoch", "CDF_TIME_TT2000", SECOND)
    assert list(by_name(series)) == ["moving", "flux", "spectrum", "b", "counts", "small", "mode"]
    assert (series.sample_start, series.sample_stop) == (FIRST, FIRST + 100 * SECOND)


def test_bins_are_numbers_where_they_stay_and_a_variable_where_they_move(file: Path) -> None:
    found = by_name(describe_series(file)[0])
    assert found["flux"].bins == (Bins("energy", "keV", centers=(1.5, 2.5, 3.5, 0.1)),)
    assert found["spectrum"].bins == (Bins("moving", "eV", variable="moving"),)
    assert found["moving"].bins == ()


def test_fills_read_back_as_the_value_that_is_stored(file: Path) -> None:
    found = by_name(describe_series(file)[0])
    assert found["flux"].fill is not None
    assert float(found["flux"].fill) == float(np.float32(-1e31))
    assert found["small"].fill == str(-(2**63))
    assert found["b"].fill is None


def test_labels_units_texts_and_wide_integers(file: Path) -> None:
    found = by_name(describe_series(file)[0])
    assert (found["b"].labels, found["b"].units) == (("Bx", "By", "Bz"), ("nT",))
    assert found["flux"].description == "a flux"
    assert found["mode"].length == 4
    assert found["counts"].is_wide
    assert not found["small"].is_wide


def test_files_of_a_dataset_are_joined_and_the_richest_axis_is_first() -> None:
    variables = (SeriesVariable("a", "CDF_CHAR", length=3), SeriesVariable("b", "CDF_DOUBLE"))
    newest = Series("Epoch", "CDF_EPOCH", 9, variables[:1])
    poor = Series("Epoch_hk", "CDF_EPOCH", 9)
    older = Series("Epoch", "CDF_EPOCH", 12, (replace(variables[0], length=5, title="old"), variables[1]))
    first, second = joined_series([(poor, newest), (older,)])
    assert (first.axis, second.axis, first.decimals) == ("Epoch", "Epoch_hk", 12)
    assert first.variables == (replace(variables[0], length=5), variables[1])


def test_a_public_identifier_is_the_datasets_own_if_it_is_free() -> None:
    assert public_id("amda", "ace-imf", "", set()) == "ace-imf"
    assert public_id("amda", "ace-imf", "", {"ACE-IMF"}) == "amda.ace-imf"
    assert public_id("amda", "ace-imf", "Epoch_1", {"ace-imf"}) == "ace-imf_Epoch_1"
    assert public_id("amda", "a,b", "", {"a_b", "amda.a_b"}) == "amda.a_b_2"
