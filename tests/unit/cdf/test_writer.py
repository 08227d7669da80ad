"""What the layout of a CDF promises."""

from __future__ import annotations

from pathlib import Path

import cdflib
import numpy as np
import pycdfpp

from epntap.cdf import CdfFile, CdfType, Entry
from epntap.cdf.binary.writer import CdfLayout, StoredBlock, VariableLayout, to_stored


def _write(path: Path, layout: CdfLayout, values: list[list[bytes]]) -> Path:
    content = b"".join(layout.stream(values))
    assert len(content) == layout.size
    path.write_bytes(content)
    return path


def test_a_file_without_anything(tmp_path: Path) -> None:
    path = _write(tmp_path / "empty.cdf", CdfLayout({}, []), [])
    assert len(pycdfpp.load(str(path))) == 0
    with CdfFile(path) as file:
        assert (dict(file.attributes), dict(file.variables)) == ({}, {})


def test_entries_keep_their_numbers_and_types(tmp_path: Path) -> None:
    entries = [
        Entry(0, CdfType.CDF_CHAR, "naïve"),
        Entry(3, CdfType.CDF_INT2, np.array([1, -2], np.int16)),
        Entry(7, CdfType.CDF_CHAR, ""),
        Entry(9, CdfType.CDF_EPOCH16, np.array([6.3e10 + 5j])),
    ]
    path = _write(tmp_path / "attributes.cdf", CdfLayout({"MODS": entries, "none": []}, []), [])
    with CdfFile(path) as file:
        found = file.attributes["MODS"]
        assert [(one.number, one.cdf_type, one.text) for one in found] == [
            (one.number, one.cdf_type, one.text) for one in entries
        ]
    assert cdflib.CDF(path).attget("MODS", 3).Data.tolist() == [1, -2]


def test_many_blocks_need_a_chain_of_index_records(tmp_path: Path) -> None:
    values = np.arange(100, dtype=np.int32)
    variable = VariableLayout(
        name="n",
        cdf_type=CdfType.CDF_INT4,
        elements=1,
        dims=(),
        record_varying=True,
        pad=np.array(-1, np.int32),
        attributes={},
        blocks=[StoredBlock(5, 20)] * 20,
    )
    layout = CdfLayout({}, [variable])
    path = _write(tmp_path / "blocks.cdf", layout, [[to_stored(part)] for part in np.split(values, 20)])
    assert pycdfpp.load(str(path))["n"].values.tolist() == values.tolist()
    assert cdflib.CDF(path).varget("n").tolist() == values.tolist()
    with CdfFile(path) as file:
        assert file.read("n", 33, 66).tolist() == values[33:66].tolist()
