"""`epntap setup`: what a system needs to run this very installation. The templates are in the folder `deployment`."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import click

import epntap
from epntap.errors import SetupError
from epntap.settings import Settings
from voserver.operating.upkeep import public_value

__all__ = ["compose_file", "nginx_file", "setup", "systemd_files"]

_TEMPLATES = Path(__file__).parent / "deployment"
_UNITS = Path("/etc/systemd/system")
_ENVIRONMENT = Path("/etc/epntap.env")
_STATE = Path("/var/lib")
#: what nginx must wait for, and take, beyond what the service does
_PATIENCE, _LARGER = 1.5, 1.1
#: of a container these are what its image and the compose file say
_OF_CONTAINERS = frozenset(
    {"home", "database_url", "query_database_url", "host", "port", "public_url", "job_workers", "results", "log_file"}
)


@click.group()
def setup() -> None:
    """Print the files by which a system runs this installation, with its paths and settings."""


@setup.command("systemd")
@click.argument("definitions", metavar="[SERVICE.toml…]", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--user", default="epntap", show_default=True, help="Whom it runs as.")
@click.option("--at", "calendar", default="*-*-* 03:30", show_default=True, metavar="WHEN",
              help="When the definitions are ingested, as systemd's OnCalendar.")  # fmt: skip
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Write the files there."
)
@click.pass_obj
def systemd(settings: Settings, definitions: tuple[Path, ...], user: str, calendar: str, output: Path | None) -> None:
    """Print a unit for `epntap serve`, its settings, and a timer that ingests the definitions that are given."""
    _give(systemd_files(settings, definitions, user=user, calendar=calendar), output)


@setup.command("nginx")
@click.pass_obj
def nginx(settings: Settings) -> None:
    """Print a server for nginx, at the address that EPNTAP_PUBLIC_URL names."""
    click.echo(nginx_file(settings), nl=False)


@setup.command("docker")
@click.option("--archive", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR",
              help="Folder of the archive, which containers see as /archive.")  # fmt: skip
@click.pass_obj
def docker(settings: Settings, archive: Path | None) -> None:
    """Print a compose file: PostgreSQL with pgSphere, the web service and a worker, with these settings."""
    click.echo(compose_file(settings, archive), nl=False)


def _give(files: Mapping[Path, str], output: Path | None) -> None:
    if output is None:
        click.echo("\n".join(f"# {path}\n{text}" for path, text in files.items()), nl=False)
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            _refuse_edited(output / path.name, text)
        for path, text in files.items():
            target = output / path.name
            # what is put into the place of the password is for nobody else
            target.touch(0o600 if path == _ENVIRONMENT else 0o666)
            target.write_text(text, encoding="utf-8")
            click.echo(f"{target}: belongs at {path}")
    except OSError as exc:
        raise SetupError(f"{output} cannot be written: {exc.strerror}.") from exc


def _refuse_edited(path: Path, text: str) -> None:
    """Somebody may have put a password in."""
    if path.exists() and path.read_bytes() != text.encode():
        raise SetupError(f"There is another file {path} already, which may have been edited; move it away first.")


# -- systemd


def systemd_files(settings: Settings, definitions: Iterable[Path], *, user: str, calendar: str) -> dict[Path, str]:
    """Where each file belongs, and what is in it. Raises SetupError for what systemd would misread."""
    for what, text in (("--user", user), ("--at", calendar)):
        if not re.fullmatch(r"[\w@.:*/,~ +-]+", text):
            raise SetupError(f"{what} has a character that systemd would misread: {text!r}.")
    told = {
        "user": user,
        "calendar": calendar,
        "environment": str(_ENVIRONMENT),
        "program": _word(Path(sys.prefix) / "bin" / "epntap"),
        "after": "" if not settings.database_url else " postgresql.service",
        "definitions": " ".join(_word(path.absolute()) for path in definitions),
        "writable": _writable(settings),
    }
    names = ["epntap.service"]
    if told["definitions"]:
        names += ["epntap-ingest.service", "epntap-ingest.timer"]
    return {
        _ENVIRONMENT: _environment(settings),
        **{_UNITS / name: _filled(name, told) for name in names},
    }


def _writable(settings: Settings) -> str:
    """What the unit may write, the rest of the system being read-only."""
    lines = []
    folders = {settings.home, settings.results_dir.absolute()}
    if settings.log_file:
        folders.add(Path(settings.log_file).absolute().parent)
    if settings.home.parent == _STATE:
        lines.append(f"StateDirectory={settings.home.name}")
    outside = sorted(
        folder
        for folder in folders
        if not (settings.home.parent == _STATE and folder.is_relative_to(settings.home))
        and not any(other in folder.parents for other in folders)
    )
    lines += [f"ReadWritePaths={_word(folder)}" for folder in outside]
    return "\n".join(lines)


def _environment(settings: Settings) -> str:
    lines = ["# mode 600: what it says is for the service only"]
    for name, value in _changed(settings).items():
        if "\n" in value or "'" in value:
            raise SetupError(f"EPNTAP_{name.upper()} has a character that an environment file cannot hold: {value!r}.")
        if "…" in value:
            lines.append("# the password is not shown: put it in the place of …")
        lines.append(f"EPNTAP_{name.upper()}='{value}'")
    return "\n".join(lines) + "\n"


def _changed(settings: Settings) -> dict[str, str]:
    """The settings that are no defaults, and where the home is."""
    return {
        field.name: public_value(settings, field.name)
        for field in fields(Settings)
        if field.name == "home" or getattr(settings, field.name) != field.default
    }


def _word(path: Path) -> str:
    """A path as one word of a unit file."""
    text = str(path).replace("%", "%%")
    if re.fullmatch(r"[\w./%@+=:,-]+", text):
        return text
    if "\n" in text:
        raise SetupError(f"{path} has a line end in its name, which systemd cannot read.")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


# -- nginx


def nginx_file(settings: Settings) -> str:
    """The configuration of a server. Raises SetupError when nobody has said at which address."""
    if not settings.public_url:
        raise SetupError("Set EPNTAP_PUBLIC_URL to the address that users will see; nginx has to serve that.")
    public = urlsplit(settings.public_url.rstrip("/"))
    host, is_safe = public.hostname or "", re.compile(r"[A-Za-z0-9_.~/:\[\]-]*")
    if not is_safe.fullmatch(host) or not is_safe.fullmatch(public.path):
        raise SetupError(f"EPNTAP_PUBLIC_URL has a character that nginx would misread: {settings.public_url!r}.")
    is_https = public.scheme == "https"
    port = public.port or (443 if is_https else 80)
    own = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(settings.host, settings.host)  # noqa: S104  # listened on
    folder = f"/etc/letsencrypt/live/{host}"
    certificate = f"    ssl_certificate {folder}/fullchain.pem;\n    ssl_certificate_key {folder}/privkey.pem;\n"
    told = {
        "listen": f"{port} ssl" if is_https else str(port),
        "name": host,
        "certificate": certificate if is_https else "",
        "path": public.path,
        "upstream": f"[{own}]:{settings.port}" if ":" in own else f"{own}:{settings.port}",
        "read_timeout": str(math.ceil(_PATIENCE * settings.sync_timeout_s)),
        "body": str(math.ceil(_LARGER * settings.upload_bytes / 1e6)),
    }
    return _filled("nginx.conf", told)


def _filled(name: str, told: Mapping[str, str]) -> str:
    text = Template((_TEMPLATES / name).read_text(encoding="utf-8")).substitute(told)
    return re.sub(r"\n{3,}", "\n\n", text).rstrip("\n") + "\n"


# -- docker


def compose_file(settings: Settings, archive: Path | None = None) -> str:
    """docker-compose.yml of the source tree, with this installation's values. Raises SetupError without one."""
    source = Path(epntap.__file__).parents[1]
    try:
        text = (source / "docker-compose.yml").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SetupError(
            "Images are built from the source tree, which is not beside this installation: clone the repository and "
            "run 'docker compose up' there."
        ) from None
    public = settings.public_url or f"http://127.0.0.1:{settings.port}"
    text = _replaced(text, "context: .,", f"context: {_yaml(str(source))},")
    text = _replaced(text, "${EPNTAP_PUBLIC_URL:-http://127.0.0.1:8080}", _yaml(public))
    text = _replaced(text, '"127.0.0.1:8080:8080"', f'"127.0.0.1:{settings.port}:8080"')
    if archive is not None:
        text = _replaced(text, "${EPNTAP_ARCHIVE:-./archive}:/archive:ro", _yaml(f"{archive.absolute()}:/archive:ro"))
    more = {name: value for name, value in _changed(settings).items() if name not in _OF_CONTAINERS}
    lines = "".join(f"\n      EPNTAP_{name.upper()}: {_yaml(value)}" for name, value in more.items())
    return re.sub(r"(?m)^( +EPNTAP_PUBLIC_URL: .*)$", lambda match: match[1] + lines, text)


def _replaced(text: str, old: str, new: str) -> str:
    assert old in text, f"docker-compose.yml no longer has {old}"
    return text.replace(old, new)


def _yaml(text: str) -> str:
    """A text in double quotes, in which compose sees no variable of its own."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$") + '"'
