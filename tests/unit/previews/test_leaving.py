"""Whoever asks for a picture may leave before it is drawn: that is no fault of the service."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from epntap.answer.admission import Slots
from epntap.answer.endings import ClientGoneError
from epntap.answer.kept import KeptFiles
from epntap.answer.watch import Watcher
from epntap.errors import ServiceError
from previews.plan import InventoryPlan
from previews.request import Form
from previews.service import Previews


class Drawing:
    """Draws until it is closed, and then says that it has ended too early."""

    def __init__(self) -> None:
        self._closed = threading.Event()

    def session(self) -> Drawing:
        return self

    def close(self) -> None:
        self._closed.set()

    def cut(self, _plan: object) -> None:
        self._closed.wait(10)
        raise ServiceError("The process that made this picture has ended unexpectedly.")


def previews(folder: Path, drawing: Drawing) -> Previews:
    unused: Any = None
    drawers: Any = drawing
    places = Slots(2, (), threading.Condition())
    return Previews(unused, unused, unused, Watcher(), places, places, KeptFiles(folder, 0), drawers)


def test_a_client_that_leaves_is_no_fault_of_ours(tmp_path: Path) -> None:
    plan = InventoryPlan("plasma", "Plasma", Form.PNG, 640, ())
    ours, theirs = socket.socketpair()
    with ours:
        theirs.close()
        with pytest.raises(ClientGoneError):
            previews(tmp_path, Drawing()).picture(plan, ours)


def test_a_process_that_ends_while_the_client_waits_is_one(tmp_path: Path) -> None:
    plan, drawing = InventoryPlan("plasma", "Plasma", Form.PNG, 640, ()), Drawing()
    drawing.close()
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(ServiceError):
        previews(tmp_path, drawing).picture(plan, ours)
