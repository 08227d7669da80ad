"""What das2 says of the server and its datasets: lists, and the properties that clients read before data."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping

import numpy as np

from das2server.packets import element, header, time_texts
from das2server.planes import Das2Dataset, Parameter
from epntap.archive.kept.series import HeldSeries
from summaries.grid import labels_of

__all__ = ["STREAM", "dataset_list", "discovery", "dsdf", "logo", "span_text"]

#: version of all streams
STREAM: Mapping[str, str] = {"version": "2.2"}
_MS = 1_000_000
_LOGO = 32


def dataset_list(held: Iterable[HeldSeries]) -> str:
    """One path a line."""
    return "".join(f"{one.public_id}\n" for one in _sorted(held))


def discovery(held: Iterable[HeldSeries]) -> str:
    """One path a line with its title; the folders in paths have lines of their own, and end with a slash."""
    lines: dict[str, str] = {}
    for one in _sorted(held):
        parts = one.public_id.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            lines.setdefault(f"{folder}/", folder)
        lines[one.public_id] = " ".join(one.title.split())
    return "".join(f"{path}|{text}\n" for path, text in lines.items())


def _sorted(held: Iterable[HeldSeries]) -> list[HeldSeries]:
    return sorted(held, key=lambda one: one.public_id)


def span_text(start: int, stop: int) -> str:
    """`2017-01-01T00:00:00.000 to 2017-01-02T00:00:00.000` of TT2000, rounded outwards."""
    first, last = labels_of(np.array([start, stop])).tolist()
    return " to ".join(time_texts(np.array([first // _MS * _MS, -(-last // _MS) * _MS]), 3))


def dsdf(dataset: Das2Dataset, contact: str) -> bytes:
    """The stream header with the properties of a dataset."""
    held, series = dataset.held, dataset.held.series
    said = {
        "name": held.public_id,
        "label": held.title,
        "description": held.title if not held.description else f"{held.title}. {held.description}",
        "summary": held.title,
        "das2Stream": "1",
        "techContact": contact,
        "sciContact": held.publisher or contact,
        "exampleRange": span_text(series.sample_start, series.sample_stop),
        "exampleRange_00": f"{span_text(series.sample_start, series.sample_stop)} | some records",
        "validRange": span_text(held.first_tt2000, held.last_tt2000 + 1),
        "reducible": "1" if series.cadence_ns else "0",
    }
    for number, parameter in enumerate(dataset.parameters):
        said[f"param_{number:02}"] = f"{parameter.name} | {_kind(parameter)} | {parameter.description}".replace(
            "\n", " "
        )
    planes = [plane for parameter in dataset.parameters for plane in parameter.planes]
    said |= {f"plane_{number}.label": plane.label for number, plane in enumerate(planes)}
    if held.landing_url:
        said["usagePolicyUrl"] = held.landing_url
    return header("00", element("stream", STREAM, f"\n{element('properties', said)}\n"))


def _kind(parameter: Parameter) -> str:
    return "spectrum" if parameter.has_spectra else "vector" if len(parameter.planes) > 1 else "scalar"


def logo() -> bytes:
    """A wave as PNG."""
    grey = np.full((_LOGO, _LOGO), 255, np.uint8)
    x = np.arange(_LOGO)
    for thick in range(3):
        grey[np.rint(14 + 10 * np.sin(x / 5)).astype(int) + thick, x] = 60
    rows = np.concatenate([np.zeros((_LOGO, 1), np.uint8), grey], axis=1).tobytes()
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", _LOGO, _LOGO, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    )
