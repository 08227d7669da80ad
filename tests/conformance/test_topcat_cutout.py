"""TOPCAT cuts a granule with the service descriptor of an answer: it finds it, shows its form, and loads the result."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.pictures.topcat_cutout import cut_out
from tests.support.server import Server
from tests.support.topcat import MISSING

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


def test_the_descriptor_of_an_answer_is_invoked(served: Server) -> None:
    def asked() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in served.log.read_text().splitlines() if line.startswith("{")]
        mine = [line for line in lines if str(line.get("agent", "")).startswith("TOPCAT/")]
        return [line for line in mine if line["path"] == "/datalink/soda/sync"]

    cut_out(served.tap, lambda: str(asked() or ""))
    assert {entry["status"] for entry in asked()} == {200}
