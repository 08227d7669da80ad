"""Small archives to cut, and cut-outs to write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pycdfpp

from cutouts.extract import cut_files
from cutouts.formats import Provenance, choose_format
from cutouts.interval import Interval
from epntap.cdf import MAX_TT2000, MIN_TT2000, CdfFile, parse_utc
from tests.support.cdf_builder import CdfBuilder

T0 = parse_utc("2015-12-01")
#: T0 as CDF_EPOCH, as the CDF library computes it
EPOCH_MS = 63_616_147_200_000.0
SECOND = 10**9
EVERYTHING = Interval(MIN_TT2000, MAX_TT2000)
PROVENANCE = Provenance("mms1_20151201", "http://localhost:8080/datalink", datetime(2026, 1, 2, 3, 4, 5))  # noqa: DTZ001


def seconds(*numbers: float) -> list[int]:
    """Instants so many seconds after T0."""
    return [T0 + round(number * SECOND) for number in numbers]


def between(first: float, stop: float) -> Interval:
    """Interval of seconds after T0."""
    return Interval(*seconds(first, stop))


def series(path: Path, epochs: Sequence[int], *, name: str = "n", offset: float = 0) -> Path:
    """A file with one axis and one scalar, whose values are the seconds of the epochs plus an offset."""
    values = (np.array(epochs, np.int64) - T0) / SECOND + offset
    return CdfBuilder().axis("Epoch", epochs).variable(name, values, DEPEND_0="Epoch", VAR_TYPE="data").write(path)


def rich(path: Path, first: int = 0, count: int = 10) -> Path:
    """A file with two axes, energies that vary and energies that do not, texts, a virtual and a short variable."""
    number = np.arange(first, first + count)
    slow = np.arange(first, first + count, 5)
    counts = (number[:, None] * 4 + np.arange(4)).astype(np.float32)
    return (
        CdfBuilder()
        .attribute("Logical_source", "mms1_test")
        .attribute("TEXT", "One line.", "Another: <&>.")
        .axis("Epoch", seconds(*number), VAR_TYPE="support_data")
        .axis("Epoch_slow", seconds(*slow), VAR_TYPE="support_data")
        .variable(
            "flux",
            counts,
            DEPEND_0="Epoch",
            DEPEND_1="energy",
            LABL_PTR_1="labels",
            DELTA_PLUS_VAR="short",
            CATDESC='Flux of "ions" & <electrons>',
            UNITS="#/(cm^2 s sr)",
            FILLVAL=np.float32(-1e31),
            VAR_TYPE="data",
        )
        .variable("energy", counts + 0.5, DEPEND_0="Epoch", UNITS="eV", VAR_TYPE="support_data")
        .variable("quality", np.arange(first, first + count, dtype=np.int32), DEPEND_0="Epoch", FILLVAL=np.int32(3))
        .variable("B", np.arange(len(slow) * 3.0).reshape(-1, 3) + first, DEPEND_0="Epoch_slow", LABL_PTR_1="labels")
        .variable("state", np.array([b"on ", b'o"f', b"a,b"], "S3")[number % 3], DEPEND_0="Epoch")
        .variable("labels", np.array([[b"one", b"two", b"three", b"four"]], "S5"), fixed=True)
        .variable("matrix", np.arange(6.0).reshape(1, 2, 3), fixed=True)
        .variable("short", np.zeros(count - 1), DEPEND_0="Epoch")
        .variable("computed", np.zeros((0, 2)), DEPEND_0="Epoch", VIRTUAL="true", FUNCT="add_up")
        .write(path)
    )


def with_picoseconds(path: Path) -> Path:
    """Two records with an EPOCH16: 2001-02-26T05:18:30.002201000007 and 2001-02-26T05:18:31.000000001999."""
    times = np.array(["2001-02-26T05:18:30.002201", "2001-02-26T05:18:31.000000001"], "datetime64[ns]")
    epochs = np.array(pycdfpp.to_epoch16(times))
    epochs["picoseconds"] += np.array([7, 999])
    cdf = pycdfpp.CDF()
    cdf.add_variable("Epoch", epochs, data_type=pycdfpp.DataType.CDF_EPOCH16)
    cdf.add_variable("n", np.array([1.0, 2.0]), attributes={"DEPEND_0": "Epoch"})
    pycdfpp.save(cdf, str(path))
    return path


def with_leap_table(path: Path, last_day: int) -> Path:
    """The file as if it was written with a leap-second table that ends with this day, YYYYMMDD."""
    content = bytearray(path.read_bytes())
    with CdfFile(path) as file:
        place = file.header.gdr_offset + 8 + 4 + 4 * 8 + 5 * 4 + 8 + 4
    content[place : place + 4] = last_day.to_bytes(4, "big")
    path.write_bytes(content)
    return path


def rendered(
    paths: Sequence[Path], name: str, interval: Interval = EVERYTHING, parameters: Sequence[str] = (), **options: bool
) -> bytes:
    """The whole cut-out in a format."""
    with cut_files(paths, interval, parameters) as cut:
        rendering = choose_format(name, **options).render(cut, PROVENANCE)
        content = b"".join(rendering.blocks)
        rendering.close()
    assert rendering.length in {None, len(content)}
    return content
