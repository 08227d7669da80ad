"""Clients of the Virtual Observatory that sign in: pyvo, astroquery, curl, and TOPCAT's conversation."""

from __future__ import annotations

import gc
import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pyvo
import requests
from astroquery.utils.tap.core import TapPlus
from lxml import etree
from pyvo.auth import AuthSession

from epntap.db.pool import Database
from tests.support.databases import clone_database, drop_database
from tests.support.people import PASSWORD, add, token_for
from tests.support.server import Server, serve

QUERY = "SELECT granule_uid FROM amdadb.epn_core"
UID = "tao_ros_hyd_20160801"
VOTABLE = re.compile(r"application/x-votable\+xml")
WAYS = [None, "ivo://ivoa.net/sso#BasicAA", "ivo://ivoa.net/sso#cookie"]
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:By default, results in"),
    pytest.mark.filterwarnings("ignore::astropy.io.votable.exceptions.VOWarning"),
]


@pytest.fixture(scope="module")
def server(
    postgres_server: Database, demo_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SimpleNamespace]:
    database = clone_database(postgres_server, "clients", demo_template)
    add(database, "ann", "rpc")
    home = tmp_path_factory.mktemp("clients")
    with serve(database, home, workers="1", job_workers="1") as running:
        yield SimpleNamespace(base=running.base, tap=running.tap, log=running.log, database=database)
    drop_database(postgres_server, database)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[requests.Response]:
    """What requests has got, in order."""
    got: list[requests.Response] = []
    send = requests.Session.send

    def told(self: requests.Session, *arguments: object, **more: object) -> requests.Response:
        answer = send(self, *arguments, **more)  # type: ignore[arg-type]
        got.append(answer)
        return answer

    monkeypatch.setattr(requests.Session, "send", told)
    return got


def named(answers: list[requests.Response]) -> dict[str, str]:
    """Path → who was recognised."""
    return {one.request.path_url.partition("?")[0]: one.headers.get("X-VO-Authenticated", "") for one in answers}


# -- the document that pyvo reads


def test_one_interface_tells_all_ways_the_free_one_first(server: SimpleNamespace) -> None:
    with urllib.request.urlopen(f"{server.tap}/capabilities") as answer:
        document = etree.fromstring(answer.read())
    tap = [
        one
        for known in document.findall("capability")
        if known.get("standardID") == "ivo://ivoa.net/std/TAP"
        for one in known.findall("interface")
    ]
    assert len(tap) == 1
    assert [one.get("standardID") for one in tap[0].findall("securityMethod")] == WAYS
    told = {}
    for one in document.iter("interface"):
        told[one.findtext("accessURL")] = [way.get("standardID") for way in one.findall("securityMethod")]
    for path in ("/datalink/links", "/datalink/soda/sync", "/datalink/soda/async", "/data", "/files", "/hapi", "/das2"):
        assert told[f"{server.base}{path}"] == WAYS
    with urllib.request.urlopen(f"{server.base}/datalink/soda/capabilities") as answer:
        soda = etree.fromstring(answer.read())
    assert [one.get("standardID") for one in soda.findall("capability/interface/securityMethod")][:3] == WAYS


def test_without_accounts_the_document_is_as_it_was(served: Server) -> None:
    with urllib.request.urlopen(f"{served.tap}/capabilities") as answer:
        text = answer.read().decode()
    assert "securityMethod" not in text
    assert "/datalink" not in text


@pytest.mark.skipif(shutil.which("stilts") is None, reason="stilts is not installed")
def test_taplint_finds_no_error_with_accounts(server: SimpleNamespace) -> None:
    stages = ["stages=CPV CAP AVV QGE UWS"]
    done = subprocess.run(
        ["stilts", "taplint", f"tapurl={server.tap}", *stages], capture_output=True, text=True, timeout=300, check=False
    )
    assert "Totals: Errors: 0;" in done.stdout, done.stdout + done.stderr
    # of what this version of taplint does not know (see test_stilts)
    assert {line[:10] for line in done.stdout.splitlines() if line[:2] in {"E-", "W-", "F-"}} <= {"W-CAP-CULF"}


# -- pyvo


