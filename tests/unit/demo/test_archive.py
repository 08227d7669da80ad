"""The sample archive, read back with pycdfpp: an independent reader (cdflib wrote it)."""

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pycdfpp
import pytest
from lxml import etree

from ingest.demo.archive import write_sample_archive
from ingest.demo.plan import DAMAGED, DAYS, HOLES, MISSING_DAYS, PRODUCTS, SUPERSEDED, Product
from ingest.demo.series import FILL
from ingest.facts import DatasetFacts
from ingest.kinds.spase import read_datasets

MEGABYTE = 1_000_000

#: where a CDF 3 header keeps the place of its global descriptor, and where that keeps the end of the file
GDR_OFFSET_AT, EOF_IN_GDR = 20, 36


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    write_sample_archive(root)
    return root


def product(key: str) -> Product:
    return next(one for one in PRODUCTS if one.key == key)


def load(archive: Path, key: str, day: date, version: str = "v01") -> Any:  # pycdfpp carries no types
    return pycdfpp.load(str(archive / "cdf" / product(key).path(day, version)))


def utc(variable: Any) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    return np.asarray(pycdfpp.to_datetime64(variable))


def is_whole(path: Path) -> bool:
    content = path.read_bytes()
    gdr = int.from_bytes(content[GDR_OFFSET_AT : GDR_OFFSET_AT + 8], "big")
    return int.from_bytes(content[gdr + EOF_IN_GDR : gdr + EOF_IN_GDR + 8], "big") <= len(content)


def test_the_archive_is_small_and_laid_out_by_spacecraft_instrument_and_year(archive: Path) -> None:
    files = {path.relative_to(archive).as_posix(): path for path in archive.rglob("*") if path.is_file()}
    assert sum(path.stat().st_size for path in files.values()) < 15 * MEGABYTE
    assert "cdf/synthia-a/mag/2016/syna_l2_mag_20161229_v01.cdf" in files
    assert "spase/NumericalData/Synthia-A/MAG/syna-mag.xml" in files
    cdf_files = [name for name in files if name.endswith(".cdf")]
    assert len(cdf_files) == len(PRODUCTS) * len(DAYS) - 1 + 1  # a day is missing, another has two versions
    for one in PRODUCTS:
        assert {path.name for path in (archive / "cdf").glob(one.files)} == {
            Path(name).name for name in cdf_files if one.logical_source in name
        }


def test_the_same_seed_gives_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    def digest(root: Path) -> dict[str, str]:
        paths = (path for path in root.rglob("*") if path.is_file())
        return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    write_sample_archive(tmp_path)
    assert digest(tmp_path) == digest(archive)


def test_another_seed_gives_other_values(archive: Path, tmp_path: Path) -> None:
    write_sample_archive(tmp_path, seed=1)
    path = Path("cdf") / product("syna-mom").path(DAYS[0])
    assert (tmp_path / path).read_bytes() != (archive / path).read_bytes()


def test_only_the_file_named_in_the_plan_is_cut_short(archive: Path) -> None:
    broken = {path.name for path in (archive / "cdf").rglob("*.cdf") if not is_whole(path)}
    assert broken == {Path(product(key).path(day)).name for key, days in DAMAGED.items() for day in days}
    assert broken == {"sync_l2_spec_20170104_v01.cdf"}


