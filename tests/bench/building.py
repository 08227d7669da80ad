"""Services of millions of granules, and what each phase of building them took."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from epntap.db.pool import Database
from ingest.definition.storage import Storage
from tests.bench.granules import publish_rows
from tests.bench.processor import Spent, Whole

__all__ = ["DAYS", "Build", "build"]

#: days of each dataset, 2000 to 2021: an archive grows by datasets, not by the length of time
DAYS = 8_000
#: of every ingestion, so that rows which are built at other times are the same
NOW = datetime(2026, 1, 1)  # noqa: DTZ001  # UTC, as everywhere


@dataclass(frozen=True, slots=True)
class Build:
    """A service that was built, and what each phase took, by its title."""

    schema: str
    rows: int
    phases: dict[str, Spent]


@dataclass(slots=True)
class _Phases:
    """Takes the time of what an ingestion says that it does."""

    whole: Whole
    say: Callable[[str], None]
    took: dict[str, Spent] = field(default_factory=dict)
    _title: str = ""
    _began: Spent = field(default_factory=lambda: Spent(0.0, 0.0, 0.0))
    _steps: tuple[int, int] = (0, 0)

    def stage(self, title: str, total: int | None = None) -> None:
        """The piece before is done."""
        self.end()
        self._title, self._steps, self._began = title, (0, total or 0), self.whole.now()
        self.say(title)

    def advance(self, steps: int = 1) -> None:
        """Say each tenth."""
        before, total = self._steps
        self._steps = before + steps, total
        if total and 10 * (before + steps) // total > 10 * before // total:
            self.say(f"{self._title}: {before + steps:,} of {total:,}")

    def end(self) -> None:
        """Nothing follows."""
        if self._title:
            self.took[self._title] = self.whole.now() - self._began
        self._title = ""


def build(database: Database, rows: int, storage: Storage, schema: str, say: Callable[[str], None]) -> Build:
    """Ingest about `rows` granules; `say` is told how far that is."""
    phases = _Phases(Whole(database), say)
    phases.stage("writing records")
    datasets = max(1, round(rows / DAYS))
    report = publish_rows(database, rows, storage, schema=schema, datasets=datasets, now=NOW, progress=phases)
    phases.end()
    return Build(schema, report.total_rows, phases.took)
