"""How much somebody may have in a day, how many jobs at once, and what is known afterwards of what was had."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import requests

from epntap.db.pool import Database, Role, connect
from tests.support.command import run
from tests.support.databases import clone_database, drop_database
from tests.support.people import add, basic
from tests.support.server import serve

ROWS = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": "SELECT TOP 40 granule_uid FROM amdadb.epn_core"}
JOB = {"LANG": "ADQL", "QUERY": "SELECT TOP 1 granule_uid FROM amdadb.epn_core"}
LIMITS = {
    "anonymous_rows_a_day": "100", "rows_a_day": "60", "bytes_a_day": "400000", "anonymous_jobs_at_once": "2",
    "jobs_at_once": "1", "stored_bytes": "2000", "trusted_proxies": "127.0.0.1",
}  # fmt: skip


@pytest.fixture(scope="module")
def server(
    postgres_server: Database, demo_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    database = clone_database(postgres_server, "allowed", demo_template)
    for name in ("ann", "bob", "carl", "dora"):
        add(database, name, "rpc", "jade")
    with serve(database, tmp_path_factory.mktemp("allowed"), workers="1", **LIMITS) as running:
        yield SimpleNamespace(base=running.base, tap=running.tap, database=database)
    drop_database(postgres_server, database)


def rows(server: SimpleNamespace, headers: dict[str, str]) -> requests.Response:
    return requests.get(f"{server.tap}/sync", ROWS, headers=headers, timeout=30)


def is_said(answer: requests.Response, *words: str) -> bool:
    assert answer.status_code == 429, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    return all(word in answer.text for word in words)


def test_rows_of_a_day_are_counted_for_somebody_wherever_they_ask(server: SimpleNamespace) -> None:
    statuses = []
    for number in range(3):
        answer = rows(server, {**basic("ann"), "X-Forwarded-For": f"192.0.2.{number}"})
        statuses.append(answer.status_code)
        time.sleep(0.2)  # it is counted when it has been sent
    assert statuses == [200, 200, 429], "what is begun is given as a whole"
    assert is_said(answer, "60 rows of queries a day for you", "80 were had today")
    assert 0 < int(answer.headers["Retry-After"]) <= 86_400
    assert rows(server, basic("bob")).status_code == 200, "for nobody else"


def test_and_for_an_address_otherwise(server: SimpleNamespace) -> None:
    mine, other = {"X-Forwarded-For": "2001:db8:1:2::1"}, {"X-Forwarded-For": "2001:db8:1:3::1"}
    for _ in range(3):
        assert rows(server, mine).status_code == 200
        time.sleep(0.2)
    assert is_said(
        rows(server, {"X-Forwarded-For": "2001:db8:1:2:ffff::2"}), "100 rows of queries a day from your address"
    )
    assert rows(server, other).status_code == 200
    assert requests.get(f"{server.tap}/capabilities", headers=mine, timeout=30).status_code == 200, (
        "what is short goes on"
    )


def test_bytes_are_counted_of_all_that_hands_out_data(server: SimpleNamespace) -> None:
    who = basic("carl")
    datasets = [one["id"] for one in requests.get(f"{server.base}/hapi/catalog", timeout=30).json()["catalog"]]
    about = requests.get(f"{server.base}/hapi/info", {"dataset": datasets[0]}, timeout=30).json()
    asked = {"dataset": datasets[0], "start": about["startDate"], "stop": about["stopDate"]}
    for _ in range(30):
        answer = requests.get(f"{server.base}/hapi/data", asked, headers=who, timeout=60)
        if answer.status_code != 200:
            break
        assert answer.content
        time.sleep(0.1)
    assert is_said(answer, "400,000 bytes a day for you")
    assert is_said(rows(server, who), "400,000 bytes a day")


def test_jobs_at_once(server: SimpleNamespace) -> None:
    # no worker runs, so that they stay in the queue
    def begin(headers: dict[str, str], **more: str) -> requests.Response:
        return requests.post(f"{server.tap}/async", {**JOB, **more}, headers=headers, timeout=30, allow_redirects=False)

    first = begin(basic("bob"), PHASE="RUN")
    assert first.status_code == 303
    assert is_said(begin(basic("bob"), PHASE="RUN"), "You have 1 jobs that wait or run, and may have 1")
    assert requests.delete(first.headers["Location"], headers=basic("bob"), timeout=30).status_code in {200, 303}
    assert begin(basic("bob"), PHASE="RUN").status_code == 303
    mine, other = {"X-Forwarded-For": "192.0.2.77"}, {"X-Forwarded-For": "192.0.2.78"}
    waiting = [begin(mine).headers["Location"] for _ in range(3)]
    started = [
        requests.post(f"{one}/phase", {"PHASE": "RUN"}, headers=mine, timeout=30, allow_redirects=False)
        for one in waiting
    ]
    assert [one.status_code for one in started] == [303, 303, 429]
    assert is_said(started[-1], "Your address has 2 jobs")
    assert begin(other, PHASE="RUN").status_code == 303


def test_as_many_jobs_begin_at_the_same_moment_as_one_after_the_other(server: SimpleNamespace) -> None:
    headers = {"X-Forwarded-For": "192.0.2.79"}

    def begin(_number: int) -> int:
        asked = {**JOB, "PHASE": "RUN"}
        return requests.post(
            f"{server.tap}/async", asked, headers=headers, timeout=30, allow_redirects=False
        ).status_code

    with ThreadPoolExecutor(12) as pool:
        found = sorted(pool.map(begin, range(12)))
    assert found == [303, 303, *[429] * 10]


def test_what_is_stored(server: SimpleNamespace) -> None:
    def post(size: int) -> requests.Response:
        table = ("t.csv", b"a\n" + b"1\n" * (size // 2), "text/csv")
        return requests.post(
            f"{server.tap}/async",
            {**JOB, "UPLOAD": "t,param:t"},
            files={"t": table},
            headers=basic("dora"),
            timeout=30,
            allow_redirects=False,
        )

    jobs = [post(1500), post(1500)]
    assert [one.status_code for one in jobs] == [303, 303]
    assert is_said(post(10), "bytes of results and uploads here, and may have 2,000")
    requests.delete(jobs[0].headers["Location"], headers=basic("dora"), timeout=30)
    assert post(10).status_code == 303


def test_what_was_had_of_datasets_is_known_without_names(server: SimpleNamespace) -> None:
    datasets = [one["id"] for one in requests.get(f"{server.base}/hapi/catalog", timeout=30).json()["catalog"]]
    about = requests.get(f"{server.base}/hapi/info", {"dataset": datasets[-1]}, timeout=30).json()
    asked = {"dataset": datasets[-1], "start": about["startDate"], "stop": about["stopDate"]}
    sizes = [
        len(
            requests.get(
                f"{server.base}/hapi/data", asked, headers={"Accept-Encoding": "identity", **who}, timeout=60
            ).content
        )
        for who in ({}, basic("dora"))
    ]

    def told() -> dict[str, tuple[int, int]]:
        done = run("usage", "--json", EPNTAP_DATABASE_URL=server.database.url)
        found = [one for one in json.loads(done.stdout) if datasets[-1].startswith(one["dataset"])]
        return {one["group"]: (one["answers"], one["bytes"]) for one in found}

    deadline = time.monotonic() + 15
    while set(told()) != {"", "rpc", "jade"}:
        assert time.monotonic() < deadline, told()
        time.sleep(0.5)
    assert told() == {"": (1, sizes[0]), "rpc": (1, sizes[1]), "jade": (1, sizes[1])}
    with connect(server.database, Role.SERVICE, autocommit=True) as connection:
        kept = str(connection.execute("SELECT usage::text FROM account.usage").fetchall())
        kept += str(connection.execute("SELECT spent::text FROM account.spent").fetchall())
    assert not [word for word in ("ann", "dora", "192.0.2", "127.0.0.1", "2001:db8") if word in kept]


def test_without_limits_nothing_is_looked_up(served: SimpleNamespace, demo_database: Database) -> None:
    assert requests.get(f"{served.base}/tap/sync", ROWS, timeout=30).status_code == 200
    with connect(demo_database, Role.SERVICE, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM account.spent").fetchone() == (0,)