def test_every_whole_file_follows_istp(archive: Path) -> None:
    for path in sorted((archive / "cdf").rglob("*.cdf")):
        if not is_whole(path):
            continue
        file = pycdfpp.load(str(path))
        attributes = {name: next(iter(file.attributes[name])) for name in file.attributes}
        assert attributes["Logical_file_id"] == path.stem
        assert attributes["Logical_source"] == path.stem.rsplit("_", 2)[0]
        assert attributes["Data_version"] == path.stem[-2:]
        for name in ("TITLE", "TEXT", "Source_name", "Data_type", "Rules_of_use", "Logical_source_description"):
            assert "SYNTHETIC" in attributes[name], (path.name, name)
        records = len(file["Epoch"])
        for name, variable in file.items():
            words = {key: value.value for key, value in variable.attributes.items()}
            assert {"CATDESC", "FIELDNAM", "VAR_TYPE"} <= words.keys(), (path.name, name)
            if words["VAR_TYPE"] == "metadata":
                continue
            assert {"UNITS", "SI_CONVERSION", "FILLVAL", "VALIDMIN", "VALIDMAX"} <= words.keys(), (path.name, name)
            assert "LABLAXIS" in words or words["LABL_PTR_1"] in file
            if words["VAR_TYPE"] == "data":
                assert words["DEPEND_0"] == "Epoch"
                assert words["DISPLAY_TYPE"] in {"time_series", "spectrogram"}
            if "DEPEND_0" in words:
                assert variable.shape[0] == records
            if words.get("DISPLAY_TYPE") == "spectrogram":
                assert file[words["DEPEND_1"]].shape[-1] == variable.shape[1]


def test_times_are_steady_and_stay_within_their_day(archive: Path) -> None:
    for one in PRODUCTS:
        for day in DAYS:
            path = archive / "cdf" / one.path(day)
            if not path.is_file() or not is_whole(path):
                continue
            times = utc(pycdfpp.load(str(path))["Epoch"])
            assert times[0] >= np.datetime64(day)
            assert times[-1] <= np.datetime64(day) + np.timedelta64(1, "D")
            steps = np.diff(times)
            assert np.median(steps) == np.timedelta64(one.step_s, "s")
            assert (steps > np.timedelta64(0)).all()


def test_tt2000_files_hold_a_sample_in_the_leap_second(archive: Path) -> None:
    eve, new_year = date(2016, 12, 31), date(2017, 1, 1)
    for key, count in (("syna-mag", 21_601), ("syna-mom", 1_441), ("synb-spec", 721)):
        before = load(archive, key, eve)["Epoch"].values["nseconds"]
        after = load(archive, key, new_year)["Epoch"].values["nseconds"]
        step = product(key).step_s * 1_000_000_000
        assert len(before) == count
        assert int(after[0]) - int(before[-1]) == step
        # TT2000 of 2016-12-31T23:59:60 and 2017-01-01T00:00:00 (36 s, then 37 s behind TAI)
        assert int(before[-1]) == 536_500_868_184_000_000
        assert int(after[0]) == 536_500_869_184_000_000 + step - 1_000_000_000


def test_cdf_epoch_files_leave_the_leap_second_out(archive: Path) -> None:
    file = load(archive, "sync-mom", date(2016, 12, 31))
    assert file["Epoch"].type == pycdfpp.DataType.CDF_EPOCH
    assert len(file["Epoch"]) == 1_440
    assert utc(file["Epoch"])[-1] == np.datetime64("2016-12-31T23:59:00")
    assert utc(load(archive, "sync-mom", date(2017, 1, 1))["Epoch"])[0] == np.datetime64("2017-01-01T00:00:59")


def test_a_day_is_missing(archive: Path) -> None:
    for key, days in MISSING_DAYS.items():
        for day in days:
            assert not (archive / "cdf" / product(key).path(day)).exists()


def test_hours_are_missing_within_a_file(archive: Path) -> None:
    for key, holes in HOLES.items():
        for hole in holes:
            times = utc(load(archive, key, hole.day)["Epoch"])
            start, stop = (np.datetime64(hole.day) + np.timedelta64(h, "h") for h in (hole.start_h, hole.stop_h))
            assert not ((times >= start) & (times < stop)).any()
            assert (times < start).any()
            assert times[times >= stop][0] - stop < np.timedelta64(product(key).step_s, "s")


