"""All settings, read once from EPNTAP_* variables and an optional TOML file; nobody else reads these variables."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from epntap.addresses import Addresses
from epntap.errors import SetupError
from epntap.hints import did_you_mean, nearest

__all__ = ["Settings", "load_settings", "setting_origins", "settings_of"]

#: of earlier versions, below the current folder
_EARLIER_HOME = Path(".epntap")

_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


#: other variables of ours: the settings file, the deployment, the tests
_NOT_SETTINGS = frozenset(
    {"EPNTAP_CONFIG", "EPNTAP_ARCHIVE", "EPNTAP_DATABASE_PASSWORD", "EPNTAP_SHARED", "EPNTAP_TEST_DATABASE_URL"}
)


#: the least and the most that a number may be
_RANGES: dict[str, tuple[float, float]] = {
    "port": (1, 65_535),
    "workers": (1, 256),
    "threads": (1, 1_000),
    "query_connections": (1, 1_000),
    "maxrec_default": (1, 2**53),
    "maxrec_hard": (1, 2**53),
    "sync_timeout_s": (0.1, 1e6),
    "long_query_s": (0.05, 1e6),
    "send_timeout_s": (0.1, 1e6),
    "soda_sync_bytes": (1, 2**53),
    "bulk_members": (1, 20_000),
    "bulk_bytes": (1, 2**53),
    "soda_async_combinations": (1, 1_000_000),
    "soda_async_bytes": (1, 2**53),
    "soda_inline_bytes": (0, 2**53),
    "soda_inline_files_bytes": (0, 2**53),
    "hapi_bytes": (1, 2**53),
    "preview_bytes": (0, 2**53),
    "amda_bytes": (0, 2**53),
    "upload_bytes": (1, 2**40),
    "upload_rows": (1, 2**31),
    "upload_tables": (1, 1_000),
    "upload_fetch_s": (0.1, 86_400),
    "bytes_a_day": (0, 2**53),
    "rows_a_day": (0, 2**53),
    "jobs_at_once": (0, 2**53),
    "stored_bytes": (0, 2**53),
    "anonymous_bytes_a_day": (0, 2**53),
    "anonymous_rows_a_day": (0, 2**53),
    "anonymous_jobs_at_once": (0, 2**53),
    "anonymous_stored_bytes": (0, 2**53),
    "mine_rows": (0, 2**53),
    "mine_bytes": (0, 2**53),
    "mine_days": (1, 36_500),
    "session_lifetime_s": (60, 31_536_000),
}

#: of PostgreSQL's synchronous_commit, what a commit can wait for
_WAITS = frozenset({"", "on", "remote_write", "remote_apply"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, with its default. `EPNTAP_<NAME>` in the environment wins over the file."""

    #: folder of the embedded database, results and sample archive, the same for commands from cron; as root
    #: `/var/lib/epntap`. A `.epntap` of an earlier version in the current folder is used while there is none in the
    #: home directory
    home: Path = Path("~/.epntap")
    #: PostgreSQL ≥ 15 to use instead of the embedded one; it may hold a password, so it is not printed
    database_url: str = field(default="", repr=False)
    #: standbys of it that answer queries; several with commas, best with the primary as the last resort
    #: ([standbys](../howto/standbys.md)): `postgresql://…@b,c,a/epntap?target_session_attrs=prefer-standby`
    query_database_url: str = field(default="", repr=False)
    #: for what the commit of a publication waits, and no other: `remote_apply` until the standbys have it, `on`,
    #: `remote_write`; empty: as the server is set up
    publish_waits_for: str = ""
    #: what the names of our three roles begin with; small letters, digits and underscores, the last an underscore. Set
    #: it before the first `epntap init`, and never change it
    role_prefix: str = "epntap_"
    #: on a Citus cluster: `granule_uid` spreads the rows of new services over its servers by that column
    distribute: str = ""
    #: address that users see, without a trailing slash; empty: see `EPNTAP_ALLOWED_HOSTS`
    public_url: str = ""
    #: hosts, with commas, of which addresses are made when there is no public URL, such as `data.example.org:8080`;
    #: this machine always
    allowed_hosts: str = ""
    #: address to listen on
    host: str = "127.0.0.1"
    #: port to listen on
    port: int = 8080
    #: addresses, with commas, of proxies whose X-Forwarded-For is believed, for the log and
    #: for counting wrong passwords
    trusted_proxies: str = "127.0.0.1,::1"
    #: web processes
    workers: int = 2
    #: threads in each that work that lasts may hold: of them half long answers, a quarter waits, a quarter cut-outs …;
    #: a third more (at least four) is started for what is short
    threads: int = 32
    #: rows when MAXREC is not given
    maxrec_default: int = 20_000
    #: the most rows that may be asked for
    maxrec_hard: int = 20_000_000
    #: seconds after which a query that still runs counts as a long one, of which only so many may run
    long_query_s: float = 1.0
    #: seconds for a whole synchronous answer
    sync_timeout_s: float = 60.0
    #: seconds that a client may take to accept one block
    send_timeout_s: float = 30.0
    #: the largest cut-out that is made while the client waits, bytes of values
    soda_sync_bytes: int = 1_000_000_000
    #: the largest cut-out that is made within a web process, bytes of values; a larger one is made in a process of its
    #: own
    soda_inline_bytes: int = 1_000_000
    #: the largest files that it is taken from there
    soda_inline_files_bytes: int = 64_000_000
    #: cut-outs that one job may make
    soda_async_combinations: int = 1_000
    #: bytes of values that they may hold together
    soda_async_bytes: int = 100_000_000_000
    #: cut-outs in one bulk answer
    bulk_members: int = 5_000
    #: bytes of values that they may hold together
    bulk_bytes: int = 50_000_000_000
    #: about the most bytes of values in one answer of HAPI or das2
    hapi_bytes: int = 10_000_000_000
    #: identifier of this server for HAPI, such as `CDPP/AMDA`; empty: the publisher of the first service
    hapi_id: str = ""
    #: its title, at most 40 characters; empty: the same
    hapi_title: str = ""
    #: whom users of HAPI ask; empty: the same
    hapi_contact: str = ""
    #: what users of HAPI cite, best an address of a DOI
    hapi_citation: str = ""
    #: address of the licence of all data, best one of https://spdx.org/licenses/; said of each dataset
    hapi_license: str = ""
    #: folder with name, logo, colours and texts of the pages ([pages](pages.md#branding)); empty: plain
    branding: str = ""
    #: file for the log, which may be moved away at any time; empty: standard error
    log_file: str = ""
    #: bytes, after decompression, that one request may upload, all its tables together
    upload_bytes: int = 100_000_000
    #: rows that one request may upload
    upload_rows: int = 1_000_000
    #: tables that one request may upload
    upload_tables: int = 20
    #: seconds for fetching an uploaded table from its address
    upload_fetch_s: float = 30.0
    #: uploads are also fetched from addresses in private networks and from this machine; unsafe where others can ask
    upload_private_addresses: bool = False
    #: where results and spooled answers are kept; empty: `<home>/results`
    results: str = ""
    #: where summaries are kept, which any number of machines may read; empty: `<home>/summaries`
    summaries: str = ""
    #: where pictures of open data are kept; empty: `<home>/previews`
    previews: str = ""
    #: bytes that they may take together; 0: none is kept
    preview_bytes: int = 500_000_000
    #: bytes that files of AMDA's interface may take together that are kept, of days that are over, in `<home>/amda`; 0:
    #: none is kept
    amda_bytes: int = 1_000_000_000
    #: connections that one web process may open for queries
    query_connections: int = 24
    #: seconds that a job may run when executionDuration is not set
    async_timeout_s: int = 7_200
    #: the most seconds that may be asked for
    async_timeout_hard_s: int = 86_400
    #: seconds that a job and its result are kept; a destruction time can be at most this far away
    job_lifetime_s: int = 172_800
    #: seconds that WAIT may wait; a client that asks for more comes back
    wait_max_s: float = 30.0
    #: seconds that the answer to PHASE=RUN waits for a job that is quickly done
    run_wait_s: float = 0.5
    #: bytes that somebody who has signed in may have in one day of UTC; 0: no limit, here and in the next seven
    bytes_a_day: int = 0
    #: rows of queries in a day
    rows_a_day: int = 0
    #: jobs of theirs that wait or run at once
    jobs_at_once: int = 0
    #: bytes of results and uploads of their jobs that are kept
    stored_bytes: int = 0
    #: bytes a day for an address from which nobody has signed in
    anonymous_bytes_a_day: int = 0
    #: rows of queries in a day
    anonymous_rows_a_day: int = 0
    #: jobs that wait or run at once
    anonymous_jobs_at_once: int = 0
    #: bytes of results and uploads of jobs that are kept
    anonymous_stored_bytes: int = 0
    #: rows of tables that somebody may keep, all together
    mine_rows: int = 1_000_000
    #: bytes on the disk that they may take
    mine_bytes: int = 500_000_000
    #: days for which one is kept, unless its owner says so again
    mine_days: int = 90
    #: people may register at `/register`; a lead of the group that they choose lets them in
    registration: bool = False
    #: seconds for which somebody who has signed in need not do so again
    session_lifetime_s: int = 604_800
    #: everybody sees the list of all jobs; otherwise each caller sees those made with the same cookie
    public_jobs: bool = False
    #: worker processes that `epntap serve` starts
    job_workers: int = 1
    #: jobs that one worker process runs at once
    worker_jobs: int = 4
    #: seconds between two signs of life of a worker; after four that are missing its jobs are given to others
    job_heartbeat_s: float = 5.0

    @property
    def base_url(self) -> str:
        """The public address without a trailing slash."""
        return self.addresses.base

    @property
    def addresses(self) -> Addresses:
        """Of what is published at the public address."""
        return Addresses(self.public_url.rstrip("/"), f"http://127.0.0.1:{self.port}")

    @property
    def results_dir(self) -> Path:
        """Folder of results and spooled answers."""
        return Path(self.results) if self.results else self.home / "results"

    @property
    def summaries_dir(self) -> Path:
        """Folder of summaries."""
        return Path(self.summaries) if self.summaries else self.home / "summaries"

    @property
    def amda_dir(self) -> Path:
        """Folder of files of AMDA's interface."""
        return self.home / "amda"

    @property
    def previews_dir(self) -> Path:
        """Folder of pictures."""
        return Path(self.previews) if self.previews else self.home / "previews"

    def environ(self) -> dict[str, str]:
        """The variables that give a child process these settings."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            f"EPNTAP_{name.upper()}": str(int(value)) if isinstance(value, bool) else str(value)
            for name, value in values.items()
        }

    def with_changes(self, **changes: Any) -> Settings:  # values of any field type
        """A copy with some fields changed."""
        return replace(self, **changes)


def _default_home() -> Path:
    """The same whatever the current folder is, so that commands from cron find it."""
    # As root the embedded PostgreSQL runs as another user and must be able to enter every folder above
    # its data, so it must not be below a private home directory.
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/epntap")
    home = Path("~/.epntap")
    try:
        is_new = not home.expanduser().exists()
    except RuntimeError:  # load_settings says what is wrong with it
        return home
    # where it was in earlier versions: whoever has it there goes on
    return _EARLIER_HOME if is_new and (_EARLIER_HOME / "pg").is_dir() else home


# not by epntap/strict: the same setting comes as a value of TOML or as a text of the environment
def _convert(name: str, kind: Any, text: Any, where: str) -> Any:  # field types and TOML values are open sets
    try:
        if kind == "Path":
            return Path(str(text))
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
        if kind == "bool":
            return _SWITCH[str(text).lower()]
    except (TypeError, ValueError):
        raise SetupError(f"{where}: expected a number for {name} but found {text!r}.") from None
    except KeyError:
        raise SetupError(f"{where}: expected 1 or 0 for {name} but found {text!r}.") from None
    return str(text)


def _refuse_unknown(environ: Mapping[str, str], known: Mapping[str, str]) -> None:
    for variable in environ:
        name = variable.removeprefix("EPNTAP_").lower()
        if variable.startswith("EPNTAP_") and name not in known and variable not in _NOT_SETTINGS:
            close = nearest(name, known)
            meant = f" Did you mean EPNTAP_{close[0].upper()}?" if close else ""
            raise SetupError(f"The environment has {variable}, which is not a setting.{meant}")


def _check_values(settings: Settings) -> None:
    for name, (least, most) in _RANGES.items():
        value = getattr(settings, name)
        if not least <= value <= most:  # false for nan as well
            raise SetupError(f"EPNTAP_{name.upper()} must be from {least:g} to {most:g}, but is {value:g}.")
    # goes into SQL without quotes; with its longest ending it is a name of at most 63 characters
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,53}_", settings.role_prefix):
        raise SetupError(
            "EPNTAP_ROLE_PREFIX must be small letters, digits and underscores, with a letter first and an underscore "
            f"last, such as 'mars_', but is {settings.role_prefix!r}."
        )
    if settings.distribute not in {"", "granule_uid"}:
        raise SetupError(f"EPNTAP_DISTRIBUTE must be granule_uid or nothing, but is {settings.distribute!r}.")
    if settings.query_database_url and not settings.database_url:
        raise SetupError(
            "EPNTAP_QUERY_DATABASE_URL names standbys of the database that EPNTAP_DATABASE_URL names, but that is "
            "empty; the embedded database has none."
        )
    if settings.publish_waits_for not in _WAITS:
        raise SetupError(
            f"EPNTAP_PUBLISH_WAITS_FOR must be {', '.join(sorted(_WAITS - {''}))} or empty, but is "
            f"{settings.publish_waits_for!r}."
        )
    if settings.public_url and not re.fullmatch(r"https?://[^\s\"'<>]+", settings.public_url):
        raise SetupError(f"EPNTAP_PUBLIC_URL must be an http or https address, but is {settings.public_url!r}.")


def load_settings(environ: Mapping[str, str] | None = None, file: Path | None = None) -> Settings:
    """Settings from the environment over the TOML file (argument, or EPNTAP_CONFIG).

    Raises SetupError for an unknown key in the file or a value of the wrong kind.
    """
    values: dict[str, Any] = {"home": _default_home()}
    values.update({name: value for name, (value, _) in _given(environ, file).items()})
    settings = Settings(**values)
    _check_values(settings)
    try:
        return replace(settings, home=settings.home.expanduser().absolute())
    except RuntimeError as exc:
        raise SetupError(f"EPNTAP_HOME={settings.home} names a user that does not exist.") from exc


def setting_origins(environ: Mapping[str, str] | None = None, file: Path | None = None) -> dict[str, str]:
    """Where each setting that is no default is from: the name of the file, or `environment`. Raises SetupError."""
    return {name: origin for name, (_, origin) in _given(environ, file).items()}


def _given(environ: Mapping[str, str] | None, file: Path | None) -> dict[str, tuple[Any, str]]:
    """What the file and the environment say, and which of them says it."""
    environ = os.environ if environ is None else environ
    if file is None and environ.get("EPNTAP_CONFIG"):
        file = Path(environ["EPNTAP_CONFIG"])
    known = {f.name: str(f.type) for f in fields(Settings)}
    given: dict[str, tuple[Any, str]] = {}
    if file is not None:
        try:
            document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, RecursionError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else exc
            raise SetupError(f"The settings file {file} cannot be read: {why}.") from exc
        for key, value in document.items():
            if key not in known:
                meant = did_you_mean(key, known) or " 'epntap config' lists all."
                raise SetupError(f"{file}: unknown setting {key!r}.{meant}")
            given[key] = _convert(key, known[key], value, str(file)), str(file)
    _refuse_unknown(environ, known)
    for name, kind in known.items():
        text = environ.get(f"EPNTAP_{name.upper()}")
        if text:
            given[name] = _convert(name, kind, text, "environment"), "environment"
    return given


def settings_of(given: object) -> Settings:
    """The settings that a command was given (`context.obj`), or those of the environment where it runs by itself."""
    return given if isinstance(given, Settings) else load_settings()
