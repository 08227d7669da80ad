"""An application that believes who says `Bearer <name>`, for tests of rights."""

from __future__ import annotations

import gc
from pathlib import Path

import flask

from cutouts.processes.pool import Cutters
from epntap.access import ANONYMOUS, Caller, Credentials
from epntap.db.pool import Database
from epntap.errors import AuthenticationError
from epntap.settings import Settings
from voserver.app import create_app
from voserver.house import House, build_house
from voserver.routes import wings

__all__ = ["BOB", "TEAM", "Believing", "app_with", "as_team", "close"]

#: somebody in the group team, and somebody in another
TEAM = Caller("ada", frozenset({"team"}))
BOB = Caller("bob", frozenset({"others"}))


#: what has processes, of the applications that were made
_DRAWERS: dict[int, list[Cutters]] = {}


class Believing:
    """Knows these people, whatever they say to prove it."""

    def __init__(self) -> None:
        self.people = {one.name: one for one in (TEAM, BOB)}

    def in_use(self) -> bool:
        """There are people."""
        return True

    def recognise(self, given: Credentials) -> Caller:
        """Whoever the header names."""
        return self._known(given.authorization.removeprefix("Bearer ")) if given else ANONYMOUS

    def named(self, name: str) -> Caller | None:
        """Who has this name."""
        return self.people.get(name)

    def key_for(self, purpose: str) -> bytes:
        """One that nobody else has."""
        return f"not guessed, for {purpose}".encode()

    def _known(self, name: str) -> Caller:
        if name not in self.people:
            raise AuthenticationError("Nobody is called so.")
        return self.people[name]


def app_with(database: Database, home: Path, people: Believing | None = None) -> tuple[flask.Flask, House]:
    """The application and what it is made of; `close` the latter."""
    settings = Settings(home=home, query_connections=2)
    house = build_house(settings, database)
    before = _drawers()
    app = create_app(wings(house), settings, house.pages, people or Believing())
    _DRAWERS[id(house)] = [one for one in _drawers() if one not in before]
    return app, house


def _drawers() -> list[Cutters]:
    # servers keep them to themselves
    return [one for one in gc.get_objects() if isinstance(one, Cutters)]


def as_team() -> dict[str, str]:
    """Headers of somebody in the group team."""
    return {"Authorization": f"Bearer {TEAM.name}"}


def close(house: House) -> None:
    """Give back the connections, and end the processes that have drawn."""
    for one in _DRAWERS.pop(id(house), ()):
        one.close()
    house.cutouts.cutters.close()
    for pool in (house.pools.queries, house.pools.internal, house.pools.jobs):
        pool.close()
