"""Which records a cut-out takes, and from where."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutouts.extract import cut_files, open_cut
from cutouts.interval import Interval
from cutouts.joined.series import SeriesCut
from epntap.archive.model import ArchiveFile
from epntap.cdf import CdfFile, format_utc, parse_utc
from epntap.errors import ParameterError, UnreadableFileError
from tests.support.cdf_builder import CdfBuilder
from tests.support.examples import examples
from tests.support.made_files import EVERYTHING, T0, between, rendered, rich, seconds, series
from tests.support.places import SHARED

MULTI = sorted((SHARED / "data" / "oracle").glob("multi_*.json"))


def _values(cut: SeriesCut, name: str) -> Any:
    return next(column for column in cut.columns() if column.variable.name == name).read()


def _open_files() -> int:
    """CDF files only: threads of other tests may open and close connections meanwhile."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            found += link.readlink().suffix == ".cdf"
    return found


def _times(cut: SeriesCut) -> list[int]:
    return [int(instant) for instant in cut.axes[0].time.instants()]


@pytest.mark.shared
@pytest.mark.parametrize("oracle", MULTI, ids=lambda path: path.stem)
def test_cuts_over_several_real_files_are_as_expected(oracle: Path) -> None:
    expected = json.loads(oracle.read_text())
    paths = [SHARED / "data" / name for name in expected["files"]]
    for interval in expected["intervals"]:
        start, stop = parse_utc(interval["start"]), parse_utc(interval["stop"])
        with cut_files(paths, Interval.closed(start, stop)) as cut:
            assert len(cut.axes[0]) == interval["closed"]
        with cut_files(paths, Interval(start, stop)) as cut:
            axis = next(axis for axis in cut.axes if axis.name == expected["time_variable"])
            assert len(axis) == interval["half_open"]
            assert len(cut.sources) == sum(count > 0 for count in interval["per_file"])
            if not len(axis):
                continue
            instants = axis.time.instants()
            assert format_utc(int(instants[0])) + "Z" == interval["first"]
            assert format_utc(int(instants[-1])) + "Z" == interval["last"]
            for variable in interval["variables"]:
                values = _values(cut, variable["name"])
                assert list(values.shape) == variable["shape"]
                assert values.dtype == np.dtype(variable["dtype"])
                assert hashlib.sha256(values.tobytes()).hexdigest() == variable["sha256"]


def _indexed(path: Path, start: int) -> ArchiveFile:
    found = path.stat()
    return ArchiveFile("d", str(path.parent), path.name, found.st_size, found.st_mtime_ns, start, start, 0)


def test_a_file_that_is_not_the_one_that_was_indexed_is_refused(tmp_path: Path) -> None:
    indexed = _indexed(series(tmp_path / "a.cdf", seconds(0, 1, 2)), 0)
    os.utime(tmp_path / "a.cdf", ns=(0, indexed.mtime_ns + 1))
    with (
        pytest.raises(UnreadableFileError, match=r"a.cdf was changed since it was indexed"),
        open_cut([indexed], EVERYTHING),
    ):
        pass


def test_files_follow_each_other_in_time_whatever_their_order(tmp_path: Path) -> None:
    series(tmp_path / "b.cdf", seconds(0, 1, 2))
    series(tmp_path / "a.cdf", seconds(3, 4))
    files = [_indexed(tmp_path / name, start) for name, start in (("a.cdf", 3), ("b.cdf", 0))]
    with open_cut(files, between(1, 4)) as cut:
        assert _values(cut, "n").tolist() == [1.0, 2.0, 3.0]
        assert cut.sources == ["b.cdf", "a.cdf"]


def test_the_start_is_in_and_the_stop_is_out(tmp_path: Path) -> None:
    path = series(tmp_path / "a.cdf", seconds(0, 1, 2, 3))
    with cut_files([path], Interval(*seconds(1, 3))) as cut:
        assert _values(cut, "n").tolist() == [1.0, 2.0]
    with cut_files([path], Interval.closed(*seconds(1, 3))) as cut:
        assert _values(cut, "n").tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("interval", [between(10, 20), between(2, 2), between(3, 1)])
