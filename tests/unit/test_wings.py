"""A server is what its `routes` make: the application serves it wherever and however that says."""

from __future__ import annotations

import flask
import pytest
from flask.testing import FlaskClient

from epntap.errors import UnavailableError
from epntap.http.wing import Wing
from epntap.settings import Settings
from voserver.app import create_app


def blueprint(name: str, path: str) -> flask.Blueprint:
    made = flask.Blueprint(name, __name__)

    @made.get(path)
    def say() -> str:
        return f"{name} at {flask.request.path}"

    @made.get(f"{path}/busy")
    def busy() -> str:
        raise UnavailableError("Too much of it.", 7)

    return made


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    wings = [
        Wing(
            name="moons",
            blueprints=(blueprint("moons", "/list"), blueprint("orbits", "/orbits")),
            prefixes=("/new", "/old/place"),
            open_to_other_origins=("/new",),
        ),
        Wing(name="pages", blueprints=(blueprint("pages", "/page"),)),
    ]
    return create_app(wings, Settings()).test_client()


@pytest.mark.parametrize("prefix", ["/new", "/old/place"])
def test_every_blueprint_answers_below_every_prefix(client: FlaskClient, prefix: str) -> None:
    assert client.get(f"{prefix}/list").text == f"moons at {prefix}/list"
    assert client.get(f"{prefix}/orbits").text == f"orbits at {prefix}/orbits"


def test_without_a_prefix_routes_are_as_they_are(client: FlaskClient) -> None:
    assert client.get("/page").text == "pages at /page"
    assert client.get("/list").status_code == 404


def test_other_origins_may_ask_what_a_wing_opens_and_nothing_else(client: FlaskClient) -> None:
    def is_open(path: str) -> bool:
        return "Access-Control-Allow-Origin" in client.get(path).headers

    assert is_open("/new/list")
    assert is_open("/new/nothing"), "also what is not there"
    assert not is_open("/old/place/list")
    assert not is_open("/page")
    assert not is_open("/newer")


def test_an_error_is_a_sentence_with_its_status(client: FlaskClient) -> None:
    answer = client.get("/new/orbits/busy")
    assert (answer.status_code, answer.headers["Retry-After"], answer.text) == (503, "7", "Too much of it.\n")
