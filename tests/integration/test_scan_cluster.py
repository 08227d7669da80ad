"""Files read on a Dask cluster: found like everywhere, and a file that ends its worker is refused once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from epntap.errors import SetupError
from epntap.spread.cluster import Cluster
from ingest.files.scan import Scanner
from tests.support.archives import Remembered
from tests.support.odd_worker import SlowLook

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """A scheduler with one worker, that gives a file which ended its worker to so many others."""
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": request.param}),
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
    ):
        yield cluster.scheduler_address


@pytest.mark.parametrize("address", [0], indirect=True)
def test_a_cluster_reads_files_and_one_that_kills_is_refused_once(address: str, tmp_path: Path) -> None:
    paths = [*(f"{n:02}.cdf" for n in range(20)), "deadly.cdf", *(f"{n:02}.cdf" for n in range(20, 40))]
    for path in paths:
        (tmp_path / path).write_bytes(b"")
    with Cluster(address) as cluster:
        assert cluster.hands == 1
        found = Scanner(Remembered(), executor=cluster).scan(
            tmp_path, paths, look=SlowLook(), advance=lambda _steps: None
        )
        assert sorted(found) == sorted(paths)
        assert [path for path, one in found.items() if one.refusal] == ["deadly.cdf"]


@pytest.mark.parametrize("address", [3], indirect=True)
def test_a_scheduler_that_would_end_more_workers_is_refused(address: str) -> None:
    with pytest.raises(SetupError, match="gives a file that ends its worker to 3 others"), Cluster(address):
        pass
