"""Sources of kind `runs`: run files and the CDF files that they name become rows, datasets, indexed files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from epntap.addresses import Addresses
from epntap.archive.model import Dataset, Parameter, ScannedFile, stem_of
from epntap.catalog.model import Column
from epntap.epncore.columns import RELATIVE_URLS
from epntap.epncore.text import clean_granule_uid, clean_text, hash_list
from epntap.epncore.vocabulary import ProcessingLevel
from epntap.errors import UnreadableFileError
from epntap.instants.julian import dali_timestamp, jd_from_datetime
from epntap.media import MEDIA_TYPES
from ingest.facts import Refusal, RowFacts, Value
from ingest.files.istp import Description, describe_file, description_edition, utc_from_tt2000
from ingest.files.scan import CdfLook, Reading, Scanner, archive_file, by_path
from ingest.files.walk import Tree, is_cdf, walk_tree
from ingest.progress import Progress
from ingest.runs.columns import RUN_COLUMNS
from ingest.runs.runfile import PRODUCTS, Result, Run, is_run_file, read_run, run_text
from ingest.sources.kind import RowKind
from ingest.sources.said import RowOfDataset, Unit

__all__ = ["RUNS", "RunPlan"]

#: standard columns that rows have beside the mandatory ones
_COLUMNS = ("access_url", "file_name", "datalink_url", "target_region", "time_scale", "bib_reference")
#: records may lie this many steps outside the simulated time
_SLACK_STEPS = 1.0
_MODELLED = ";meta.modelled"
_CLASS = "planet"
_FRAME = "body"
#: relative to the public address
_ADDRESSES = Addresses()


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A definition declares nothing of runs: their run files say everything."""

    columns: tuple[str, ...] = _COLUMNS
    relative_urls: frozenset[str] = RELATIVE_URLS
    frames: frozenset[str] = frozenset({_FRAME})


@dataclass(frozen=True, slots=True)
class RunFileLook:
    """Keeps the text of a run file."""

    edition: str = "run file"

    def __call__(self, path: Path, relative: str, /) -> Reading:
        """The text, but for characters that a database cannot hold: TOML does not allow them either."""
        return Reading(run_text(path, relative).replace("\0", "\N{REPLACEMENT CHARACTER}"))


@dataclass(frozen=True, slots=True)
class ResultLook:
    """Looks into the times of a result and at what it says of its variables."""

    @property
    def edition(self) -> str:
        """Another one when descriptions are made by other code."""
        return f"result {CdfLook().edition} {description_edition()[:12]}"

    def __call__(self, path: Path, relative: str, /) -> Reading:
        """The facts of the file index, and the description as JSON."""
        return replace(CdfLook()(path, relative), description=describe_file(path).to_json())


def _open(
    root: Path, _plan: RunPlan, _columns: Mapping[str, Column], schema: str, scanner: Scanner, progress: Progress
) -> RunTree:
    """Look into the files of all runs below a folder, those that have moved since they were last seen."""
    progress.stage("looking for files")
    tree = walk_tree(root, lambda name: is_run_file(name) or is_cdf(name))
    cdf_files = frozenset(path for path in tree.files if is_cdf(path))
    run_files = tuple(path for path in tree.files if path not in cdf_files)
    progress.stage("reading runs", len(run_files))
    texts = scanner.scan(root, run_files, look=RunFileLook(), advance=progress.advance)
    runs = {path: _run_in(texts[path]) for path in run_files}
    named = {name for path, run in runs.items() if isinstance(run, Run) for name in _result_files(path, run).values()}
    results = sorted(named & cdf_files)
    progress.stage("reading results", len(results))
    scanned = scanner.scan(root, results, look=ResultLook(), advance=progress.advance)
    return RunTree(tree, cdf_files - named, runs, {**texts, **scanned}, schema)


