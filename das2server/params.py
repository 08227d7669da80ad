"""What a request asks for. Keys that nobody knows are passed over, as das2 has it; values are read strictly."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from das2server.planes import Das2Dataset, Datasets, Parameter
from epntap.access import Caller
from epntap.errors import NotFoundError, ParameterError
from epntap.hints import did_you_mean, shortened
from epntap.instants.isotime import first_instant
from epntap.instants.tt2000 import MAX_TT2000, MIN_TT2000, InstantError

__all__ = ["SERVERS", "DataRequest", "data_request", "dataset_of", "values_of"]

SERVERS = ("dataset", "discovery", "dsdf", "id", "list", "logo", "peers")
_KEYS = frozenset({
    "server", "dataset", "start_time", "end_time", "resolution", "interval", "params", "ascii", "compress"
})  # fmt: skip
_YES, _NO = frozenset({"1", "true", "yes"}), frozenset({"", "0", "false", "no"})
_NUMBER = re.compile(r"\+?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class DataRequest:
    """Records or bins of a dataset."""

    dataset: Das2Dataset
    parameters: tuple[Parameter, ...]
    #: TT2000, half-open
    start: int
    stop: int
    #: seconds; 0: the records
    resolution_s: float
    is_text: bool
    is_deflated: bool
    caller: Caller


def values_of(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """The values of known keys."""
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in _KEYS:
            continue
        if values.setdefault(name, value) != value:
            raise ParameterError(f"{name}: expected one value, found several; send it once.")
    return values


def dataset_of(values: Mapping[str, str], datasets: Datasets, caller: Caller) -> Das2Dataset:
    """The dataset that is asked for."""
    name = values.get("dataset", "").strip("/")
    if not name:
        raise ParameterError("dataset: expected a path of server=list, found none.")
    held = datasets.series(name, caller)
    if held is None:
        known = [one.public_id for one in datasets.all(caller)]
        raise NotFoundError(
            f"dataset: there is no such dataset; server=list has those that are.{did_you_mean(name, known)}"
        )
    return datasets.described[held.public_id]


def data_request(values: Mapping[str, str], datasets: Datasets, caller: Caller) -> DataRequest:
    """What server=dataset is asked for."""
    dataset = dataset_of(values, datasets, caller)
    start, stop = _instant(values, "start_time"), _instant(values, "end_time")
    if start >= stop:
        raise ParameterError("end_time: expected a time after start_time, found none; the end is not included.")
    return DataRequest(
        dataset=dataset,
        parameters=_parameters(values.get("params", ""), dataset),
        start=max(start, MIN_TT2000),
        stop=min(stop, MAX_TT2000),
        # das2 2.3 calls it interval
        resolution_s=_resolution(values, "resolution") or _resolution(values, "interval"),
        is_text=_is_wanted(values, "ascii"),
        is_deflated=_is_wanted(values, "compress"),
        caller=caller,
    )


def _instant(values: Mapping[str, str], name: str) -> int:
    text = values.get(name, "").strip()
    if not text:
        raise ParameterError(f"{name}: expected a time such as 2017-01-01T00:00:00Z, found none.")
    try:
        return first_instant(text.upper().replace(" ", "T"))
    except InstantError:
        raise ParameterError(
            f"{name}: expected a time in UTC such as 2017-01-01T00:00:00Z or 2017-001, found {shortened(text)!r}."
        ) from None


def _resolution(values: Mapping[str, str], name: str) -> float:
    text = values.get(name, "").strip()
    if not text:
        return 0.0
    seconds = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(seconds):
        raise ParameterError(
            f"{name}: expected seconds such as 60, or 0 for the records as they are, found {shortened(text)!r}."
        )
    return seconds


def _is_wanted(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "").strip().casefold()
    if text not in _YES | _NO:
        raise ParameterError(f"{name}: expected 1 or 0, found {shortened(text)!r}.")
    return text in _YES


def _parameters(text: str, dataset: Das2Dataset) -> tuple[Parameter, ...]:
    """Those that are named, in the order of the dataset; all without names."""
    if not dataset.parameters:
        raise ParameterError("dataset: it holds no numbers along time, so das2 has nothing of it; ask HAPI for it.")
    if not text.strip():
        return dataset.parameters
    by_name = {one.name: one for one in dataset.parameters}
    names = _names(text, by_name)
    for name in names:
        if name not in by_name:
            raise ParameterError(
                f"params: the dataset has no parameter {shortened(name)!r}.{did_you_mean(name, by_name)}"
            )
    return tuple(one for one in dataset.parameters if one.name in names)


def _names(text: str, known: Iterable[str]) -> Sequence[str]:
    """The names in a text, between commas or blanks; names may hold blanks themselves."""
    names: list[str] = []
    spelled = set(known)
    for part in re.split(r"[,;]", text):
        word = part.strip()
        names += [word] if word in spelled else word.split()
    return names