def test_nothing_in_the_interval(tmp_path: Path, interval: Interval) -> None:
    with cut_files([series(tmp_path / "a.cdf", seconds(0, 1, 2, 3))], interval) as cut:
        assert cut.is_empty
        assert cut.sources == []
        assert _values(cut, "n").shape == (0,)


def test_no_file_at_all() -> None:
    with cut_files([], EVERYTHING) as cut:
        assert cut.is_empty


def test_records_that_two_files_share_are_taken_once(tmp_path: Path) -> None:
    first = series(tmp_path / "a.cdf", seconds(0, 1, 2, 3))
    second = series(tmp_path / "b.cdf", seconds(2, 3, 4, 5))
    with cut_files([first, second], EVERYTHING) as cut:
        assert _values(cut, "n").tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_files_that_interleave_are_sorted_by_time(tmp_path: Path) -> None:
    first = series(tmp_path / "a.cdf", seconds(0, 2, 4, 6))
    second = series(tmp_path / "b.cdf", seconds(1, 2, 3, 5, 9), offset=0.5)
    with cut_files([first, second], EVERYTHING) as cut:
        assert _times(cut) == seconds(0, 1, 2, 2, 3, 4, 5, 6, 9)
        assert _values(cut, "n").tolist() == [0.0, 1.5, 2.0, 2.5, 3.5, 4.0, 5.5, 6.0, 9.5]
        column = cut.axes[0].columns[0]
        assert column.read(2, 6).tolist() == [2.0, 2.5, 3.5, 4.0]


def test_within_a_file_records_keep_their_order(tmp_path: Path) -> None:
    epochs = seconds(5, 1, 1, 3, 2, 9, 2)
    path = series(tmp_path / "a.cdf", epochs)
    with cut_files([path], between(1, 4)) as cut:
        assert _times(cut) == seconds(1, 1, 3, 2, 2)
        assert _values(cut, "n").tolist() == [1.0, 1.0, 3.0, 2.0, 2.0]


def test_fill_epochs_are_never_taken(tmp_path: Path) -> None:
    epochs = [*seconds(0), -(2**63), *seconds(2), T0 + 77]
    builder = (
        CdfBuilder().axis("Epoch", epochs, FILLVAL=np.int64(T0 + 77)).variable("n", [1, 2, 3, 4], DEPEND_0="Epoch")
    )
    with cut_files([builder.write(tmp_path / "a.cdf")], EVERYTHING) as cut:
        assert _values(cut, "n").tolist() == [1, 3]


def test_every_variable_is_cut_along_its_own_axis(tmp_path: Path) -> None:
    with cut_files([rich(tmp_path / "a.cdf"), rich(tmp_path / "b.cdf", 10)], between(4, 12)) as cut:
        assert [(axis.name, len(axis)) for axis in cut.axes] == [("Epoch", 8), ("Epoch_slow", 2)]
        assert [column.variable.name for column in cut.axes[0].columns] == ["flux", "energy", "quality", "state"]
        assert _values(cut, "quality").tolist() == list(range(4, 12))
        assert _values(cut, "energy")[:, 0].tolist() == [4 * number + 0.5 for number in range(4, 12)]
        assert _values(cut, "B").tolist() == [[3.0, 4.0, 5.0], [10.0, 11.0, 12.0]]
        assert _values(cut, "state")[:3].tolist() == [b'o"f', b"a,b", b"on "]
        assert [column.variable.name for column in cut.fixed] == ["labels", "matrix"]
        assert _values(cut, "matrix").shape == (1, 2, 3)


def test_what_cannot_be_cut_is_left_out_and_named(tmp_path: Path) -> None:
    with cut_files([rich(tmp_path / "a.cdf")], EVERYTHING) as cut:
        assert cut.left_out == {
            "short": "short has 9 records, its time axis Epoch has 10",
            "computed": "computed is virtual: it is to be computed by add_up and not stored",
        }


