"""A multipart body, and a client that sends one and follows nothing."""

from __future__ import annotations

import csv
import http.client
import io
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lxml import etree

from tests.support.server import Server

__all__ = ["Reply", "multipart", "post", "query", "rows"]


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The sentence of a DALI error document."""
        root = etree.fromstring(self.body)
        (info,) = [i for i in root.iter("{*}INFO") if i.get("name") == "QUERY_STATUS"]
        assert info.get("value") == "ERROR"
        return info.text or ""


def multipart(params: Sequence[tuple[str, str]], files: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Body and content type."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in params
    ]
    for name, content in files.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.xml"\r\n'
        parts += [head.encode(), b"Content-Type: application/octet-stream\r\n\r\n", content, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


def post(server: Server, path: str, params: Sequence[tuple[str, str]], files: Mapping[str, bytes]) -> Reply:
    body, content_type = multipart(params, files)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("POST", path, body, {"Content-Type": content_type})
        answer = connection.getresponse()
        return Reply(answer.status, dict(answer.headers.items()), answer.read())
    finally:
        connection.close()


def query(server: Server, text: str, *, response_format: str = "csv", **files: bytes) -> Reply:
    """A synchronous query with tables of these names."""
    params = [("LANG", "ADQL"), ("QUERY", text), ("RESPONSEFORMAT", response_format)]
    params += [("UPLOAD", f"{name},param:{name}") for name in files]
    return post(server, "/tap/sync", params, files)


def rows(body: bytes) -> list[list[str]]:
    """The cells of a CSV answer."""
    return list(csv.reader(io.StringIO(body.decode())))
