"""The demonstration: a synthetic archive, ingested by the same path as everybody's, and how to ask it something."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import ingest
from epntap.archive.store import services
from epntap.db.migrate import apply_migrations
from epntap.db.pool import Database, Role, connect
from epntap.errors import SetupError
from epntap.settings import Settings
from ingest.demo.archive import write_sample_archive
from ingest.descriptor import Definition, load_definition
from ingest.pipeline import ingest_service
from ingest.progress import Progress
from ingest.report import Report

__all__ = ["demo_definition", "prepare_demo", "welcome"]

#: raised when the generator writes something else, so that homes made before get the new archive
ARCHIVE_VERSION = 1


def prepare_demo(settings: Settings, database: Database, say: Callable[[str], None], progress: Progress) -> Report:
    """Database, sample archive and granules, each only where it is missing. Raises SetupError or InputError."""
    if applied := apply_migrations(database):
        say(f"database: {len(applied)} steps applied")
    folder = settings.home / f"sample-archive-{ARCHIVE_VERSION}"
    _refuse_to_replace(database, settings)
    if not folder.is_dir():
        say(f"sample archive: writing synthetic files to {folder}")
        # A folder that is there is complete: it gets its name at the end.
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        write_sample_archive(unfinished)
        unfinished.rename(folder)
    return ingest_service(demo_definition(folder), database, progress=progress)


def _definition_file() -> Path:
    return Path(ingest.__file__).parent / "services" / "demo.toml"


def demo_definition(folder: Path) -> Definition:
    """The service definition of the demonstration over a sample archive in this folder."""
    return load_definition(_definition_file(), archive=folder / "cdf", spase=folder / "spase")


def _refuse_to_replace(database: Database, settings: Settings) -> None:
    demonstration = tomllib.loads(_definition_file().read_text(encoding="utf-8"))["service"]
    schema, title = demonstration["schema"], demonstration["title"]
    with connect(database, Role.SERVICE) as connection:
        for service in services(connection):
            if service.schema_name == schema and service.title != title:
                raise SetupError(
                    f"{settings.home} publishes {schema} already, as {service.title!r}, and the demonstration would "
                    "replace it; set EPNTAP_HOME to another folder."
                )


def welcome(settings: Settings) -> str:
    """What to do next, for the terminal."""
    base = settings.base_url
    return f"""
Serving {settings.home} on {base}
  TAP       {base}/tap           (TOPCAT: VO > Table Access Protocol > TAP URL)
  DataLink  {base}/datalink/links?ID=...

In Python (pip install pyvo):
  import pyvo
  service = pyvo.dal.TAPService("{base}/tap")
  print(service.search("SELECT TOP 5 granule_uid, target_name, time_min FROM amdadb.epn_core").to_table())

Ctrl-C stops everything.
"""  # noqa: S608  # the query is for the reader