def test_parameters_come_with_their_axis_and_what_they_point_to(tmp_path: Path) -> None:
    path = rich(tmp_path / "a.cdf")
    with cut_files([path], EVERYTHING, ["FLUX", " flux "]) as cut:
        assert [column.variable.name for column in cut.columns()] == ["Epoch", "flux", "energy", "labels"]
        assert cut.left_out == {}
    with cut_files([path], EVERYTHING, ["B", "Epoch"]) as cut:
        assert [axis.name for axis in cut.axes] == ["Epoch", "Epoch_slow"]
        assert [column.variable.name for column in cut.columns()] == ["Epoch", "Epoch_slow", "B", "labels"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fluxx", "found 'fluxx'; did you mean flux?"),
        ("zzz", "found 'zzz'; there are Epoch, Epoch_slow, flux"),
        ("short", "short cannot be cut out: short has 9 records"),
        ("computed", "computed cannot be cut out: .* is virtual"),
        ("matrix", "at least one variable that varies with time, found matrix"),
    ],
)
def test_a_parameter_that_cannot_be_had_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message), cut_files([rich(tmp_path / "a.cdf")], EVERYTHING, [name]):
        pass


def test_a_fixed_variable_that_changes_between_files_is_given_for_each_record(tmp_path: Path) -> None:
    paths = [
        CdfBuilder()
        .axis("Epoch", seconds(number))
        .variable("n", [number], DEPEND_0="Epoch")
        .variable("gain", [float(number)], fixed=True)
        .write(tmp_path / f"{number}.cdf")
        for number in (1, 2)
    ]
    with cut_files(paths, EVERYTHING) as cut:
        assert _values(cut, "gain").tolist() == [1.0, 2.0]
        assert cut.remarks == ("gain is not the same in all files: it is given for each record of Epoch",)


def test_a_variable_that_some_files_lack_has_fill_values_there(tmp_path: Path) -> None:
    first = series(tmp_path / "a.cdf", seconds(0, 1))
    builder = CdfBuilder().axis("Epoch", seconds(2)).variable("n", [2.0], DEPEND_0="Epoch")
    second = builder.variable("extra", np.array([7], np.float32), DEPEND_0="Epoch", FILLVAL=np.float64(-1e31)).write(
        tmp_path / "b.cdf"
    )
    with cut_files([first, second], EVERYTHING) as cut:
        assert _values(cut, "extra").tolist() == [np.float32(-1e31), np.float32(-1e31), 7.0]
        assert cut.remarks == ("extra is missing (fill value -1e+31) in the records of a.cdf, which lacks it",)


def test_integers_of_64_bits_and_doubles_cannot_be_joined(tmp_path: Path) -> None:
    first = series(tmp_path / "a.cdf", seconds(0, 1))
    builder = CdfBuilder().axis("Epoch", seconds(2)).variable("n", [2], DEPEND_0="Epoch")
    paths = [first, builder.write(tmp_path / "b.cdf")]
    with cut_files(paths, EVERYTHING) as cut:
        assert cut.left_out == {"n": "n is DOUBLE in a.cdf, INT8 in b.cdf; ask for the files one by one"}
    with pytest.raises(ParameterError, match=r"DOUBLE in a.cdf, INT8 in b.cdf"), cut_files(paths, EVERYTHING, ["n"]):
        pass


def test_more_files_than_a_process_may_open(tmp_path: Path) -> None:
    paths = [
        CdfBuilder()
        .axis("Epoch", seconds(number, number + 0.5))
        .variable("n", [number, number + 0.5], DEPEND_0="Epoch")
        .variable("gain", [1.0], fixed=True)
        .write(tmp_path / f"{number:03}.cdf")
        for number in range(80)
    ]
    before = _open_files()
    with cut_files(paths, EVERYTHING) as cut:
        assert _values(cut, "n").tolist() == [number / 2 for number in range(160)]
        assert _open_files() < before + 40
        assert len(cut.sources) == 80
    assert _open_files() == before


def test_a_file_that_is_replaced_meanwhile_is_noticed(tmp_path: Path) -> None:
    paths = [series(tmp_path / f"{number:03}.cdf", seconds(number)) for number in range(40)]
    with cut_files(paths, EVERYTHING) as cut:
        series(tmp_path / "new.cdf", seconds(39, 40)).replace(paths[39])
        with pytest.raises(UnreadableFileError, match=r"039.cdf was changed while it was being read"):
            _values(cut, "n")


