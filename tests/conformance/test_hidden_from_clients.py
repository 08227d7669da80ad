"""What only a team may have, with the programs that people use: who signs in has row and data, others have not."""

from __future__ import annotations

import gc
import io
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pycdfpp
import pytest
import pyvo
import requests
from astropy.io.votable import parse_single_table
from astroquery.utils.tap.core import TapPlus
from pyvo.auth import AuthSession

from epntap.catalog.load import CHECK_EVERY_S
from epntap.db.pool import Database, Role, connect
from ingest.pipeline import ingest_service
from tests.support.archives import CDF_SOURCE, cdf, definition
from tests.support.das2 import read_stream
from tests.support.databases import clone_database, drop_database
from tests.support.people import PASSWORD, add, token_for
from tests.support.server import Server, serve
from voaccounts.store.tokens import revoke_token

#: dataset → the value of all its records
VALUES = {"secret": 7.25, "shown": 3.5, "open": 1.5, "later": 9.75}
HIDDEN, SHOWN, OPEN, SOON = VALUES
#: as alike to the other names as these are, and never published
UNKNOWN = {HIDDEN: "secrex", SHOWN: "shoqn", SOON: "lateq"}
SOON_S = 5.0
needs_stilts = pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:By default, results in"),
    pytest.mark.filterwarnings("ignore::astropy.io.votable.exceptions.VOWarning"),
]

#: what each way of having a granule is; {u} is the granule, {d} the dataset
WAYS = {
    "TAP": "/tap/sync?LANG=ADQL&QUERY=SELECT+*+FROM+plasma.epn_core+WHERE+granule_uid='{u}'",
    "links": "/datalink/links?ID={u}&SCHEMA=plasma",
    "SODA": "/datalink/soda/sync?ID={u}&SCHEMA=plasma&FORMAT=cdf&START=2001-01-02T06:00:00&STOP=2001-01-02T12:00:00",
    "data": "/data/{u}.csv?SCHEMA=plasma",
    "original": "/data/{u}.cdf?SCHEMA=plasma",
    "HAPI info": "/hapi/info?dataset={d}",
    "HAPI data": "/hapi/data?dataset={d}&start=2001-01-02T00:00:00Z&stop=2001-01-02T06:00:00Z",
    "das2": "/das2/server?server=dataset&dataset={d}&start_time=2001-01-02T00:00:00&end_time=2001-01-02T06:00:00",
    "preview": "/preview/plasma/{u}.png",
}  # fmt: skip


def uid(name: str) -> str:
    return f"{name}_20010102"


def at(way: str, name: str) -> str:
    # names of hidden datasets are long, so that no other is because of them
    dataset = f"{name}_mag" if name in {OPEN, SHOWN, UNKNOWN[SHOWN]} else f"plasma.{name}_mag"
    return WAYS[way].format(u=uid(name), d=dataset)


@dataclass(frozen=True, slots=True)
class House:
    """A running service with a hidden dataset, whose members are in the group team."""

    server: Server
    database: Database
    root: Path

    @property
    def base(self) -> str:
        return self.server.base

    @property
    def tap(self) -> str:
        return self.server.tap

    def source(self, name: str) -> bytes:
        return (self.root / f"cdf/{name}_20010102_v01.cdf").read_bytes()


def closing(name: str, date: str, visible: str) -> tuple[str, ...]:
    return (f'[datasets."{name}_mag"]', f"release_date = {date}", 'groups = ["team"]', f'visible = "{visible}"')


def ingest(root: Path, database: Database, soon: str = "2099-01-01") -> None:
    told = (
        *closing(HIDDEN, "2099-01-01", "nothing"),
        *closing(SHOWN, "2099-01-01", "metadata"),
        *closing(SOON, soon, "nothing"),
    )
    ingest_service(definition(root, CDF_SOURCE, *told), database)