def signed_in(server: SimpleNamespace, way: str) -> Any:  # a session of pyvo or of requests
    if way == "bearer":
        plain = requests.Session()
        plain.headers["Authorization"] = f"Bearer {token_for(server.database, 'ann')}"
        return plain
    session = AuthSession()
    if way == "cookie":
        form = {"username": "ann", "password": PASSWORD}
        cookies = requests.post(f"{server.base}/login", form, timeout=30).cookies
        session.credentials.set_cookie("epntap_session", cookies["epntap_session"])
    else:
        session.credentials.set_password("ann", PASSWORD if way == "password" else token_for(server.database, "ann"))
    return session


@pytest.mark.parametrize("way", ["password", "token as password", "cookie", "bearer"])
def test_pyvo_signs_in(server: SimpleNamespace, way: str, seen: list[requests.Response]) -> None:
    service = pyvo.dal.TAPService(server.tap, session=signed_in(server, way))
    assert len(service.run_sync(QUERY)) == 63
    assert named(seen)["/tap/sync"] == "ann"
    if way != "bearer":
        (first,) = (one for one in seen if one.request.path_url == "/tap/capabilities")
        assert not {"Authorization", "Cookie"} & set(first.request.headers), "it asks for this before, without"
    job = service.submit_job(QUERY)
    job.run()
    job.wait(phases=["COMPLETED"], timeout=60)
    assert len(job.fetch_result()) == 63
    assert set(named([one for one in seen if "/tap/async" in one.request.path_url]).values()) == {"ann"}
    job.delete()


@pytest.mark.parametrize("way", ["password", "cookie"])
def test_pyvo_sends_them_to_links_cutouts_and_hapi(server: SimpleNamespace, way: str) -> None:
    session = signed_in(server, way)
    pyvo.dal.TAPService(server.tap, session=session).run_sync(QUERY)
    for path in ("/datalink/links", "/datalink/soda/sync", "/hapi/catalog", "/das2/server", "/data/x.cdf", "/files/x"):
        answer = session.get(f"{server.base}{path}", params={"ID": UID}, timeout=30)
        assert answer.headers.get("X-VO-Authenticated") == "ann", path
    elsewhere = session.get(f"{server.base}/health", timeout=30)
    assert "Authorization" not in elsewhere.request.headers


def test_pyvo_without_credentials_goes_on(server: SimpleNamespace) -> None:
    assert len(pyvo.dal.TAPService(server.tap, session=AuthSession()).run_sync(QUERY)) == 63
    assert len(pyvo.dal.TAPService(server.tap).run_sync(QUERY)) == 63


def test_pyvo_hears_of_a_wrong_password(server: SimpleNamespace) -> None:
    session = AuthSession()
    session.credentials.set_password("ann", "a wrong password")
    with pytest.raises(pyvo.dal.DALQueryError, match="The name or the password is wrong"):
        pyvo.dal.TAPService(server.tap, session=session).run_sync(QUERY)


# -- astroquery


def test_astroquery_signs_in(server: SimpleNamespace) -> None:
    service = TapPlus(url=server.tap)
    form = {"username": "ann", "password": PASSWORD}
    cookie = requests.post(f"{server.base}/login", form, timeout=30).headers["Set-Cookie"].partition(";")[0]
    # this is what its login() keeps of the answer; from then on it speaks https only, which no test has
    handler = service._Tap__connHandler
    handler.set_cookie(cookie)
    handler._TapConn__cookie = None
    job = service.launch_job(QUERY, output_format="votable")
    assert len(job.get_results()) == 63
    response = handler.execute_tapget("tables")
    assert response.getheader("X-VO-Authenticated") == "ann"
    gc.collect()


# -- curl


def curl(*arguments: str) -> tuple[int, dict[str, str], str]:
    done = subprocess.run(["curl", "-s", "-D", "-", *arguments], capture_output=True, text=True, timeout=60, check=True)
    head, _, body = done.stdout.partition("\n\n" if "\r\n\r\n" not in done.stdout else "\r\n\r\n")
    lines = head.splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return int(lines[0].split()[1]), headers, body


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_signs_in(server: SimpleNamespace, tmp_path: Path) -> None:
    asked = f"{server.tap}/sync?LANG=ADQL&FORMAT=csv&QUERY=SELECT+TOP+1+granule_uid+FROM+amdadb.epn_core"
    jar = str(tmp_path / "jar")
    assert (
        curl("-c", jar, "-d", "username=ann", "--data-urlencode", f"password={PASSWORD}", f"{server.base}/login")[0]
        == 200
    )
    token = token_for(server.database, "ann")
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login ann password {token}\n")
    for with_it in (
        ["-u", f"ann:{PASSWORD}"],
        ["-b", jar],
        ["-H", f"Authorization: Bearer {token}"],
        ["--netrc-file", str(netrc)],
    ):
        status, headers, body = curl(*with_it, asked)
        assert (status, headers["x-vo-authenticated"]) == (200, "ann"), body
    status, headers, _ = curl("-u", "ann:wrong", asked)
    assert status == 401
    assert "invalid_token" in headers["www-authenticate"]


