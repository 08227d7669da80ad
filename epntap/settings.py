"""All settings, read once from EPNTAP_* variables and an optional TOML file. The only reader of os.environ."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from epntap.errors import SetupError

__all__ = ["Settings", "load_settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, with its default. `EPNTAP_<NAME>` in the environment wins over the file."""

    #: folder of the embedded database, results and sample archive
    home: Path = Path(".epntap")
    #: PostgreSQL >= 15 to use instead of the embedded one; may hold a password, so it is not printed
    database_url: str = field(default="", repr=False)
    #: address that users see, without a trailing slash; empty: http://127.0.0.1:<port>
    public_url: str = ""
    host: str = "127.0.0.1"
    port: int = 8080
    #: web processes and threads in each
    workers: int = 2
    threads: int = 32
    #: rows when MAXREC is not given, and the most that may be asked
    maxrec_default: int = 20_000
    maxrec_hard: int = 20_000_000
    #: seconds for a whole synchronous answer
    sync_timeout_s: float = 60.0
    #: seconds that a client may take to accept one block
    send_timeout_s: float = 30.0
    #: the largest cut-out that is made while the client waits, bytes of values
    soda_sync_bytes: int = 1_000_000_000
    #: where results and spooled answers are kept; empty: <home>/results
    results: str = ""
    #: connections that one web process may open for queries
    query_connections: int = 24

    @property
    def base_url(self) -> str:
        """The public address without a trailing slash."""
        return (self.public_url or f"http://127.0.0.1:{self.port}").rstrip("/")

    @property
    def results_dir(self) -> Path:
        """Folder of results and spooled answers."""
        return Path(self.results) if self.results else self.home / "results"

    def with_changes(self, **changes: Any) -> Settings:  # values of any field type
        """A copy with some fields changed."""
        return replace(self, **changes)


def _default_home() -> Path:
    # As root the embedded PostgreSQL runs as another user and must be able to enter every folder above
    # its data, so it must not be below a private home directory.
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/epntap")
    return Path(".epntap")


def _convert(name: str, kind: Any, text: Any, where: str) -> Any:  # field types and TOML values are open sets
    try:
        if kind == "Path":
            return Path(str(text))
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
    except (TypeError, ValueError):
        raise SetupError(f"{where}: expected a number for {name} but found {text!r}.") from None
    return str(text)


def load_settings(environ: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """Settings from the environment over the TOML file (argument, or EPNTAP_CONFIG).

    Raises SetupError for an unknown key in the file or a value of the wrong kind.
    """
    environ = os.environ if environ is None else environ
    if file is None and environ.get("EPNTAP_CONFIG"):
        file = Path(environ["EPNTAP_CONFIG"])
    known = {f.name: str(f.type) for f in fields(Settings)}
    values: dict[str, Any] = {"home": _default_home()}
    if file is not None:
        try:
            document = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError) as exc:
            raise SetupError(f"The settings file {file} cannot be read: {exc}.") from exc
        for key, value in document.items():
            if key not in known:
                raise SetupError(f"{file}: unknown setting {key!r}; known are {', '.join(sorted(known))}.")
            values[key] = _convert(key, known[key], value, str(file))
    for name, kind in known.items():
        text = environ.get(f"EPNTAP_{name.upper()}")
        if text:
            values[name] = _convert(name, kind, text, "environment")
    settings = Settings(**values)
    return replace(settings, home=settings.home.expanduser().absolute())
