"""The run file: a TOML file beside the results of one run. Its keys are described in docs/howto/transplanet.md."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from epntap.epncore.ucd import canonical_ucd
from epntap.errors import UnreadableFileError
from epntap.hints import did_you_mean
from epntap.strict import StrictTable

__all__ = ["PLANETS", "PRODUCTS", "RUN_FILE", "Result", "Run", "is_run_file", "read_run", "run_text"]

#: name of a run file; `<anything>.run.toml` is one too
RUN_FILE = "run.toml"
#: bodies with an ionosphere that the code knows
PLANETS = ("Earth", "Mars", "Jupiter", "Venus")
#: dataproduct_type of a result -> what it is
PRODUCTS: Mapping[str, str] = MappingProxyType({"pr": "altitude profiles", "ts": "time series"})

_CLEAN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
#: a chemical formula with its charge: e-, O+, O2+, CO2+, H3+, N2
_SPECIES = re.compile(r"e-|(?:[A-Z][a-z]?\d*)+(?:\((?:\d?[A-Z])\))?[+-]{0,2}")


@dataclass(frozen=True, slots=True)
class Result:
    """One result file of a run."""

    #: name of the file, in the folder of the run file
    file: str
    #: `pr` or `ts`
    product: str
    #: UCDs of the quantities in it, in the spelling of the word list; () if the file is to say
    measured: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the code."""

    run_id: str
    planet: str
    code: str
    version: str
    #: simulated time, UTC without tzinfo
    start: datetime
    duration_s: float
    step_s: float
    species: tuple[str, ...]
    magnetic_field: str
    atmosphere: str
    results: tuple[Result, ...]
    title: str | None = None
    reference: str | None = None
    created: datetime | None = None
    #: solar radio flux at 10.7 cm, in 1e-22 W m-2 Hz-1
    f107: float | None = None
    #: mean of F10.7 over 81 days
    f107_mean: float | None = None
    #: daily planetary index of geomagnetic activity, in 2 nT
    ap: float | None = None
    #: degrees east, 0 to 360, and degrees north
    longitude_deg: float | None = None
    latitude_deg: float | None = None
    altitude_min_km: float | None = None
    altitude_max_km: float | None = None

    @property
    def stop(self) -> datetime:
        """End of the simulated time."""
        return self.start + timedelta(seconds=self.duration_s)


def is_run_file(name: str) -> bool:
    """Whether a file of this name describes a run."""
    return name == RUN_FILE or name.endswith(f".{RUN_FILE}")


def run_text(path: Path, relative: str) -> str:
    """The text of a run file. Raises UnreadableFileError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as exc:
        raise UnreadableFileError(f"{relative} cannot be opened: {(exc.strerror or 'no reason').lower()}") from exc
    except UnicodeDecodeError as exc:
        raise UnreadableFileError(f"{relative} is not UTF-8 text") from exc


def read_run(text: str, relative: str) -> Run:
    """The run that a text describes. Raises UnreadableFileError with one sentence on the first thing wrong."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise UnreadableFileError(f"{relative} is not valid TOML: {exc}") from exc
    whole = StrictTable(document, relative, UnreadableFileError)
    run, models = whole.needed_table("run"), whole.needed_table("models")
    activity = whole.table("activity") or StrictTable({}, relative, UnreadableFileError)
    place = whole.table("place") or StrictTable({}, relative, UnreadableFileError)
    results = tuple(_result(table) for table in whole.tables("result"))
    if not results:
        whole.fail("there is no [[result]] table, so the run has nothing to publish.")
    whole.finish()
    duration_s = run.needed_number("duration_s", low=0)
    lowest, highest = _altitudes(place)
    found = Run(
        run_id=_identifier(run),
        planet=_planet(run),
        code=run.needed_text("code"),
        version=run.needed_text("version"),
        start=run.needed_moment("start"),
        duration_s=duration_s,
        step_s=_step(run, duration_s),
        species=_species(run),
        title=run.text("title"),
        reference=run.text("reference"),
        created=run.moment("created"),
        magnetic_field=models.needed_text("magnetic_field"),
        atmosphere=models.needed_text("atmosphere"),
        f107=activity.number("f107", low=0, high=1000),
        f107_mean=activity.number("f107_mean", low=0, high=1000),
        ap=activity.number("ap", low=0, high=400),
        longitude_deg=place.number("longitude_deg", low=0, high=360),
        latitude_deg=place.number("latitude_deg", low=-90, high=90),
        altitude_min_km=lowest,
        altitude_max_km=highest,
        results=results,
    )
    for table in (run, models, activity, place):
        table.finish()
    _check_results(whole, results)
    return found


def _identifier(table: StrictTable) -> str:
    text = table.needed_text("id")
    if not _CLEAN_ID.fullmatch(text):
        table.fail(f"id may hold letters, digits and ._+- only, but it is {text!r}.")
    return text


def _planet(table: StrictTable) -> str:
    text = table.needed_text("planet")
    if text not in PLANETS:
        table.fail(f"planet must be one of {', '.join(PLANETS)}, but it is {text!r}.{did_you_mean(text, PLANETS)}")
    return text


def _step(table: StrictTable, duration_s: float) -> float:
    step_s = table.needed_number("step_s", low=0)
    if not duration_s or not step_s or step_s > duration_s:
        table.fail(
            f"step_s and duration_s must be greater than 0, and the step no longer than the run, "
            f"but they are {step_s:g} and {duration_s:g}."
        )
    return step_s


def _species(table: StrictTable) -> tuple[str, ...]:
    items = table.texts("species")
    if not items:
        table.fail("species is missing; list the formulas of the species that the run follows.")
    for item in items:
        if not _SPECIES.fullmatch(item):
            table.fail(f"species must be formulas such as e-, O+ or CO2+, but one is {item!r}.")
    return tuple(dict.fromkeys(items))


def _altitudes(table: StrictTable) -> tuple[float | None, float | None]:
    low, high = table.number("altitude_min_km"), table.number("altitude_max_km")
    if (low is None) != (high is None):
        table.fail("altitude_min_km and altitude_max_km must both be given.")
    if low is not None and high is not None and low > high:
        table.fail(f"altitude_min_km {low:g} is greater than altitude_max_km {high:g}.")
    return low, high


def _result(table: StrictTable) -> Result:
    file = table.needed_text("file")
    if "/" in file or "\\" in file or not file.lower().endswith(".cdf"):
        table.fail(f"file must be the name of a .cdf file in the folder of the run file, but it is {file!r}.")
    product = table.needed_text("product")
    if product not in PRODUCTS:
        known = ", ".join(f"{code} ({name})" for code, name in PRODUCTS.items())
        table.fail(f"product must be one of {known}, but it is {product!r}.")
    measured = []
    for text in table.texts("measured"):
        ucd = canonical_ucd(text)
        if ucd is None:
            table.fail(f"measured must hold UCDs such as phys.density;phys.electron, but {text!r} is none.")
        measured.append(ucd)
    table.finish()
    return Result(file, product, tuple(measured))


def _check_results(whole: StrictTable, results: tuple[Result, ...]) -> None:
    names = [result.file for result in results]
    for name in names:
        if names.count(name) > 1:
            whole.fail(f"the file {name!r} stands in two [[result]] tables.")
