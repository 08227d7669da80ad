"""The demonstration: synthetic samples, ingested by the same path as everybody's, and how to ask them something."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import ingest
from epntap.archive.services import services
from epntap.db.migrate import apply_migrations
from epntap.db.pool import Database, Role, connect
from epntap.errors import SetupError
from epntap.settings import Settings
from ingest.definition.load import load_definition
from ingest.definition.model import Definition
from ingest.demo.archive import write_sample_archive
from ingest.demo.maps import write_maps
from ingest.demo.simulations import write_simulations
from ingest.pipeline import ingest_service
from ingest.progress import Progress
from ingest.report import Report

__all__ = ["SAMPLES", "demo_definition", "prepare_demo", "welcome"]

_SERVICES = Path(ingest.__file__).parent / "services"
#: of the maps: every 30 degrees of longitude and every 13 of colatitude
_GRID = (12, 9)
#: of all samples, so that nobody takes them for what they imitate
_PUBLISHER = "epntap demonstration"


@dataclass(frozen=True, slots=True)
class Sample:
    """One service of the demonstration."""

    schema: str
    #: of the home; another name when the generator writes something else, so that older homes get the new files
    folder: str
    write: Callable[[Path], object]
    definition: Callable[[Path], Definition]
    what: str


def prepare_demo(
    settings: Settings, database: Database, say: Callable[[str], None], progress: Progress
) -> tuple[Report, ...]:
    """Database, files and granules of all samples, each only where it is missing. Raises SetupError or InputError."""
    if applied := apply_migrations(database):
        say(f"database: applied {', '.join(applied)}")
    return tuple(
        ingest_service(sample.definition(_files(sample, settings, say)), database, progress=progress)
        for sample in _free_samples(database, settings, say)
    )


def demo_definition(folder: Path) -> Definition:
    """The service definition of the demonstration over a sample archive in this folder."""
    return load_definition(_SERVICES / "demo.toml", archive=folder / "cdf", spase=folder / "spase")


def _maps_definition(folder: Path) -> Definition:
    real = load_definition(_SERVICES / "illu67p.toml", archive=folder)
    return _imitation(
        # these maps are of no model that has a page
        replace(real, columns={name: value for name, value in real.columns.items() if name != "shape_model_url"}),
        "Synthetic illumination maps",
        "SYNTHETIC maps like those of comet 67P, of an icosahedron under the Sun, made to show the service. "
        "Five files for each of some positions of the Sun.",
    )


def _runs_definition(folder: Path) -> Definition:
    return _imitation(
        load_definition(_SERVICES / "transplanet.toml", archive=folder),
        "Synthetic simulations of planetary ionospheres",
        "SYNTHETIC results of an invented ionosphere code at Earth, Mars, Jupiter and Venus, made to show the service: "
        "altitude profiles and time series, with the inputs of each run.",
    )


def _imitation(definition: Definition, title: str, description: str) -> Definition:
    return replace(
        definition,
        title=title,
        description=description,
        publisher=_PUBLISHER,
        creator="epntap sample generator",
        reference_url="https://example.org/epntap",
    )


#: what is published, the first being what the documentation asks
SAMPLES: tuple[Sample, ...] = (
    Sample("amdadb", "sample-archive-1", write_sample_archive, demo_definition, "time series of three spacecraft"),
    Sample(
        "illu67p", "sample-maps-1", lambda root: write_maps(root, *_GRID), _maps_definition, "illumination maps, images"
    ),
    Sample("transplanet", "sample-runs-1", write_simulations, _runs_definition, "runs of an ionosphere simulation"),
)


def _files(sample: Sample, settings: Settings, say: Callable[[str], None]) -> Path:
    folder = settings.home / sample.folder
    if not folder.is_dir():
        say(f"{sample.schema}: writing synthetic files to {folder}")
        # A folder that is there is complete: it gets its name at the end.
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        sample.write(unfinished)
        unfinished.rename(folder)
    return folder


def _free_samples(database: Database, settings: Settings, say: Callable[[str], None]) -> Iterator[Sample]:
    """The samples whose schema is theirs or nobody's. Raises SetupError when the first one's is another's."""
    with connect(database, Role.SERVICE) as connection:
        taken = {one.schema_name: one.title for one in services(connection) if one.publisher != _PUBLISHER}
    for sample in SAMPLES:
        if sample.schema not in taken:
            yield sample
        elif sample is SAMPLES[0]:
            raise SetupError(
                f"{settings.home} publishes {sample.schema} already, as {taken[sample.schema]!r}, and the "
                "demonstration would replace it; set EPNTAP_HOME to another folder."
            )
        else:
            say(f"{sample.schema}: left as it is, because {taken[sample.schema]!r} is published under this name")


def welcome(settings: Settings) -> str:
    """What to do next, for the terminal."""
    base, tap = settings.base_url, settings.addresses.tap()
    tables = "\n".join(f"  {f'{one.schema}.epn_core':<21} {one.what} (SYNTHETIC)" for one in SAMPLES)
    return f"""
Serving {settings.home} on {base}
  TAP       {tap}           (TOPCAT: VO > Table Access Protocol > TAP URL)
  DataLink  {settings.addresses.links("syna-mag_20161231", SAMPLES[0].schema)}
{tables}

In Python (pip install pyvo):
  import pyvo
  service = pyvo.dal.TAPService("{tap}")
  print(service.search("SELECT TOP 5 granule_uid, target_name, time_min FROM amdadb.epn_core").to_table())

Other commands, also from cron and other folders, find it by EPNTAP_HOME={settings.home}
Requests are logged in {settings.log_file or "this terminal"}. Ctrl-C stops everything.
"""  # noqa: S608  # the query is for the reader
