"""TOPCAT itself, on a screen that nobody sees: its TAP window on the service, and a query from there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.server import Server
from tests.support.topcat import MISSING, topcat

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

QUERY = "SELECT granule_uid, target_name, time_min, access_url FROM amdadb.epn_core"


def requests_of_topcat(served: Server) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in served.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in lines if str(line.get("agent", "")).startswith("TOPCAT/")]


def test_the_tap_window_opens_on_the_service_and_a_query_runs(served: Server) -> None:
    def asked(path: str) -> list[dict[str, Any]]:
        return [entry for entry in requests_of_topcat(served) if entry["path"] == path]

    def with_rows(rows: int) -> str:
        return str([entry for entry in asked("/tap/sync") if entry.get("rows") == rows] or "")

    with topcat() as client:
        client.use_service(served.tap, lambda: str(asked("/tap/capabilities") or ""))
        for path in ("/tap/capabilities", "/tap/tables", "/tap/examples"):
            client.until(lambda path=path: str(asked(path) or ""), f"an answer of {path}")  # type: ignore[misc]  # a loop's lambda
            assert {entry["status"] for entry in asked(path)} == {200}
        assert not with_rows(63)
        client.show_columns()
        client.run(QUERY, lambda: with_rows(63))
    # first the number of columns, which tells it that the tables can be read as one document; then the query
    counted, *_, answered = asked("/tap/sync")
    assert (counted["method"], counted["status"], counted["rows"]) == ("POST", 200, 1)
    assert (answered["method"], answered["status"], answered["ending"]) == ("POST", 200, "OK")