def test_a_file_that_is_written_to_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = series(tmp_path / "a.cdf", seconds(*range(1000)))
    with cut_files([path], EVERYTHING) as cut:
        values = cut.axes[0].columns[0]
        assert values.read(0, 10).tolist() == list(range(10))
        with path.open("r+b") as file:  # in place: one inode, one size, other bytes
            file.seek(-8, os.SEEK_END)
            file.write(b"\0" * 8)
        with pytest.raises(UnreadableFileError, match=r"a.cdf was changed while it was being read"):
            values.read(10, 20)


def test_a_file_that_shrinks_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = series(tmp_path / "a.cdf", seconds(*range(1000)))
    with cut_files([path], EVERYTHING) as cut:
        os.truncate(path, path.stat().st_size // 2)
        with pytest.raises(UnreadableFileError, match=r"a.cdf was changed while it was being read"):
            cut.axes[0].columns[0].read()


def test_a_file_that_another_takes_the_place_of_is_read_to_its_end(tmp_path: Path) -> None:
    path = series(tmp_path / "a.cdf", seconds(0, 1, 2))
    with cut_files([path], EVERYTHING) as cut:
        series(tmp_path / "new.cdf", seconds(0, 1, 2), offset=100).replace(path)
        assert _values(cut, "n").tolist() == [0.0, 1.0, 2.0]


def test_one_damaged_file_spoils_the_cut(tmp_path: Path) -> None:
    good, bad = series(tmp_path / "a.cdf", seconds(0, 1)), series(tmp_path / "b.cdf", seconds(2))
    bad.write_bytes(bad.read_bytes()[:-1])
    before = _open_files()
    with pytest.raises(UnreadableFileError, match=r"b.cdf is truncated"), cut_files([good, bad], EVERYTHING):
        pass
    assert _open_files() == before


sample_times = st.lists(st.integers(0, 40), min_size=1, max_size=12).map(sorted)
bounds = st.tuples(st.integers(-2, 42), st.integers(-2, 42)).map(sorted)


@settings(max_examples=examples(40))
@given(st.lists(sample_times, min_size=1, max_size=3), bounds, bounds)
def test_a_cut_of_a_cut_is_a_cut(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[int]], outer: list[int], inner: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("cuts")
    paths = [
        series(folder / f"{number}.cdf", seconds(*times), offset=100 * number)
        for number, times in enumerate(sorted(files))
    ]
    wide, narrow = between(*outer), between(*inner)
    once = folder / "once.cdf"
    once.write_bytes(rendered(paths, "cdf", wide))
    expected = _contents(paths, wide.intersect(narrow))
    assert _contents([once], narrow) == expected


def _contents(paths: Sequence[Path], interval: Interval) -> list[tuple[int, float]]:
    with cut_files(paths, interval) as cut:
        return list(zip(_times(cut), _values(cut, "n").tolist(), strict=True))


@pytest.mark.shared
def test_a_cut_of_a_real_cut_is_a_cut(tmp_path: Path) -> None:
    path = SHARED / "data/cdf/mission/mms1_fgm_brst_l2.cdf"
    wide = Interval(parse_utc("2015-10-16T13:05"), parse_utc("2015-10-16T13:07"))
    narrow = Interval(parse_utc("2015-10-16T13:05:30"), parse_utc("2015-10-16T13:06:30.123456789"))
    once, twice, direct = (tmp_path / name for name in ("once.cdf", "twice.cdf", "direct.cdf"))
    once.write_bytes(rendered([path], "cdf", wide))
    twice.write_bytes(rendered([once], "cdf", narrow, compress=True))
    direct.write_bytes(rendered([path], "cdf", narrow))
    with CdfFile(twice) as one, CdfFile(direct) as other:
        assert list(one.variables) == list(other.variables)
        for name in one.variables:
            assert one.read(name).tobytes() == other.read(name).tobytes()
