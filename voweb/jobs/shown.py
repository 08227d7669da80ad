"""A job as pages and their JSON say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from epntap.media import sent_as
from epntap.uws.model import ACTIVE, Job, JobResult, Phase
from epntap.uws.xml import iso

__all__ = ["ShownJob"]

#: phases in words, and the kind of badge
_PHASES: Mapping[Phase, tuple[str, str]] = {
    Phase.PENDING: ("not started", ""),
    Phase.QUEUED: ("in the queue", "active"),
    Phase.EXECUTING: ("running", "active"),
    Phase.COMPLETED: ("done", "good"),
    Phase.ERROR: ("failed", "bad"),
    Phase.ABORTED: ("stopped", "warn"),
}
_KINDS = {"tap": "query", "soda": "cut-outs", "statistics": "statistics of events"}
_SHORT = 160


@dataclass(frozen=True, slots=True)
class ShownJob:
    """A job with what is made of it for a person."""

    job: Job
    #: of the job in the tree of UWS
    address: str

    @property
    def kind(self) -> str:
        """What sort of work it is."""
        return _KINDS.get(self.job.kind, self.job.kind)

    @property
    def phase(self) -> str:
        """Its phase in words."""
        return _PHASES.get(self.job.phase, (str(self.job.phase).lower(), ""))[0]

    @property
    def badge(self) -> str:
        """How its phase is shown."""
        return _PHASES.get(self.job.phase, ("", ""))[1]

    @property
    def is_active(self) -> bool:
        """Whether something may still happen by itself."""
        return self.job.phase in ACTIVE and self.job.phase is not Phase.PENDING

    @property
    def is_pending(self) -> bool:
        """Whether it waits to be started."""
        return self.job.phase is Phase.PENDING

    @property
    def query(self) -> str:
        """The ADQL of a query; empty for others."""
        return next((value for name, value in self.job.parameters if name.upper() == "QUERY"), "")

    @property
    def title(self) -> str:
        """What it asks, on one line."""
        asked = self.job.run_id or self.query or self._identifiers or self.job.job_id
        text = " ".join(asked.split())
        return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"

    @property
    def _identifiers(self) -> str:
        found = [value for name, value in self.job.parameters if name.upper() in {"ID", "DATASET"}]
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        return f"{', '.join(found[:3])}{more}"

    @property
    def rows(self) -> int | None:
        """Of the results, where they have rows."""
        known = [one.rows for one in self.job.results if one.rows is not None]
        return sum(known) if known else None

    @property
    def size_bytes(self) -> int | None:
        """Of all results together."""
        return sum(one.size_bytes for one in self.job.results) if self.job.results else None

    @property
    def is_cut(self) -> bool:
        """Whether there were more rows than were asked for."""
        return any(one.is_cut for one in self.job.results)

    @staticmethod
    def sent_as(result: JobResult) -> str:
        """As what other programs take a result (see islands/src/samp.ts); empty for what they do not."""
        return sent_as(result.media_type)

    @property
    def seconds(self) -> float | None:
        """For which it has run, so far."""
        if self.job.started is None:
            return None
        return ((self.job.ended or datetime.now(UTC)) - self.job.started).total_seconds()

    @property
    def left_s(self) -> float:
        """Until it is removed."""
        return max(0.0, (self.job.destruction - datetime.now(UTC)).total_seconds())

    def to_json(self) -> dict[str, Any]:  # ready for json.dumps
        """Everything, for scripts."""
        job = self.job
        moments = {
            name: None if moment is None else iso(moment)
            for name, moment in (
                ("created", job.created),
                ("started", job.started),
                ("ended", job.ended),
                ("destruction", job.destruction),
            )
        }
        progress = job.progress
        return {
            "id": job.job_id,
            "kind": job.kind,
            "phase": job.phase.value,
            "run_id": job.run_id,
            **moments,
            "rows": self.rows,
            "size_bytes": self.size_bytes,
            "is_cut": self.is_cut,
            "progress": progress and {"done": progress.done, "total": progress.total, "doing": progress.doing},
            "error": job.error and {"message": job.error.message, "is_transient": job.error.is_transient},
            "uws": self.address,
            "parameters": [list(pair) for pair in job.parameters],
            "results": [
                {
                    "name": one.name,
                    "address": f"{self.address}/results/{one.name}",
                    "media_type": one.media_type,
                    "size_bytes": one.size_bytes,
                    "rows": one.rows,
                    "is_cut": one.is_cut,
                }
                for one in job.results
            ],
        }
