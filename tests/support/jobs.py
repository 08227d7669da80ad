"""Jobs for tests that need one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from epntap.uws.model import Job, Phase

JOB = Job(
    job_id="0123456789abcdef" * 2,
    kind="tap",
    phase=Phase.PENDING,
    created=datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC),
    destruction=datetime(2026, 3, 3, 12, tzinfo=UTC),
    execution_duration_s=600,
    parameters=(("LANG", "ADQL"), ("query", "SELECT 1 AS a")),
)


def job(**changes: Any) -> Job:
    """A PENDING job with some things changed."""
    return replace(JOB, **changes)
