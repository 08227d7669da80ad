"""Files that pages load, as documents."""

from __future__ import annotations

import gzip
import hashlib
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from epntap.http.documents import Document
from epntap.media import media_type

__all__ = ["content_type", "document_of", "file_document"]


def file_document(path: str, started: datetime) -> Document | None:
    """A file, as it was when it was first asked for; None when there is none."""
    try:
        return _kept(path, started)
    except (OSError, ValueError):  # ValueError: no name that a file can have
        return None


@lru_cache(maxsize=500)
def _kept(path: str, started: datetime) -> Document:
    """Only files are kept: names that somebody makes up are many, and may be long."""
    return document_of(Path(path).read_bytes(), started)


def document_of(body: bytes, started: datetime) -> Document:
    """Bytes, packed too, with what names this version of them."""
    return Document(body, gzip.compress(body, mtime=0), hashlib.sha256(body).hexdigest()[:32], started)


def content_type(name: str) -> str:
    """Of a file of this name."""
    kind = media_type(name)
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
