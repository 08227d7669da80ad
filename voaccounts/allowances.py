"""What people have had today, and how much there may be of it; what was had of each dataset, without saying by whom."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import psycopg

from epntap.answer.allowance import Asker, Had
from epntap.connection import Connection
from epntap.errors import EpnTapError, TooOftenError
from epntap.settings import Settings
from voaccounts.store.attempts import network_of
from voaccounts.store.usage import add_usage, spend, spent

__all__ = ["Allowances"]

log = logging.getLogger(__name__)

#: seconds for which what was had of datasets is collected before it is written down
_COLLECTED_S = 5.0
_UNITS = {"bytes": "bytes", "rows": "rows of queries"}

_Use = tuple[str, str, str]


class Allowances:
    """Counts for one process, in the database for all; one a process."""

    def __init__(
        self,
        connect: Callable[[], AbstractContextManager[Connection]],
        key_for: Callable[[str], bytes],
        settings: Settings,
    ) -> None:
        self._connect = connect
        self._key_for = key_for
        self._most = {
            False: {"bytes": settings.bytes_a_day, "rows": settings.rows_a_day},
            True: {"bytes": settings.anonymous_bytes_a_day, "rows": settings.anonymous_rows_a_day},
        }
        self._lock = threading.Lock()
        self._answers: Counter[_Use] = Counter()
        self._bytes: Counter[_Use] = Counter()
        self._writer: threading.Thread | None = None

    def check(self, asker: Asker) -> None:
        """Raises TooOftenError for somebody who has had as much as a day has; without a limit nothing is asked."""
        most = self._most[asker.caller.is_anonymous]
        if not any(most.values()):
            return
        with self._connect() as connection:
            had = spent(connection, self._key(asker))
        for what, limit in most.items():
            if limit and had[what] >= limit:
                seconds = _until_tomorrow()
                who = "from your address" if asker.caller.is_anonymous else "for you"
                raise TooOftenError(
                    f"There are {limit:,} {_UNITS[what]} a day {who}, and {had[what]:,} were had today; "
                    f"please come back in {seconds} seconds, when the next day of UTC begins.",
                    seconds,
                )

    def spend(self, asker: Asker, had: Had) -> None:
        """Count it. What the database does not take now is not counted."""
        if had.datasets and had.size_bytes:
            self._collect(asker, had)
        if not any(self._most[asker.caller.is_anonymous].values()):
            return
        try:
            with self._connect() as connection:
                spend(connection, self._key(asker), had.size_bytes, had.rows)
        except (EpnTapError, psycopg.Error):
            log.warning("what an answer has used of an allowance could not be written down")

    def _key(self, asker: Asker) -> str:
        """Tells one from another for a day; who it is cannot be read from it."""
        said = f"person\0{asker.caller.name}" if asker.caller.name else f"client\0{network_of(asker.client)}"
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        text = f"{day}\0{said}".encode("utf-8", "replace")
        return hmac.new(self._key_for("allowances"), text, hashlib.sha256).hexdigest()

    # -- what is had of datasets

    def _collect(self, asker: Asker, had: Had) -> None:
        uses = [(*dataset, team) for dataset in had.datasets for team in asker.caller.groups or {""}]
        with self._lock:
            for use in uses:
                self._answers[use] += 1
                self._bytes[use] += had.size_bytes // len(had.datasets)
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_later, name="usage", daemon=True)
                self._writer.start()

    def _write_later(self) -> None:
        time.sleep(_COLLECTED_S)
        with self._lock:
            answers, sizes, self._writer = self._answers, self._bytes, None
            self._answers, self._bytes = Counter(), Counter()
        try:
            with self._connect() as connection:
                add_usage(connection, [(*use, count, sizes[use]) for use, count in sorted(answers.items())])
        except (EpnTapError, psycopg.Error):
            log.warning("what was had of %d datasets could not be written down", len(answers))


def _until_tomorrow() -> int:
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((midnight - now).total_seconds()) + 1
