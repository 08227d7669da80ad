"""Jobs of somebody in particular are theirs alone; those of nobody are for whoever knows their names, as before."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import requests
from lxml import etree

from epntap.access import Scope
from epntap.db.pool import Database, Role, connect
from tests.support.command import run
from tests.support.databases import clone_database, drop_database
from tests.support.people import PASSWORD, add, basic, bearer, token_for
from tests.support.server import serve
from voaccounts.store.teams import end_membership

QUERY = {"LANG": "ADQL", "FORMAT": "csv", "QUERY": "SELECT TOP 3 granule_uid FROM amdadb.epn_core"}
UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
#: everything that one may do with a job
ASKED = [
    ("GET", ""), ("GET", "/phase"), ("GET", "/results"), ("GET", "/results/result"), ("GET", "/parameters"),
    ("GET", "/parameters/QUERY"), ("GET", "/error"), ("GET", "/owner"), ("GET", "/quote"), ("GET", "/destruction"),
    ("GET", "/executionduration"), ("POST", "/phase"), ("POST", "/parameters"), ("POST", "/destruction"),
    ("POST", "/executionduration"), ("POST", ""), ("DELETE", ""),
]  # fmt: skip
#: what AMDA's lists of nothing are made of
EMPTY = {"ws", "timetabList", "catalogList", "paramList", "dataRoot", "dataCenter"}
FORM = {"PHASE": "ABORT", "ACTION": "DELETE", "DESTRUCTION": "2030-01-01T00:00:00Z", "EXECUTIONDURATION": "10"}


@pytest.fixture(scope="module")
def server(
    postgres_server: Database, demo_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    database = clone_database(postgres_server, "owned", demo_template)
    add(database, "ann", "rpc")
    add(database, "bob", "rpc")
    with serve(database, tmp_path_factory.mktemp("owned"), workers="1", job_workers="1") as running:
        yield SimpleNamespace(base=running.base, tap=running.tap, database=database)
    drop_database(postgres_server, database)


def ask(address: str, method: str = "GET", who: dict[str, str] | None = None, **form: str) -> requests.Response:
    return requests.request(method, address, data=form, headers=who or {}, timeout=60, allow_redirects=False)


def job_of(server: SimpleNamespace, who: dict[str, str] | None = None, **more: str) -> str:
    answer = ask(f"{server.tap}/async", "POST", who, **QUERY, **more)
    assert answer.status_code == 303, answer.text
    assert ("Set-Cookie" in answer.headers) == (who is None), "a list of one's own needs no cookie"
    return answer.headers["Location"]


def done(server: SimpleNamespace, who: dict[str, str] | None) -> str:
    job = job_of(server, who, PHASE="RUN")
    for _ in range(20):
        if ask(f"{job}/phase?WAIT=5", who=who).text == "COMPLETED":
            return job
    raise AssertionError(ask(job, who=who).text)


def test_a_job_of_somebody_is_there_for_nobody_else(server: SimpleNamespace) -> None:
    job, unknown = done(server, basic("ann")), f"{server.tap}/async/{'0' * 32}"
    for who in (None, basic("bob")):
        for method, path in ASKED:
            form = FORM if method == "POST" else {}
            theirs, nothing = ask(f"{job}{path}", method, who, **form), ask(f"{unknown}{path}", method, who, **form)
            assert theirs.status_code == nothing.status_code == 404, (method, path)
            name = job.rsplit("/", 1)[1]
            assert theirs.text.replace(name, "") == nothing.text.replace("0" * 32, ""), (
                "exactly as one that is not there"
            )
        page = requests.get(f"{server.base}/jobs/{name}.json", headers=who or {}, timeout=30)
        assert page.status_code == 404
        for action in ("abort", "delete", "repeat", "run"):
            assert ask(f"{server.base}/jobs/{name}/{action}", "POST", who).status_code == 404
    assert ask(f"{job}/results/result", who=basic("ann")).text.count("\n") == 4
    assert ask(f"{job}/owner", who=basic("ann")).text == "ann"
    assert etree.fromstring(ask(job, who=basic("ann")).content).findtext(f"{UWS}ownerId") == "ann"
    answer = ask(f"{job}/results/result", who=bearer(token_for(server.database, "ann")))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store")


def test_lists_are_of_their_owners(server: SimpleNamespace) -> None:
    add(server.database, "carl")
    browser = requests.Session()
    browser.post(f"{server.tap}/async", QUERY, timeout=30, allow_redirects=False)
    mine, nobodys = job_of(server, basic("carl")), job_of(server)

    def listed(who: dict[str, str] | None, cookies: requests.cookies.RequestsCookieJar | None = None) -> set[str]:
        answer = requests.get(f"{server.tap}/async", headers=who or {}, cookies=cookies, timeout=30)
        return {str(one.get("id")) for one in etree.fromstring(answer.content)}

    assert listed(basic("carl")) == {mine.rsplit("/", 1)[1]}
    assert listed(None) == set()
    assert mine.rsplit("/", 1)[1] not in listed(basic("bob"))
    assert len(listed(None, browser.cookies)) == 1
    assert listed(basic("carl"), browser.cookies) == listed(basic("carl"))
    found = requests.get(f"{server.base}/jobs.json", headers=basic("carl"), timeout=30).json()["jobs"]
    assert [one["id"] for one in found] == [mine.rsplit("/", 1)[1]]
    assert ask(nobodys).status_code == 200
    assert ask(nobodys, who=basic("carl")).status_code == 200, "who knows its name may have it"


def test_a_result_is_for_who_has_the_rights_of_the_run(server: SimpleNamespace) -> None:
    add(server.database, "dora", "rpc", "jade")
    job = done(server, basic("dora"))
    assert ask(f"{job}/results/result", who=basic("dora")).status_code == 200
    with connect(server.database, Role.SERVICE, autocommit=True) as connection:
        end_membership(connection, "dora", "jade")
    answer = ask(f"{job}/results/result", who=basic("dora"))
    assert answer.status_code == 403
    assert "group 'jade'" in answer.text
    assert ask(job, who=basic("dora")).status_code == 200, "that there is one is no secret to its owner"


def test_scopes_of_tokens_hold_for_jobs(server: SimpleNamespace) -> None:
    reads = bearer(token_for(server.database, "ann", scopes={Scope.READ}))
    runs = bearer(token_for(server.database, "ann", scopes={Scope.READ, Scope.RUN}))
    answer = ask(f"{server.tap}/async", "POST", reads, **QUERY)
    assert answer.status_code == 403
    assert "lacks the scope 'run'" in answer.text
    job = job_of(server, runs)
    assert ask(f"{job}/phase", "POST", reads, PHASE="RUN").status_code == 403
    assert ask(job, "DELETE", reads).status_code == 403
    upload = requests.post(
        f"{server.tap}/async",
        {**QUERY, "UPLOAD": "t,param:t"},
        files={"t": ("t.csv", b"a\n1\n", "text/csv")},
        headers=runs,
        timeout=30,
        allow_redirects=False,
    )
    assert upload.status_code == 403
    assert "lacks the scope 'upload'" in upload.text


def test_jobs_end_with_the_account(server: SimpleNamespace) -> None:
    add(server.database, "gone")
    waiting, job = job_of(server, basic("gone")), done(server, basic("gone"))
    assert run("user", "remove", "gone", EPNTAP_DATABASE_URL=server.database.url).returncode == 0
    add(server.database, "gone")
    for one in (waiting, job):
        assert ask(one, who=basic("gone")).status_code == 404, "another of this name has nothing of theirs"


def test_what_is_secret_is_not_kept_with_a_job(server: SimpleNamespace) -> None:
    job = job_of(server, None, userID="ann", password=PASSWORD, token="ept_abc")
    text = ask(job).text + ask(f"{job}/parameters").text
    assert PASSWORD not in text
    assert "ept_abc" not in text
    assert "granule_uid" in text


def test_amda_takes_names_and_passwords_as_parameters(server: SimpleNamespace) -> None:
    rest = f"{server.base}/php/rest"
    right, wrong = {"userID": "ann", "password": PASSWORD}, {"userID": "ann", "password": "not this"}
    answer = requests.get(f"{rest}/getObsDataTree.php", right, timeout=30)
    assert (answer.status_code, answer.headers["X-VO-Authenticated"]) == (200, "ann")
    for name in ("getObsDataTree", "getTimeTablesList", "getCatalogsList", "getParameterList"):
        for given, headers in ((wrong, {}), ({}, basic("ann", "not this"))):
            answer = requests.get(f"{rest}/{name}.php", given, headers=headers, timeout=30)
            assert answer.status_code == 200, "its clients fail at any other"
            assert "/own-" in answer.text
            listed = requests.get(answer.text.partition(">")[2].partition("<")[0], timeout=30)
            assert {str(one.tag) for one in etree.fromstring(listed.content).iter()} <= EMPTY
    parameters = {"parameterID": "x", "startTime": "2016-08-01T00:00:00Z", "stopTime": "2016-08-01T01:00:00Z"}
    answer = requests.get(f"{rest}/getParameter.php", {**parameters, **wrong}, timeout=30)
    assert answer.json() == {"success": False, "message": "The name or the password is wrong."}
