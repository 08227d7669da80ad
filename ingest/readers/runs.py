"""A tree of simulation runs: each run file and the CDF files that it names become rows, datasets and indexed files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from epntap.archive.model import ArchiveFile, Dataset, Parameter
from epntap.cdf.facts import FileFacts, index_file
from epntap.epncore.text import clean_granule_uid, clean_text, hash_list
from epntap.epncore.time import dali_timestamp, jd_from_datetime
from epntap.epncore.vocabulary import ProcessingLevel
from epntap.errors import UnreadableFileError
from ingest.facts import Refusal, RowFacts, Value
from ingest.readers.istp import describe_file, utc_from_tt2000
from ingest.runs.runfile import PRODUCTS, Result, Run, is_run_file, read_run
from ingest.walk import is_cdf, walk_tree

__all__ = ["RUN_VALUES", "RunRow", "read_runs"]

#: standard columns that rows of runs have beside the mandatory ones
RUN_VALUES = ("access_url", "file_name", "datalink_url", "target_region", "time_scale", "bib_reference")
#: records may lie this many steps outside the simulated time
_SLACK_STEPS = 1.0
_MODELLED = ";meta.modelled"
_CLASS = "planet"
_MEDIA_TYPE = "application/x-cdf"


@dataclass(frozen=True, slots=True)
class RunRow:
    """One result of a run: its row, and the dataset that cut-outs of its file go by."""

    row: RowFacts
    dataset: Dataset


def read_runs(root: Path, advance: Callable[[int], None]) -> Iterator[RunRow | Refusal]:
    """The results of all runs below a folder, in the order of the paths of the run files.

    What cannot be used is a Refusal: a run file, a result that is missing, damaged or of another time, a CDF file that
    no run names, a run or file name that is there twice.
    """
    tree = walk_tree(root, lambda name: is_run_file(name) or is_cdf(name))
    yield from tree.refusals
    cdf_files = {path for path in tree.files if is_cdf(path)}
    claimed: set[str] = set()
    runs: dict[str, str] = {}
    owners: dict[str, str] = {}
    for path in tree.files:
        if path in cdf_files:
            continue
        advance(1)
        folder = path.rpartition("/")[0]
        try:
            run = read_run(root / path, path)
        except UnreadableFileError as exc:
            yield Refusal(path, str(exc))
            continue
        files = {result.file: f"{folder}/{result.file}" if folder else result.file for result in run.results}
        claimed.update(files.values())
        if run.run_id in runs:
            yield Refusal(path, f"the run {run.run_id} is already described by {runs[run.run_id]}")
            continue
        runs[run.run_id] = path
        for result in run.results:
            advance(1)
            yield _read_result(root, run, result, files[result.file], cdf_files, owners)
    for path in sorted(cdf_files - claimed):
        advance(1)
        yield Refusal(path, "no run file names it as a result")


def _read_result(
    root: Path, run: Run, result: Result, path: str, cdf_files: set[str], owners: dict[str, str]
) -> RunRow | Refusal:
    if path not in cdf_files:
        return Refusal(path, f"the run {run.run_id} names this file, but it is not there")
    uid = clean_granule_uid(path.rpartition("/")[2].rpartition(".")[0])
    if uid in owners:
        return Refusal(path, f"the granule_uid {uid} is already that of {owners[uid]}")
    try:
        facts = index_file(root / path)
        _check_times(run, facts)
        described = describe_file(root / path)
    except UnreadableFileError as exc:
        return Refusal(path, str(exc))
    measured = result.measured or _measured_by(described.values.get("measurement_type"))
    if not measured:
        return Refusal(path, "neither the run file (measured) nor the units of the file say what is computed")
    owners[uid] = path
    dataset = _dataset(run, result, uid, described.parameters)
    file = ArchiveFile(
        dataset_id=dataset.dataset_id,
        root=str(root),
        path=path,
        size_bytes=facts.size_bytes,
        mtime_ns=facts.mtime_ns,
        tt2000_min=facts.tt2000_min,
        tt2000_max=facts.tt2000_max,
        records=facts.records,
        fill_epochs=facts.fill_epochs,
    )
    return RunRow(RowFacts(_values(run, result, uid, measured, facts), path, file), dataset)


def _check_times(run: Run, facts: FileFacts) -> None:
    slack = timedelta(seconds=_SLACK_STEPS * run.step_s)
    first, last = utc_from_tt2000(facts.tt2000_min), utc_from_tt2000(facts.tt2000_max, round_up=True)
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


def _values(run: Run, result: Result, uid: str, measured: tuple[str, ...], facts: FileFacts) -> dict[str, Value]:
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
        "spatial_frame_type": "body",
        "c1min": run.longitude_deg,
        "c1max": run.longitude_deg,
        "c2min": run.latitude_deg,
        "c2max": run.latitude_deg,
        "c3min": run.altitude_min_km,
        "c3max": run.altitude_max_km,
        "bib_reference": run.reference,
        "creation_date": dali_timestamp(run.created) if run.created else None,
        "access_url": f"/data/{quote(uid, safe='')}.cdf",
        "access_format": _MEDIA_TYPE,
        "access_estsize": max(1, round(facts.size_bytes / 1000)),
        "file_name": f"{uid}.cdf",
        "datalink_url": f"/datalink/links?ID={quote(uid, safe='')}",
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
