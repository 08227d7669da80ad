"""The list of servers, and the one house that they are made from."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import flask
import pytest
from lxml import etree

from epntap.answer.watch import Watcher
from epntap.db.pool import Database
from epntap.http.wing import Wing
from epntap.settings import Settings
from tests.support.browser import close_pools
from voserver.app import create_app
from voserver.house import House, build_house
from voserver.routes import wings

DECISION = Path(__file__).parents[2] / "docs/decisions/007-short-and-long.md"


@dataclass(frozen=True)
class Made:
    house: House
    servers: tuple[Wing, ...]
    app: flask.Flask
    watchers: int


def watchers() -> int:
    gc.collect()
    return sum(isinstance(one, Watcher) for one in gc.get_objects())


@pytest.fixture(scope="module")
def made(demo_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    before = watchers()
    settings = Settings(home=tmp_path_factory.mktemp("servers"), threads=8)
    house = build_house(settings, demo_database)
    servers = wings(house)
    yield Made(house, servers, create_app(servers, settings), watchers() - before)
    close_pools(house)


def test_a_process_has_one_watcher(made: Made) -> None:
    assert made.watchers == 1
    assert made.house.tap.watcher is made.house.cutouts.watcher is made.house.watcher


def test_every_route_is_of_a_server_in_the_list(made: Made) -> None:
    names = [one.name for one in made.servers]
    assert len(set(names)) == len(names)
    endpoints = {rule.endpoint for rule in made.app.url_map.iter_rules()} - {"static"}
    known = {blueprint.name for one in made.servers for blueprint in one.blueprints}
    assert {re.sub(r"_\d+$", "", one.partition(".")[0]) for one in endpoints} <= known | {
        "tap_jobs",
        "soda_jobs",
        "statistics_jobs",
    }


def test_what_is_open_to_other_origins_is_there(made: Made) -> None:
    rules = [rule.rule for rule in made.app.url_map.iter_rules()]
    opened = {path for one in made.servers for path in one.open_to_other_origins}
    assert {"/tap", "/__system__/tap/run", "/datalink", "/data"} <= opened
    for path in opened:
        assert any(rule == path or rule.startswith(f"{path}/") for rule in rules), path


def test_capabilities_are_where_a_server_says(made: Made) -> None:
    client = made.app.test_client()
    told = {one.name: one.capabilities for one in made.servers if one.capabilities}
    assert set(told) == {"tap", "soda"}
    for path in told.values():
        answer = client.get(path)
        assert answer.status_code == 200
        assert etree.QName(etree.fromstring(answer.data)).localname == "capabilities"


def test_the_kinds_of_work_are_those_that_are_written_down(made: Made) -> None:
    rows = re.findall(r"^\| ([a-z -]+?) +\|.*\| (.+?) \| [^|]+ \|$", DECISION.read_text(encoding="utf-8"), re.MULTILINE)
    written = dict(rows)
    # of the middleware that voserver/wsgi.py puts around the application
    assert set(written) == set(made.house.admission.kinds) | {"long bodies"}
    kinds = made.house.admission.kinds
    total, connections = made.house.settings.threads, made.house.settings.query_connections
    caps = {"T": total, "T/2": total // 2, "T/4": total // 4, "T/8": total // 8, "C": connections}
    caps["min(T/2, 2C/3)"] = min(total // 2, connections * 2 // 3)
    for name, most in written.items():
        if name in kinds and most in caps:
            assert kinds[name].most == caps[most], name
    by_cores = {name for name, most in written.items() if most not in caps}
    assert by_cores == {"what computes", "pictures being drawn"}