# -- TOPCAT: what it sends and what it needs, step by step

JAVA = {"Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "User-Agent": "TOPCAT/4.9 Java/17"}


def challenges(answer: requests.Response) -> dict[str, dict[str, str]]:
    """Scheme → parameters, as its parser reads them: name="value" with commas between."""
    found = {}
    for header in answer.raw.headers.getlist("WWW-Authenticate"):
        scheme, _, rest = header.partition(" ")
        found[scheme] = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    return found


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_topcat_asks_whether_one_may_sign_in(server: SimpleNamespace, method: str) -> None:
    answer = requests.request(method, f"{server.tap}/capabilities", headers=JAVA, timeout=30)
    assert answer.status_code == 200
    offered = challenges(answer)
    # it takes the first that it knows of: ivoa_x509, ivoa_cookie, Basic
    assert next(iter(offered)) == "ivoa_cookie"
    assert offered["ivoa_cookie"]["standard_id"] == "ivo://ivoa.net/sso#tls-with-password"
    assert offered["ivoa_cookie"]["access_url"] == f"{server.base}/login"
    assert offered["ivoa_bearer"] == offered["ivoa_cookie"]


def test_topcat_signs_in_with_a_cookie_or_a_token(server: SimpleNamespace) -> None:
    login = challenges(requests.get(f"{server.tap}/capabilities", headers=JAVA, timeout=30))["ivoa_cookie"][
        "access_url"
    ]
    wrong = requests.post(login, {"username": "ann", "password": "not this"}, headers=JAVA, timeout=30)
    assert (wrong.status_code, wrong.content) == (401, b"")
    assert "ivoa_cookie" in challenges(wrong), "401 without a challenge is an error to it"
    answer = requests.post(login, {"username": "ann", "password": PASSWORD}, headers=JAVA, timeout=30)
    assert answer.status_code == 200
    assert answer.headers["X-VO-Authenticated"] == "ann"
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    token, _, expires = answer.headers["X-VO-Bearer"].partition("; expires=")
    assert re.fullmatch(r"[\w.~+/-]+=*", token), "a token68 of RFC 6750"
    assert expires.endswith("GMT")
    for headers in ({"Cookie": cookie}, {"Authorization": f"Bearer {token}"}):
        seen = requests.head(f"{server.tap}/capabilities", headers={**JAVA, **headers}, timeout=30)
        assert (seen.status_code, seen.headers["X-VO-Authenticated"]) == (200, "ann")
        form = {"LANG": "ADQL", "REQUEST": "doQuery", "QUERY": QUERY}
        rows = requests.post(f"{server.tap}/sync", form, headers={**JAVA, **headers}, timeout=30)
        assert VOTABLE.match(rows.headers["Content-Type"])
        assert rows.headers["X-VO-Authenticated"] == "ann"
    # BasicAA at the same address, for clients that send it
    basic = requests.get(login, auth=("ann", PASSWORD), headers=JAVA, timeout=30)
    assert (basic.status_code, "X-VO-Bearer" in basic.headers) == (200, True)


def test_topcat_is_told_when_its_session_is_over(server: SimpleNamespace) -> None:
    form = {"username": "ann", "password": PASSWORD}
    cookie = {"Cookie": requests.post(f"{server.base}/login", form, timeout=30).headers["Set-Cookie"].partition(";")[0]}
    assert (
        requests.post(
            f"{server.base}/logout", headers={**JAVA, **cookie}, timeout=30, allow_redirects=False
        ).status_code
        == 303
    )
    answer = requests.post(
        f"{server.tap}/sync", {"LANG": "ADQL", "QUERY": QUERY}, headers={**JAVA, **cookie}, timeout=30
    )
    assert answer.status_code == 401
    assert next(iter(challenges(answer))) == "ivoa_cookie"


def test_the_log_has_no_secret_of_all_this(server: SimpleNamespace) -> None:
    text = server.log.read_text()
    assert PASSWORD not in text
    assert not re.search(r"ep[ts]_[\w-]{20}", text)
    assert any(json.loads(line).get("path") == "/login" for line in text.splitlines() if line.startswith("{"))