def _run_in(scanned: ScannedFile) -> Run | str:
    """The run that a file describes, or why it describes none."""
    if scanned.refusal is not None:
        return scanned.refusal
    try:
        return read_run(scanned.description or "", scanned.path)
    except UnreadableFileError as exc:
        return str(exc)


def _result_files(path: str, run: Run) -> dict[str, str]:
    """Name of a result -> its path below the source folder."""
    folder = path.rpartition("/")[0]
    return {result.file: f"{folder}/{result.file}" if folder else result.file for result in run.results}


@dataclass(frozen=True, slots=True)
class RunTree:
    """A tree whose run files and results have been looked into."""

    tree: Tree
    #: CDF files that no run names
    unnamed: frozenset[str]
    #: run file -> what it describes, or why it describes nothing
    runs: Mapping[str, Run | str]
    #: run files and results, by path
    scanned: Mapping[str, ScannedFile]
    #: service that the rows are for
    schema: str

    @property
    def steps(self) -> int:
        """Of `rows`: one for each file."""
        return len(self.scanned)

    @property
    def contents(self) -> tuple[object, ...]:
        """All that the rows and the refusals depend on."""
        return (self.tree.refusals, *sorted(self.unnamed), *by_path(self.scanned))

    def told(self, advance: Callable[[int], None], met: set[str]) -> Iterator[Unit | Refusal]:  # noqa: ARG002  # no rules
        """All runs, in the order of the paths of the run files.

        What cannot be used is a Refusal: a run file, a result that is missing, damaged or of another time, a CDF file
        that no run names, a run or file name that is there twice.
        """
        yield from self.tree.refusals
        known: dict[str, str] = {}
        owners: dict[str, str] = {}
        for path, run in self.runs.items():
            advance(1)
            if isinstance(run, str):
                yield Refusal(path, run)
            elif run.run_id in known:
                reason = f"the run {run.run_id} is already described by {known[run.run_id]}"
                yield Refusal(path, reason, granules=len(run.results))
            else:
                known[run.run_id] = path
                files = _result_files(path, run)
                yield Unit(
                    path,
                    partial(self._made_from, [path, *files.values()]),
                    partial(self._read_results, run, files, owners),
                )
                advance(len(run.results))
        for path in sorted(self.unnamed):
            yield Refusal(path, "no run file names it as a result")

    def _made_from(self, paths: Sequence[str]) -> object:
        return [self.scanned.get(path) for path in paths]

    def _read_results(
        self, run: Run, files: Mapping[str, str], owners: dict[str, str]
    ) -> Iterator[RowOfDataset | Refusal]:
        for result in run.results:
            yield self._read_result(run, result, files[result.file], owners)

    def _read_result(self, run: Run, result: Result, path: str, owners: dict[str, str]) -> RowOfDataset | Refusal:
        if path not in self.scanned:
            return Refusal(path, f"the run {run.run_id} names this file, but it is not there", granules=1)
        uid = clean_granule_uid(stem_of(path))
        if uid in owners:
            return Refusal(path, f"the granule_uid {uid} is already that of {owners[uid]}", granules=1)
        scanned = self.scanned[path]
        if scanned.refusal is not None:
            return Refusal(path, scanned.refusal, granules=1)
        try:
            _check_times(run, scanned)
        except UnreadableFileError as exc:
            return Refusal(path, str(exc), granules=1)
        described = Description.from_json(scanned.description or "")
        assert described is not None, "the edition of the look says that it is of this program"
        measured = result.measured or _measured_by(described.values.get("measurement_type"))
        if not measured:
            reason = "neither the run file (measured) nor the units of the file say what is computed"
            return Refusal(path, reason, granules=1)
        owners[uid] = path
        dataset = _dataset(run, result, uid, described.parameters)
        values = _values(run, result, uid, measured, scanned) | {
            "access_url": _ADDRESSES.data(uid, "cdf", self.schema),
            "datalink_url": _ADDRESSES.links(uid, self.schema),
        }
        return RowOfDataset(RowFacts(values, path, archive_file(scanned, dataset.dataset_id)), dataset)


