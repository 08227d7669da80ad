"""What a web process imports while it answers for the first time: `python -m tests.support.first_answers`.

Prints JSON: after preloading, how many threads there were and how many objects a collection looks at; and for each
request its status and what it imported.
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cutouts.processes.one_thread import ONE_THREAD

_ALL = quote("SELECT * FROM amdadb.epn_core")
_QUERY = "/tap/sync?LANG=ADQL&QUERY="
_UNITS = quote("SELECT TOP 1 in_unit(time_exp_min, 'min') FROM amdadb.epn_core")
_PAGES = ("/", "/health", "/metrics", "/tap/capabilities", "/tap/tables", "/tap/examples", "/tap/async", "/nothing")


def main() -> None:
    os.environ.update(ONE_THREAD)
    from voserver.process.preload import preload  # noqa: PLC0415  # as the server does

    preload()
    threads = len(list(Path("/proc/self/task").iterdir()))
    collected = len(gc.get_objects())
    known = set(sys.modules)
    found: dict[str, tuple[int, list[str]]] = {}
    for name, ask in _requests():
        answer = ask()
        assert answer.data is not None
        found[name] = (answer.status_code, sorted(set(sys.modules) - known))
        answer.close()
        known |= set(sys.modules)
    print(json.dumps({"threads": threads, "collected": collected, "found": found}))


def _requests() -> Iterator[tuple[str, Callable[[], TestResponse]]]:
    from cutouts.formats import FORMATS as CUTS  # noqa: PLC0415
    from epntap.db.pool import Database  # noqa: PLC0415
    from epntap.formats.negotiate import FORMATS as ROWS  # noqa: PLC0415
    from epntap.settings import load_settings  # noqa: PLC0415
    from voserver.wsgi import build_app  # noqa: PLC0415

    settings = load_settings()
    client = build_app(settings, Database(settings.database_url)).test_client()
    paths = [f"{_QUERY}{_ALL}&FORMAT={quote(form.media_type)}" for form in ROWS]
    paths += [f"/datalink/links?ID=syna-mag_20161231&RESPONSEFORMAT={name}" for name in ("votable", "html", "json")]
    paths += [f"/data/syna-mag_20161231.{form.extension}" for form in CUTS]
    paths += [f"{_QUERY}{_UNITS}", *_PAGES]
    for path in paths:
        yield path, lambda path=path: client.get(path)  # type: ignore[misc]
    for name, media_type in (("t.csv", "csv"), ("t.parquet", "parquet"), ("t.vot", "votable"), ("b.vot", "votable/b2")):
        three = quote("SELECT TOP 3 granule_uid, time_min FROM amdadb.epn_core")
        table = client.get(f"{_QUERY}{three}&FORMAT={quote(media_type)}").data
        yield f"upload {name}", lambda name=name, table=table: _upload(client, name, table)  # type: ignore[misc]


def _upload(client: FlaskClient, name: str, table: bytes) -> TestResponse:
    form = {
        "LANG": "ADQL",
        "QUERY": "SELECT * FROM TAP_UPLOAD.t",
        "UPLOAD": "t,param:t",
        "t": (io.BytesIO(table), name),
    }
    return client.post("/tap/sync", data=form)


if __name__ == "__main__":
    main()
