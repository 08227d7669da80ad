"""The cut-outs of a bulk request as addresses, for tools that fetch several at once, resume and try again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cutouts.interval import Interval
from cutouts.plan import check_format
from cutouts.request import CutRequest, labelled_name
from datalink.bulk.params import BulkRequest, Packing
from datalink.soda.events import EVENTS, JOINED
from epntap.addresses import Addresses
from epntap.cdf import MAX_TT2000, MIN_TT2000, format_utc

__all__ = ["manifest"]


def manifest(request: BulkRequest, addresses: Addresses, owners: Mapping[str, str]) -> Iterator[bytes]:
    """Yield one address a line: bare (wget -i), with `out=` (aria2c -i), or as url and output (curl -K).

    `owners` are the services of identifiers whose service the request does not name.
    """
    extension = check_format(request.cuts[0]).extension
    for cut in request.cuts:
        address = _address(cut, request.joined, addresses, extension, cut.schema or owners.get(cut.identifier))
        name = f"{cut.identifier}.{extension}".replace("/", "_")
        if request.has_several_intervals:
            name = labelled_name(name, cut.interval)
        match request.packing:
            case Packing.ARIA2:
                line = f"{address}\n  out={name}\n"
            case Packing.CURL:
                line = f'url = "{address}"\noutput = "{_quoted(name)}"\n'
            case _:
                line = f"{address}\n"
        yield line.encode()


def _address(cut: CutRequest, joined: str, addresses: Addresses, extension: str, schema: str | None) -> str:
    whole = cut.interval == Interval(MIN_TT2000, MAX_TT2000) and not cut.parameters and not cut.compress
    if whole and cut.format_name is None:
        return addresses.data(cut.identifier, extension, schema)
    asked = [
        ("ID", cut.identifier),
        *(
            [(EVENTS, joined), (JOINED, "1")]
            if joined
            else [
                ("START", _bound(cut.interval.start_tt2000, MIN_TT2000)),
                ("STOP", _bound(cut.interval.stop_tt2000, MAX_TT2000)),
            ]
        ),
        ("PARAMETERS", ",".join(cut.parameters)),
        ("FORMAT", cut.format_name or ""),
        ("COMPRESS", "1" if cut.compress else ""),
    ]
    return addresses.cutout([(name, value) for name, value in asked if value], schema)


def _bound(tt2000: int, far: int) -> str:
    return "" if tt2000 == far else f"{format_utc(tt2000)}Z"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