def _check_times(run: Run, file: ScannedFile) -> None:
    slack = timedelta(seconds=_SLACK_STEPS * run.step_s)
    assert file.tt2000_min is not None
    assert file.tt2000_max is not None
    first, last = utc_from_tt2000(file.tt2000_min), utc_from_tt2000(file.tt2000_max, round_up=True)
    if first < run.start - slack or last > run.stop + slack:
        raise UnreadableFileError(
            f"its records are of {_said(first)} to {_said(last)}, but the run {run.run_id} is of "
            f"{_said(run.start)} to {_said(run.stop)}"
        )


def _said(moment: datetime) -> str:
    return dali_timestamp(moment.replace(microsecond=0))


def _measured_by(measurement_type: Value) -> tuple[str, ...]:
    return tuple(measurement_type.split("#")) if isinstance(measurement_type, str) else ()


def _dataset(run: Run, result: Result, uid: str, parameters: tuple[Parameter, ...]) -> Dataset:
    title = run.title or f"{run.code} {run.version}, run {run.run_id}"
    return Dataset(
        dataset_id=uid,
        title=f"{title}: {PRODUCTS[result.product]}",
        description=f"{PRODUCTS[result.product].capitalize()} of a simulation of {run.planet}",
        start=run.start,
        stop=run.stop,
        cadence_min_s=run.step_s,
        cadence_max_s=run.step_s,
        parameters=parameters,
    )


def _values(run: Run, result: Result, uid: str, measured: tuple[str, ...], file: ScannedFile) -> dict[str, Value]:
    modelled = [ucd if ucd.endswith(_MODELLED) else f"{ucd}{_MODELLED}" for ucd in measured]
    values: dict[str, Value] = {
        "granule_uid": uid,
        "obs_id": clean_granule_uid(run.run_id),
        "granule_gid": PRODUCTS[result.product],
        "dataset_id": uid,
        "dataproduct_type": result.product,
        "measurement_type": "#".join(dict.fromkeys(modelled)),
        "processing_level": int(ProcessingLevel.DERIVED),
        "target_name": run.planet,
        "target_class": _CLASS,
        "target_region": "ionosphere",
        "time_min": jd_from_datetime(run.start),
        "time_max": jd_from_datetime(run.stop),
        "time_sampling_step_min": run.step_s,
        "time_sampling_step_max": run.step_s,
        "time_scale": "UTC",
        "instrument_host_name": hash_list(["simulation", run.code]),
        "instrument_name": hash_list([run.code]),
        "spatial_frame_type": _FRAME,
        "c1min": run.longitude_deg,
        "c1max": run.longitude_deg,
        "c2min": run.latitude_deg,
        "c2max": run.latitude_deg,
        "c3min": run.altitude_min_km,
        "c3max": run.altitude_max_km,
        "bib_reference": run.reference,
        "creation_date": dali_timestamp(run.created) if run.created else None,
        "access_format": MEDIA_TYPES["cdf"],
        "access_estsize": max(1, round(file.size_bytes / 1000)),
        "file_name": f"{uid}.cdf",
        "run_code": clean_text(run.code),
        "run_code_version": clean_text(run.version),
        "run_duration": run.duration_s,
        "run_step": run.step_s,
        "run_species": hash_list(run.species),
        "run_magnetic_field": clean_text(run.magnetic_field),
        "run_atmosphere": clean_text(run.atmosphere),
        "run_f107": run.f107,
        "run_f107_mean": run.f107_mean,
        "run_ap": run.ap,
    }
    return {name: value for name, value in values.items() if value is not None}


RUNS = RowKind(
    name="runs",
    read_plan=lambda _table, _custom: RunPlan(),
    look=_open,
    own_columns=RUN_COLUMNS,
    makes_datasets=True,
)