def test_two_versions_of_a_day_differ_in_values_but_not_in_times(archive: Path) -> None:
    for key, days in SUPERSEDED.items():
        for day in days:
            old, new = load(archive, key, day, "v01"), load(archive, key, day, "v02")
            assert (old["Epoch"].values["nseconds"] == new["Epoch"].values["nseconds"]).all()
            good = new["B_vector"].values > FILL / 2
            difference = old["B_vector"].values[good] - new["B_vector"].values[good]
            assert difference == pytest.approx(5.0, abs=1e-4)


def test_values_are_plausible_and_some_are_fill(archive: Path) -> None:
    limits = {"B_vector": (0.3, 50.0), "density": (0.2, 50.0), "temperature": (1.0, 1e4), "ion_flux": (5.0, 1e6)}
    fills = dict.fromkeys(limits, 0)
    for path in sorted((archive / "cdf").rglob("*.cdf")):
        if not is_whole(path):
            continue
        file = pycdfpp.load(str(path))
        for name in limits.keys() & set(file):
            values = np.asarray(file[name].values)
            fill = values == np.float32(FILL)
            fills[name] += int(fill.sum())
            low, high = limits[name]
            assert low < np.median(np.abs(values[~fill])) < high, (path.name, name)
            assert np.isfinite(values).all()
            assert (values[~fill] >= file[name].attributes["VALIDMIN"].value[0]).all()
            assert (values[~fill] <= file[name].attributes["VALIDMAX"].value[0]).all()
    assert all(count > 0 for count in fills.values())


def test_one_spectrogram_has_energies_that_change_with_time(archive: Path) -> None:
    day = DAYS[0]
    still, moving = load(archive, "syna-spec", day)["energy"], load(archive, "synb-spec", day)["energy"]
    assert still.is_nrv
    assert moving.shape == (720, 24)
    assert moving.values[0, -1] == 20_000
    assert moving.values[200, -1] == 40_000


def test_the_records_map_and_agree_with_the_files(archive: Path) -> None:
    facts = {}
    for one in read_datasets(archive / "spase", today=date(2024, 1, 1)):
        assert isinstance(one, DatasetFacts), one
        facts[one.dataset.dataset_id] = one
    assert facts.keys() == {one.key for one in PRODUCTS}
    for key, one in facts.items():
        file = load(archive, key, DAYS[0])
        assert one.dataset.title.startswith("SYNTHETIC")
        assert (str(one.dataset.start), str(one.dataset.stop)) == ("2016-12-29 00:00:00", "2017-01-04 23:59:59")
        assert one.dataset.cadence_min_s == product(key).step_s
        assert one.dataset.hapi_url == "https://hapi.example.org/synthia/hapi"
        assert one.values["external_link"] == "https://example.org/synthia"
        assert one.dataset.resource_id == next(iter(file.attributes["spase_DatasetResourceID"]))
        for parameter in one.dataset.parameters:
            variable = file[parameter.name]
            assert parameter.shape == variable.shape[1:]
            assert (parameter.units or " ") == variable.attributes["UNITS"].value
            assert parameter.ucd
    assert [key for key, one in facts.items() if one.dataset.access_rights != "Open"] == ["sync-spec"]
    assert facts["syna-mag"].values["target_name"] == "Earth#Sun#Solar Wind"
    assert facts["synb-spec"].values["dataproduct_type"] == "ds"
    assert facts["synb-spec"].values["particle_spectral_range_max"] == 40_000.0
    assert facts["sync-mag"].values["instrument_host_name"] == "Synthia#Synthia-C"
    assert facts["sync-mag"].values["spatial_coordinate_description"] == "MSO"


@pytest.mark.shared
def test_the_records_are_valid_spase(archive: Path, shared: Path) -> None:
    schema = etree.XMLSchema(etree.parse(shared / "standards/schemas/spase-2.4.1.xsd"))
    paths = sorted((archive / "spase").rglob("*.xml"))
    assert len(paths) == 9 + 9 + 4
    for path in paths:
        schema.assertValid(etree.parse(path))
