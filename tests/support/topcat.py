"""TOPCAT without a screen: its TAP window is opened, filled in and photographed as a user would.

Debian packages topcat, xvfb, xdotool, imagemagick. Places in the window are those of TOPCAT 4.8 with the fonts of
fonts-dejavu; a picture of the screen goes along with every complaint.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["MISSING", "Topcat", "topcat"]

_PROGRAMS = ("topcat", "Xvfb", "xdotool", "import")
#: programs that are needed and not installed
MISSING = [program for program in _PROGRAMS if shutil.which(program) is None]

_SCREEN = "1024x960x24"
_TAP_TITLE = r"Table Access Protocol \(TAP\) Query"
_ERROR_TITLE = "Service search error"
_PATIENCE_S = 90.0
_ONCE_S = 15.0

# places from the upper left corner of the window
_TAP_BUTTON = (650, 40)
_OK = (84, 91)
_ADDRESS = (380, 667)
_USE_SERVICE = (640, 695)
_EPN_CORE = (136, 207)
_COLUMNS_TAB = (517, 125)
_QUERY = (300, 620)
_RUN_QUERY = (364, 738)


class Topcat:
    """A running TOPCAT on a display of its own."""

    def __init__(self, display: str, folder: Path) -> None:
        self._environ = {**os.environ, "DISPLAY": display}
        self._folder = folder

    def use_service(self, tap_url: str, reached: Callable[[], str]) -> None:
        """Open the TAP window and give it the address of a service, until `reached` says that it was asked."""
        control = self.window("^TOPCAT$")
        self.insist(lambda: self.click(control, _TAP_BUTTON), lambda: self.find(_TAP_TITLE), "a TAP window")
        # without the public network the search in the registry fails, and says so in a dialogue
        dialogue = self.window(_ERROR_TITLE)
        self.insist(
            lambda: self.click(dialogue, _OK),
            lambda: "" if self.find(_ERROR_TITLE) else "gone",
            "nothing to complain of",
        )
        tap = self.window(_TAP_TITLE)

        def enter() -> None:
            self.click(tap, _ADDRESS)
            self._run("xdotool", "key", "ctrl+a")
            self.type(tap_url)
            self.click(tap, _USE_SERVICE)

        self.insist(enter, reached, "this service")

    def show_columns(self) -> None:
        """Select the first table of the service and look at its columns."""
        tap = self.window(_TAP_TITLE)
        self.click(tap, _EPN_CORE)
        self.click(tap, _COLUMNS_TAB)
        time.sleep(1)

    def run(self, query: str, answered: Callable[[], str]) -> None:
        """Write a query and send it, until `answered` says that it has come."""

        def send() -> None:
            self.write(query)
            self.click(self.window(_TAP_TITLE), _RUN_QUERY)

        self.insist(send, answered, "the answer to its query")

    def write(self, query: str) -> None:
        """Write a query."""
        self.click(self.window(_TAP_TITLE), _QUERY)
        self._run("xdotool", "key", "ctrl+a")
        self.type(query)

    def window(self, title: str) -> str:
        """The window with this title, when it is there."""
        return self.until(lambda: self.find(title), f"a window {title!r}")

    def find(self, title: str) -> str:
        """The window with this title, or nothing."""
        found = self._run("xdotool", "search", "--onlyvisible", "--name", title).split()
        return found[-1] if found else ""

    def insist(self, act: Callable[[], None], found: Callable[[], str], what: str) -> None:
        """Do something until `found` finds something: on a busy machine Swing misses clicks."""
        for _ in range(3):
            act()
            deadline = time.monotonic() + _ONCE_S
            while time.monotonic() < deadline:
                if found():
                    return
                time.sleep(0.5)
        self.until(found, what)

    def until(self, found: Callable[[], str], what: str) -> str:
        """What `found` finds, as soon as it finds something."""
        deadline = time.monotonic() + _PATIENCE_S
        while not (thing := found()):
            if time.monotonic() > deadline:
                picture = self.photograph(self._folder / "failed.png")
                raise AssertionError(f"TOPCAT never had {what}; the screen is in {picture}")
            time.sleep(0.5)
        return thing

    def click(self, window: str, place: tuple[int, int]) -> None:
        """Click at a place in a window."""
        time.sleep(0.5)  # Swing forgets a click that comes while it still draws
        self._run("xdotool", "mousemove", "--window", window, *map(str, place))
        time.sleep(0.3)
        self._run("xdotool", "click", "1")
        time.sleep(0.5)

    def resize(self, window: str, width: int, height: int) -> None:
        """Make a window so large."""
        self._run("xdotool", "windowsize", window, str(width), str(height))
        time.sleep(1)

    def lift(self, window: str) -> None:
        """Bring a window before the others: the main one comes forward when a table is loaded."""
        self._run("xdotool", "windowraise", window)
        time.sleep(2)

    def drag(self, window: str, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Take hold of something in a window and move it."""
        self._run("xdotool", "mousemove", "--window", window, *map(str, start), "mousedown", "1")
        time.sleep(0.3)
        self._run("xdotool", "mousemove", "--window", window, *map(str, end))
        time.sleep(0.3)
        self._run("xdotool", "mousemove_relative", "--", "0", "1", "mouseup", "1")
        time.sleep(1)

    def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self._run("xdotool", "key", key)
            time.sleep(0.3)

    def type(self, text: str) -> None:
        """Type into whatever has the focus."""
        self._run("xdotool", "type", "--delay", "20", text)

    def photograph(self, file: Path, title: str = "") -> Path:
        """A picture of a window, or of the whole screen, in few colours."""
        window = self.find(title) if title else "root"
        self._run("import", "-window", window, "-colors", "64", f"PNG8:{file}")
        return file

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, env=self._environ, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout


@contextmanager
def topcat(*arguments: str) -> Iterator[Topcat]:
    """TOPCAT with a home, a display and no network but this machine; `arguments` are tables to load."""
    folder = Path(tempfile.mkdtemp(prefix="topcat-", dir="/tmp"))
    read, write = os.pipe()
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", _SCREEN, "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    ) as screen:
        os.close(write)
        with os.fdopen(read) as said:
            display = f":{said.readline().strip()}"
        try:
            with _started(display, folder, arguments):
                yield Topcat(display, folder)
        finally:
            screen.terminate()
    shutil.rmtree(folder, ignore_errors=True)  # after a failure it stays, with the picture in it


@contextmanager
def _started(display: str, folder: Path, arguments: Sequence[str]) -> Iterator[None]:
    command = [
        "topcat", f"-Duser.home={folder}", "-Dhttp.proxyHost=127.0.0.1", "-Dhttp.proxyPort=9", "-Xmx512m",
        "-nohub", *(arguments or ("-memory",)),  # in memory a table loses its service descriptors
    ]  # fmt: skip
    environ = {
        **os.environ,
        "DISPLAY": display,
        "SAMP_HUB": f"std-lockurl:file://{folder}/samp",
        "_JAVA_AWT_WM_NONREPARENTING": "1",
    }
    with (
        (folder / "topcat.log").open("wb") as log,
        subprocess.Popen(command, env=environ, stdout=log, stderr=log, start_new_session=True) as process,
    ):
        try:
            yield
        finally:
            os.killpg(process.pid, 15)  # a shell script and the java that it started