@pytest.fixture(scope="module")
def house(
    postgres_server: Database, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    root = tmp_path_factory.mktemp("hidden")
    for name, value in VALUES.items():
        cdf(
            root / f"cdf/{name}_20010102_v01.cdf",
            "2001-01-02T00:00:00",
            logical_source=f"{name}_mag",
            offset=value,
        )
    database = clone_database(postgres_server, "hidden_clients", template_database)
    ingest(root, database)
    add(database, "ann", "team")
    add(database, "bob", "others")
    with serve(database, root / "home", workers="1", job_workers="1") as server:
        yield House(server, database, root)
    drop_database(postgres_server, database)


# -- the programs, each as what fetches a path: status and body

Fetch = Callable[[str], tuple[int, bytes]]
JAVA = {"Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "User-Agent": "TOPCAT/4.9 Java/17"}


def fetching(house: House, session: requests.Session | AuthSession) -> Fetch:
    def fetch(path: str) -> tuple[int, bytes]:
        answer = session.get(house.base + path, timeout=60)
        return answer.status_code, answer.content

    return fetch


def login_cookie(house: House, name: str) -> str:
    form = {"username": name, "password": PASSWORD}
    return requests.post(f"{house.base}/login", form, timeout=30).cookies["epntap_session"] or ""


def pyvo_session(house: House, way: str, name: str = "ann") -> AuthSession | requests.Session:
    if way == "bearer":
        plain = requests.Session()
        plain.headers["Authorization"] = f"Bearer {token_for(house.database, name)}"
        return plain
    session = AuthSession()
    if way == "password":
        session.credentials.set_password(name, PASSWORD)
    elif way == "cookie":
        session.credentials.set_cookie("epntap_session", login_cookie(house, name))
    # it learns from this document where it may send them
    pyvo.dal.TAPService(house.tap, session=session).run_sync("SELECT TOP 1 granule_uid FROM plasma.epn_core")
    return session


def curl(house: House, *arguments: str) -> Fetch:
    def fetch(path: str) -> tuple[int, bytes]:
        done = subprocess.run(
            ["curl", "-sgL", "-w", "%{stderr}%{http_code}", *arguments, house.base + path],
            capture_output=True,
            timeout=60,
            check=True,
        )
        return int(done.stderr), done.stdout

    return fetch


def curl_jar(house: House, folder: Path) -> Fetch:
    jar = str(folder / "jar")
    form = ("-d", "username=ann", "--data-urlencode", f"password={PASSWORD}")
    assert curl(house, "-c", jar, *form)("/login")[0] == 200
    return curl(house, "-b", jar)


def challenges(answer: requests.Response) -> dict[str, dict[str, str]]:
    """Scheme → parameters, in the order in which they are offered."""
    found = {}
    for header in answer.raw.headers.getlist("WWW-Authenticate"):
        scheme, _, rest = header.partition(" ")
        found[scheme] = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    return found


def topcat(house: House, kind: str) -> Fetch:
    """What TOPCAT sends: it asks whether one may sign in, does so as the first challenge says, and goes on."""
    asked = requests.request(
        "HEAD" if kind == "cookie" else "GET", f"{house.tap}/capabilities", headers=JAVA, timeout=30
    )
    scheme, told = next(iter(challenges(asked).items()))
    assert (asked.status_code, scheme) == (200, "ivoa_cookie")
    form = {"username": "ann", "password": PASSWORD}
    answer = requests.post(told["access_url"], form, headers=JAVA, timeout=30)
    assert (answer.status_code, answer.headers["X-VO-Authenticated"]) == (200, "ann")
    session = requests.Session()
    session.headers.update(JAVA)
    if kind == "cookie":
        session.headers["Cookie"] = answer.headers["Set-Cookie"].partition(";")[0]
    else:
        session.headers["Authorization"] = "Bearer " + answer.headers["X-VO-Bearer"].partition(";")[0]
    known = session.head(f"{house.tap}/capabilities", timeout=30)
    assert (known.status_code, known.headers["X-VO-Authenticated"]) == (200, "ann")
    return fetching(house, session)


#: who is in the team, with each program
MEMBERS: dict[str, Callable[[House, Path], Fetch]] = {
    "pyvo, password": lambda house, _: fetching(house, pyvo_session(house, "password")),
    "pyvo, cookie": lambda house, _: fetching(house, pyvo_session(house, "cookie")),
    "requests, bearer": lambda house, _: fetching(house, pyvo_session(house, "bearer")),
    "curl -u": lambda house, _: curl(house, "-u", f"ann:{PASSWORD}"),
    "curl, cookie jar": curl_jar,
    "curl, bearer": lambda house, _: curl(house, "-H", f"Authorization: Bearer {token_for(house.database, 'ann')}"),
    "TOPCAT, cookie": lambda house, _: topcat(house, "cookie"),
    "TOPCAT, token": lambda house, _: topcat(house, "token"),
}
#: who is not
OTHERS: dict[str, Callable[[House, Path], Fetch]] = {
    "pyvo, nobody": lambda house, _: fetching(house, AuthSession()),
    "pyvo, another team": lambda house, _: fetching(house, pyvo_session(house, "password", "bob")),
    "curl, nobody": lambda house, _: curl(house),
    "curl, another team": lambda house, _: curl(house, "-u", f"bob:{PASSWORD}"),
    "TOPCAT, nobody": lambda house, _: fetching(house, topcat_nobody()),
}


def topcat_nobody() -> requests.Session:
    session = requests.Session()
    session.headers.update(JAVA)
    return session


def fetch_of(house: House, programs: dict[str, Callable[[House, Path], Fetch]], name: str, folder: Path) -> Fetch:
    if name.startswith("curl") and shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    return programs[name](house, folder)


# -- what the answers hold


def links_of(body: bytes) -> dict[str, tuple[str, str, bool]]:
    """Content type of what is #this → address, link_auth, link_authorized."""
    return {
        str(row["content_type"]): (str(row["access_url"]), str(row["link_auth"]), bool(row["link_authorized"]))
        for row in parse_single_table(io.BytesIO(body)).array
        if row["semantics"] == "#this"
    }


def has_it(house: House, way: str, name: str, body: bytes) -> bool:
    """The answer holds this granule or its data, each of its values."""
    value = VALUES[name]
    match way:
        case "TAP":
            return [str(one) for one in parse_single_table(io.BytesIO(body)).array["granule_uid"]] == [uid(name)]
        case "links":
            return all(authorized for _, _, authorized in links_of(body).values())
        case "SODA":
            cut = pycdfpp.load(body)
            return len(cut["Epoch"]) == 6 and np.array_equal(cut["B"].values, np.full((6, 3), value, np.float32))
        case "data":
            rows = [line.split(",") for line in body.decode().splitlines() if line.startswith("2001-")]
            return [[float(one) for one in row[1:]] for row in rows] == [[value] * 3] * 24
        case "original":
            return body == house.source(name)
        case "HAPI info":
            return b'"name": "B"' in body or b'"name":"B"' in body
        case "HAPI data":
            rows = [line.split(",") for line in body.decode().splitlines()]
            return [[float(one) for one in row[1:]] for row in rows] == [[value] * 3] * 6
        case "das2":
            planes = read_stream(body).planes.values()
            return len(planes) > 0 and all(np.array_equal(one.array, np.full_like(one.array, value)) for one in planes)
        case _:
            return body.startswith(b"\x89PNG")


def said(answer: tuple[int, bytes], name: str) -> tuple[int, str]:
    """Status and body without the name that was asked for and what differs from request to request."""
    body = answer[1].decode(errors="replace").replace(name, "…")
    return answer[0], re.sub(r"[0-9a-f]{16}|2\d\d\d-\d\d-\d\dT[\d:.]+Z?", "…", body)


def unknown(fetch: Fetch, way: str, name: str) -> tuple[int, str]:
    """What is said of a name like this one that nobody has."""
    return said(fetch(at(way, UNKNOWN[name])), UNKNOWN[name])


@pytest.mark.parametrize("program", MEMBERS)
def test_the_team_has_row_and_data(house: House, program: str, tmp_path: Path) -> None:
    fetch = fetch_of(house, MEMBERS, program, tmp_path)
    for way in WAYS:
        for name in (HIDDEN, SHOWN):
            status, body = fetch(at(way, name))
            assert status == 200, (way, name, body[:300])
            assert has_it(house, way, name, body), (way, name, body[:300])


@pytest.mark.parametrize("program", OTHERS)
def test_others_are_told_what_nobody_has(house: House, program: str, tmp_path: Path) -> None:
    fetch = fetch_of(house, OTHERS, program, tmp_path)
    for way in WAYS:
        assert said(fetch(at(way, HIDDEN)), HIDDEN) == unknown(fetch, way, HIDDEN), way
        status, body = fetch(at(way, OPEN))  # so that this is no broken program
        assert status == 200, way
        assert has_it(house, way, OPEN, body), way


@pytest.mark.parametrize("program", OTHERS)
def test_of_metadata_alone_others_have_the_row(house: House, program: str, tmp_path: Path) -> None:
    fetch = fetch_of(house, OTHERS, program, tmp_path)
    status, body = fetch(at("TAP", SHOWN))
    assert status == 200
    assert has_it(house, "TAP", SHOWN, body)
    status, body = fetch(at("links", SHOWN))
    assert status == 200
    assert {(auth, authorized) for _, auth, authorized in links_of(body).values()} == {("true", False)}
    for way in ("SODA", "data", "original", "preview"):
        assert fetch(at(way, SHOWN))[0] == 403, way
    for way in ("HAPI info", "HAPI data", "das2"):
        assert said(fetch(at(way, SHOWN)), SHOWN) == unknown(fetch, way, SHOWN), way


# -- pyvo and astroquery by their own steps: query, links of the row, cut by the service that they offer, the file

QUERY = "SELECT granule_uid, datalink_url FROM plasma.epn_core WHERE granule_uid = '{}'"


@pytest.mark.parametrize("way", ["password", "cookie", "bearer"])
def test_pyvo_goes_from_query_to_data(house: House, way: str) -> None:
    service = pyvo.dal.TAPService(house.tap, session=pyvo_session(house, way))
    result = service.run_sync(QUERY.format(uid(HIDDEN)))
    assert [str(one) for one in result["granule_uid"]] == [uid(HIDDEN)]
    job = service.run_async(QUERY.format(uid(HIDDEN)), delete=True)
    assert [str(one) for one in job["granule_uid"]] == [uid(HIDDEN)]
    (batch,) = result.iter_datalinks()
    assert [bool(one["link_authorized"]) for one in batch if one.semantics == "#this"][:1] == [True]
    # pyvo 1.9.1 loses its session with links of batches, and where it asks for processed data unless it is told
    links = result[0].getdatalink()
    times = {"START": "2001-01-02T06:00:00", "STOP": "2001-01-02T12:00:00", "FORMAT": "CDF"}
    with links.get_first_proc().process(session=service._session, **times) as stream:
        assert has_it(house, "SODA", HIDDEN, stream.read())
    with result[0].processed(session=service._session, **times) as stream:
        assert has_it(house, "SODA", HIDDEN, stream.read())
    with pytest.raises(pyvo.dal.DALServiceError, match="There is no granule"):
        result[0].processed(**times)
    (file,) = (one for one in links if one.semantics == "#this" and one.content_type == "application/x-cdf")
    assert (str(file["link_auth"]), bool(file["link_authorized"])) == ("true", True)
    assert file.getdataset().read() == house.source(HIDDEN)


def test_pyvo_of_others_finds_nothing(house: House) -> None:
    for session in (AuthSession(), pyvo_session(house, "cookie", "bob")):
        service = pyvo.dal.TAPService(house.tap, session=session)
        assert len(service.run_sync(QUERY.format(uid(HIDDEN)))) == 0
        counted = service.run_sync("SELECT COUNT(*) AS n FROM plasma.epn_core")
        assert int(counted["n"][0]) == 2
        (links,) = service.run_sync(QUERY.format(uid(SHOWN))).iter_datalinks()
        file = next(one for one in links if one.semantics == "#this" and one.content_type == "application/x-cdf")
        assert not bool(file["link_authorized"])
        assert session.get(file.access_url, timeout=30).status_code == 403


def test_astroquery_has_rows_and_links(house: House) -> None:
    def signed_in(cookie: str) -> TapPlus:
        place = {"host": "127.0.0.1", "port": house.server.port, "server_context": "/", "tap_context": "tap"}
        service = TapPlus(**place, datalink_context="datalink")
        handler = service._Tap__connHandler
        if cookie:
            # this is what its login() keeps of the answer; from then on it speaks https only, which no test has
            handler.set_cookie(cookie)
            handler._TapConn__cookie = None
        return service

    for cookie, rows in ((f"epntap_session={login_cookie(house, 'ann')}", 1), ("", 0)):
        service = signed_in(cookie)
        found = service.launch_job(QUERY.format(uid(HIDDEN)), output_format="votable").get_results()
        assert [str(one) for one in found["granule_uid"]] == [uid(HIDDEN)] * rows
        told = service.get_datalinks(uid(HIDDEN))
        files = [row for row in told if row["semantics"] == "#this" and row["link_authorized"]]
        unknown_ones = [row for row in told if "NotFoundFault" in str(row["error_message"])]
        assert (bool(files), bool(unknown_ones)) == (rows == 1, rows == 0)
    gc.collect()


# -- what is over, and what begins


def test_a_revoked_token_is_401_everywhere(house: House) -> None:
    token = token_for(house.database, "ann")
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    fetch = fetching(house, session)
    assert fetch(at("data", HIDDEN))[0] == 200
    with connect(house.database, Role.SERVICE, autocommit=True) as connection:
        revoke_token(connection, token)
    for way in WAYS:
        for name in (HIDDEN, OPEN):
            answer = session.get(house.base + at(way, name), timeout=30)
            assert answer.status_code == 401, (way, name)
            assert challenges(answer)["Bearer"]["error"] == "invalid_token"
            assert next(iter(challenges(answer))) == "ivoa_cookie"
    with pytest.raises(pyvo.dal.DALQueryError):
        pyvo.dal.TAPService(house.tap, session=session).run_sync(QUERY.format(uid(OPEN)))


def test_a_session_that_has_ended_is_401(house: House) -> None:
    session = requests.Session()
    session.headers.update(JAVA)
    session.headers["Cookie"] = f"epntap_session={login_cookie(house, 'ann')}"
    assert fetching(house, session)(at("TAP", HIDDEN))[0] == 200
    assert session.post(f"{house.base}/logout", timeout=30, allow_redirects=False).status_code == 303
    answer = session.get(house.base + at("TAP", HIDDEN), timeout=30)
    assert answer.status_code == 401
    assert next(iter(challenges(answer))) == "ivoa_cookie"


@needs_stilts
def test_the_validators_find_nothing_with_hidden_rows(house: House, tmp_path: Path) -> None:
    stages = "stages=TMV TME TMS TMC CPV CAP QGE QPO MDQ EXA"
    done = subprocess.run(
        ["stilts", "taplint", f"tapurl={house.tap}", stages], capture_output=True, text=True, timeout=300, check=False
    )
    assert "Totals: Errors: 0;" in done.stdout, done.stdout + done.stderr
    # of what this version of taplint does not know (see test_stilts)
    assert {line[:10] for line in done.stdout.splitlines() if line[:2] in {"E-", "W-", "F-"}} <= {"W-CAP-CULF"}
    fetch = fetching(house, pyvo_session(house, "password"))
    for way in ("TAP", "links"):
        for asked, name in ((fetch, HIDDEN), (fetching(house, requests.Session()), SHOWN)):
            file = tmp_path / "answer.vot"
            file.write_bytes(asked(at(way, name))[1])
            lint = subprocess.run(
                ["stilts", "votlint", f"votable={file}"], capture_output=True, text=True, timeout=60, check=False
            )
            assert lint.stdout + lint.stderr == "", (way, name)


def test_at_the_instant_of_release_everybody_has_it(house: House, tmp_path: Path) -> None:
    opens_at = (datetime.now(UTC) + timedelta(seconds=SOON_S)).replace(microsecond=0)
    ingest(house.root, house.database, f"{opens_at:%Y-%m-%dT%H:%M:%SZ}")
    time.sleep(CHECK_EVERY_S)
    fetch = fetching(house, requests.Session())
    before = {way: said(fetch(at(way, SOON)), SOON) for way in WAYS}
    if datetime.now(UTC) < opens_at:  # else the machine was too slow to see it
        assert before == {way: unknown(fetch, way, SOON) for way in WAYS}
    time.sleep(max(0.0, (opens_at - datetime.now(UTC)).total_seconds() + 0.1))
    for program, of in OTHERS.items():
        if program.startswith("curl") and shutil.which("curl") is None:
            continue
        asked = of(house, tmp_path)
        for way in WAYS:
            status, body = asked(at(way, SOON))
            assert status == 200, (program, way, body[:300])
            assert has_it(house, way, SOON, body), (program, way)
    (links,) = pyvo.dal.TAPService(house.tap).run_sync(QUERY.format(uid(SOON))).iter_datalinks()
    assert {bool(one["link_authorized"]) for one in links if one.semantics == "#this"} == {True}
