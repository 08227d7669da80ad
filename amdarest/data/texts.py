"""Records as AMDA's text files: a header of comments, then one line a record; and the same as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from amdarest.data.params import AmdaRequest
from cutouts.formats.base import Provenance, Rendering, statements
from cutouts.formats.cells import is_fill_value, lines, time_texts, with_text
from cutouts.formats.numbers import Spelling, number_rows
from cutouts.joined.series import Column, SeriesCut
from epntap.cdf import FILL_TT2000, format_utc
from summaries.grid import labels_of

__all__ = ["as_ascii", "as_json"]

_BLOCK_BYTES = 1 << 20
_NS = 1_000_000_000
#: 2000-01-01, seconds since 1970
_EPOCH_S = 946_684_800
#: clients read fractions with at most microseconds
_DECIMALS = 3
_MOST_DECIMALS = 6
_IN_ASCII = Spelling(lead=" ", fill="NaN")
_IN_JSON = Spelling(lead=" ", nan="null", infinities=("null", "null"), fill="null")


def as_ascii(cut: SeriesCut, request: AmdaRequest, provenance: Provenance) -> Rendering:
    """White space between columns, NaN where there is no value."""
    return Rendering(_ascii(cut, request, provenance))


def as_json(cut: SeriesCut, request: AmdaRequest, provenance: Provenance) -> Rendering:
    """One object; null where there is no value."""
    return Rendering(_json(cut, request, provenance))


def _ascii(cut: SeriesCut, request: AmdaRequest, provenance: Provenance) -> Iterator[bytes]:
    yield "".join(f"# {' '.join(line.split())}\n" for line in _header(cut, request, provenance)).encode()
    axis = cut.axes[0]
    decimals = _decimals(request)
    for first, stop in axis.blocks(_BLOCK_BYTES):
        times = _times(axis.time, first, stop, decimals, is_unix=request.is_unix)
        numbers = [_numbers(column, first, stop, _IN_ASCII) for column in axis.columns]
        yield lines([times, *numbers, "\n"])


def _json(cut: SeriesCut, request: AmdaRequest, provenance: Provenance) -> Iterator[bytes]:
    axis = cut.axes[0]
    said = {
        "id": request.id,
        "dataset": request.dataset.id,
        "parameters": [
            {"id": one.id, "units": one.parameter.units, "description": one.parameter.description}
            for one in request.chosen
        ],
        "provenance": dict(statements(cut, provenance)),
        "columns": ["time", *(column.variable.name for column in axis.columns)],
    }
    yield json.dumps(said, ensure_ascii=False)[:-1].encode() + b', "data": ['
    decimals = _decimals(request)
    between: bytes = b"\n"
    for first, stop in axis.blocks(_BLOCK_BYTES):
        quote = "" if request.is_unix else '"'
        times = _times(axis.time, first, stop, decimals, is_unix=request.is_unix)
        pieces: list[pa.StringArray | str] = [f"[{quote}", times, quote]
        for column in axis.columns:
            pieces += [",", _numbers(column, first, stop, _IN_JSON)]
        yield between + lines([*pieces, "],\n"]).removesuffix(b",\n")
        between = b",\n"
    yield b"\n]}\n"


def _decimals(request: AmdaRequest) -> int:
    return min(max(request.dataset.held.series.decimals, _DECIMALS), _MOST_DECIMALS)


def _times(time: Column, first: int, stop: int, decimals: int, *, is_unix: bool) -> pa.StringArray:
    if not is_unix:
        return time_texts(time.variable, time.read(first, stop), decimals)
    instants = time.instants(first, stop)
    seconds, rest = np.divmod(labels_of(instants), _NS)
    fractions = pc.utf8_lpad(pa.array(rest // 10 ** (9 - decimals)).cast(pa.string()), decimals, "0")
    texts = pc.binary_join_element_wise(pa.array(seconds + _EPOCH_S).cast(pa.string()), fractions, ".")
    return with_text(texts, instants == FILL_TT2000, "")


def _numbers(column: Column, first: int, stop: int, spelling: Spelling) -> pa.StringArray:
    values = column.read(first, stop)
    return number_rows(values, spelling, _missing(column, values, first, stop))


def _missing(column: Column, values: npt.NDArray[Any], first: int, stop: int) -> npt.NDArray[np.bool_] | None:
    found = is_fill_value(column.variable, values)
    lacking = column.lacking(first, stop)
    if lacking is None:
        return found
    return lacking if found is None else found | lacking


def _header(cut: SeriesCut, request: AmdaRequest, provenance: Provenance) -> Iterator[str]:
    """The sections of AMDA 3.6, in its order."""
    held = request.dataset.held
    names: Sequence[str] = [column.variable.name for column in cut.axes[0].columns]
    yield "-----------"
    yield "AMDA INFO :"
    yield f"AMDA_ABOUT : Created by {provenance.service or 'this service'}, which speaks AMDA's REST interface"
    yield f"AMDA_ACKNOWLEDGEMENT : {held.acknowledgement or held.publisher or 'see the data centre'}"
    yield "-----------"
    yield "REQUEST INFO :"
    yield "REQUEST_STRUCTURE : one-file-per-parameter-per-interval"
    yield f"REQUEST_TIME_FORMAT : {'Unix time' if request.is_unix else 'ISO format'}"
    yield f"REQUEST_OUTPUT_PARAMS : {request.id}"
    yield "-----------"
    yield "BASE PARAMETERS :"
    yield f"DATASET_ID : {request.dataset.id}"
    yield f"DATASET_NAME : {held.title}"
    yield f"DATASET_DESCRIPTION : {held.description or held.title}"
    yield f"DATASET_SOURCE : {held.publisher or ''}"
    yield f"DATASET_GLOBAL_START : {format_utc(held.first_tt2000, 3)}"
    yield f"DATASET_GLOBAL_STOP : {format_utc(held.last_tt2000, 3)}"
    if held.series.cadence_ns:
        yield f"DATASET_MIN_SAMPLING : {held.series.cadence_ns / _NS:g}"
    for one in request.chosen:
        yield f"PARAMETER_ID : {one.id}"
        yield f"PARAMETER_NAME : {one.parameter.description}"
        yield f"PARAMETER_SHORT_NAME : {one.parameter.name}"
        yield f"PARAMETER_UNITS : {one.parameter.units}"
        if coordinates := one.parameter.variable.said_coordinate_system:
            yield f"PARAMETER_COORDINATE_SYSTEM : {coordinates}"
        yield "PARAMETER_FILL_VALUE : NaN"
    for name, texts in statements(cut, provenance):
        for text in texts:
            yield f"{name.upper()} : {text}"
    yield "-----------"
    yield "INTERVAL INFO :"
    yield f"INTERVAL_START : {format_utc(request.start, 3)}"
    yield f"INTERVAL_STOP : {format_utc(request.stop, 3)}"
    yield "-----------"
    yield "DATA :"
    yield f"DATA_COLUMNS : AMDA_TIME, {', '.join(names)}"
