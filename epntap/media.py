"""Media types by the end of a file name, the same on every machine. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from mimetypes import MimeTypes
from types import MappingProxyType

__all__ = ["MEDIA_TYPES", "known_media_type", "media_type", "sent_as"]

#: what EPN-TAP 2.0 §2.2 and the IANA list call the formats of planetary archives
MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "asc": "text/plain",
        "cdf": "application/x-cdf",
        "csv": "text/csv",
        "cub": "application/octet-stream",
        "dat": "application/octet-stream",
        "fit": "application/fits",
        "fits": "application/fits",
        "gif": "image/gif",
        "gz": "application/gzip",
        "h5": "application/x-hdf5",
        "html": "text/html",
        "img": "application/octet-stream",
        "jp2": "image/jp2",
        "jpeg": "image/jpeg",
        "jpg": "image/jpeg",
        "json": "application/json",
        "lbl": "text/plain",
        "nc": "application/x-netcdf",
        "obj": "model/obj",
        "parquet": "application/vnd.apache.parquet",
        "pdf": "application/pdf",
        "png": "image/png",
        "qub": "application/octet-stream",
        "tab": "text/plain",
        "tar": "application/x-tar",
        "tif": "image/tiff",
        "tiff": "image/tiff",
        "tsv": "text/tab-separated-values",
        "txt": "text/plain",
        "vot": "application/x-votable+xml",
        "votable": "application/x-votable+xml",
        "xml": "text/xml",
        "zip": "application/zip",
    }
)


#: what Python knows besides, without the lists of the machine
_OTHERS = MimeTypes()


def known_media_type(name: str) -> str | None:
    """The media type of a file of this name, or None if its suffix is not known."""
    _, dot, suffix = name.rpartition("/")[2].rpartition(".")
    if not dot:
        return None
    return MEDIA_TYPES.get(suffix.lower()) or _OTHERS.guess_type(f"any.{suffix}")[0]


def media_type(name: str) -> str:
    """The media type of a file of this name; bytes of unknown meaning if the suffix is not known."""
    return known_media_type(name) or "application/octet-stream"


def sent_as(content_type: str, dataproduct_type: str = "") -> str:
    """What pages send a document of this type as to programs on the reader's machine; empty for what none takes.

    The words are those of `data-samp` (docs/reference/pages.md). A table or FITS file that is a spectrum (`sp` in
    EPN-TAP) is sent as one.
    """
    found = _SENT.get(content_type.partition(";")[0].strip().lower(), "")
    is_spectrum = found in {"table", "fits"} and "sp" in dataproduct_type.split("#")
    return "spectrum" if is_spectrum else found


_SENT: Mapping[str, str] = MappingProxyType(
    {
        "application/fits": "fits",
        "application/x-cdf": "cdf",
        "application/x-votable+xml": "table",
        "image/fits": "fits",
    }
)
