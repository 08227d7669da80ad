"""A SAMP hub on this machine with the Web Profile, and a program at it that loads what pages send."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyvo.samp import SAMPHubServer, SAMPIntegratedClient

__all__ = ["Consent", "Program", "hub_of", "program_at"]

LOADING_S = 0.2


class Consent:
    """Answers for the person whom the hub asks whether a page is welcome."""

    #: set by the hub: (identity, address, origin) of a page, and what is answered
    queue_request: Any  # of the hub's own
    queue_result: Any  # of the hub's own

    def __init__(self) -> None:
        self.agrees = True
        #: name and origin of each page that has asked
        self.asked: list[tuple[str, str]] = []

    def answer(self) -> None:
        """Until the hub has none to ask any more."""
        while (request := self.queue_request.get()) is not None:
            identity, _, origin = request
            self.asked.append((identity["samp.name"], origin))
            self.queue_result.put(self.agrees)


@dataclass
class Program:
    """A client of the Standard Profile."""

    client: SAMPIntegratedClient
    #: MType and parameters of each message
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    #: said in place of "loaded"
    complaint: str = ""

    def take(self, _key: str, _sender: str, message: str, mtype: str, params: dict[str, Any], _extra: object) -> None:
        """Of a call, which waits for an answer."""
        self.received.append((mtype, params))
        # loading takes a moment; the hub forgets an answer that comes before it has written down what it waits for
        time.sleep(LOADING_S)
        if self.complaint:
            wrong = {"samp.status": "samp.error", "samp.result": {}, "samp.error": {"samp.errortxt": self.complaint}}
            self.client.reply(message, wrong)
        else:
            self.client.ereply(message, "samp.ok", result={})


@contextmanager
def hub_of(folder: Path, consent: Consent) -> Iterator[SAMPHubServer]:
    """A running hub at the address that pages know; there can be one only."""
    hub = SAMPHubServer(addr="127.0.0.1", lockfile=str(folder / "samp"), web_profile=True, web_profile_dialog=consent)
    hub.start()
    answering = threading.Thread(target=consent.answer, daemon=True)
    answering.start()
    try:
        yield hub
    finally:
        consent.queue_request.put(None)
        answering.join()
        hub.stop()


@contextmanager
def program_at(hub: SAMPHubServer, name: str, mtypes: Sequence[str]) -> Iterator[Program]:
    """A program that takes such messages."""
    client = SAMPIntegratedClient(name=name, addr="127.0.0.1", callable=bool(mtypes))
    with ExitStack() as stack:
        client.connect(hub=hub)
        stack.callback(client.disconnect)
        program = Program(client)
        for mtype in mtypes:
            client.bind_receive_call(mtype, program.take)
        yield program
