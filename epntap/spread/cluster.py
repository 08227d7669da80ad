"""A Dask cluster, for centres that have one: the extra `dask` of this package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Self, TypeVar

from epntap.errors import SetupError
from epntap.spread.executor import Done, Lost

__all__ = ["Cluster"]

W = TypeVar("W")
R = TypeVar("R")

#: batches that are with the scheduler for each thread of its workers
_AHEAD = 3
_CONNECT_S = 20


class Cluster:
    """Has work done by the workers of a scheduler; all need this program, and the archive under the same path."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._client: Any = None  # distributed may not be installed

    def __enter__(self) -> Self:
        """Raises SetupError when the scheduler is not there, has no workers, or tries again what ends a worker."""
        try:
            from distributed import Client  # noqa: PLC0415  # an extra
        except ImportError as exc:
            raise SetupError("--scheduler needs Dask, which is not installed: pip install 'epntap[dask]'.") from exc
        try:
            self._client = Client(  # type: ignore[no-untyped-call]  # Dask's
                self._address, timeout=_CONNECT_S, set_as_default=False
            )
        except (OSError, ValueError) as exc:
            raise SetupError(f"The scheduler {self._address} cannot be reached: {exc}.") from exc
        problem = self._problem()
        if problem:
            self.__exit__()
            raise SetupError(f"The scheduler {self._address} {problem}")
        return self

    def __exit__(self, *_exc: object) -> None:
        self._client.close()

    def _problem(self) -> str:
        allowed = self._client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.allowed_failures)
        if allowed:
            return (
                f"gives a file that ends its worker to {allowed} others, which it would end too; start the scheduler "
                "with DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES=0."
            )
        return "" if self._client.ncores() else "has no workers; start some with 'dask worker'."

    @property
    def hands(self) -> int:
        """Threads of the workers that are there."""
        threads: dict[str, int] = self._client.ncores()
        return max(1, sum(threads.values()))

    def run(
        self, call: Callable[[W], R], batches: Iterable[Sequence[W]], *, alone: bool = False
    ) -> Iterator[Done[W, R] | Lost[W]]:
        """Each batch once, done or lost, as they come."""
        from distributed import wait  # noqa: PLC0415  # an extra

        waiting = iter(batches)
        running: dict[Any, Sequence[W]] = {}  # by future
        while True:
            room = 1 if alone else self.hands * _AHEAD
            for batch in islice(waiting, max(0, room - len(running))):
                running[self._client.submit(_call_all, call, tuple(batch), pure=False)] = batch
            if not running:
                return
            with self._client.as_current():
                done = wait(list(running), return_when="FIRST_COMPLETED").done  # type: ignore[no-untyped-call]
            for future in done:
                yield _outcome(future, running.pop(future))


def _outcome(future: Any, batch: Sequence[W]) -> Done[W, Any] | Lost[W]:  # of distributed
    from distributed import KilledWorker  # noqa: PLC0415  # an extra

    try:
        return Done(batch, future.result())
    except KilledWorker:
        return Lost(batch)


def _call_all(call: Callable[[W], R], batch: Sequence[W]) -> list[R]:
    return [call(one) for one in batch]
