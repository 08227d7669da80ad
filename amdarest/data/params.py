"""What a request asks for. Parameters that nobody knows are passed over, as AMDA does; values are read strictly."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from amdarest.products import AmdaDataset, Chosen, Products
from epntap.access import Caller
from epntap.errors import NotFoundError, ParameterError
from epntap.hints import did_you_mean, shortened
from epntap.instants.isotime import first_instant
from epntap.instants.leapseconds import offsets
from epntap.instants.tt2000 import MAX_TT2000, MIN_TT2000, InstantError

__all__ = ["AmdaRequest", "Form", "amda_request", "values_of"]

_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{0,30})?", re.ASCII)
#: 2000-01-01, seconds since 1970
_EPOCH_S = 946_684_800
_NS = 1_000_000_000
_LONGEST_S = 10**9
#: years that 64 bits of nanoseconds cannot hold are before or after everything, in seconds since 2000
_FAR_S = 9_000_000_000


class Form(StrEnum):
    """Formats of answers."""

    ASCII = "ASCII"
    CDF = "CDF_ISTP"
    VOTABLE = "VOTable"
    JSON = "JSON"

    @property
    def extension(self) -> str:
        """From which old clients tell the media type."""
        return {"ASCII": "txt", "CDF_ISTP": "cdf", "VOTable": "vot", "JSON": "json"}[self.value]


_FORMS = {one.value.casefold(): one for one in Form} | {"cdf": Form.CDF, "": Form.ASCII}


@dataclass(frozen=True, slots=True)
class AmdaRequest:
    """Parameters of one dataset in an interval."""

    #: as the client spells it: of a parameter, of a component, or of a dataset
    id: str
    dataset: AmdaDataset
    chosen: tuple[Chosen, ...]
    #: TT2000, half-open
    start: int
    stop: int
    form: Form
    #: seconds since 1970 in place of ISO 8601, where times are texts
    is_unix: bool
    #: nanoseconds of the bins that are averaged; 0: the records
    sampling_ns: int
    caller: Caller
    #: whether the file is compressed
    is_gzipped: bool = False


def values_of(pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """The first value of each name."""
    values: dict[str, str] = {}
    for name, value in pairs:
        values.setdefault(name, value)
    return values


def amda_request(values: Mapping[str, str], products: Products, caller: Caller, *, of_dataset: bool) -> AmdaRequest:
    """What getParameter, or getDataset, is asked for. Raises NotFoundError, ParameterError."""
    name = _required(values, "datasetID" if of_dataset else "parameterID")
    if of_dataset:
        dataset = products.dataset(name, caller)
        chosen = tuple(Chosen(dataset, one) for one in dataset.parameters)
        if not chosen:
            raise NotFoundError(f"datasetID: {shortened(name)!r} holds no numbers along time.")
    else:
        one = products.parameter(name, caller)
        dataset, chosen = one.dataset, (one,)
    start, stop = _instant(values, "startTime"), _instant(values, "stopTime")
    if start >= stop:
        raise ParameterError("stopTime: expected a time after startTime, found none.")
    sampling_ns = _sampling(values)
    cadence = dataset.held.series.cadence_ns
    return AmdaRequest(
        id=name,
        dataset=dataset,
        chosen=chosen,
        start=start,
        stop=stop,
        form=_form(values),
        is_unix=_is_unix(values),
        # what is further apart than the bins stays as it is
        sampling_ns=sampling_ns if cadence is None or sampling_ns > cadence else 0,
        caller=caller,
        is_gzipped=_is_gzipped(values),
    )


def _required(values: Mapping[str, str], name: str) -> str:
    text = values.get(name, "").strip()
    if not text:
        raise ParameterError(f"{name}: expected a value, found none.")
    return text


def _instant(values: Mapping[str, str], name: str) -> int:
    text = _required(values, name)
    if _NUMBER.fullmatch(text) and not (len(text) == 4 and text.isdigit()):
        seconds = Decimal(text) - _EPOCH_S
        if abs(seconds) > _FAR_S:
            return MIN_TT2000 if seconds < 0 else MAX_TT2000
        return min(max(offsets().to_instant(int(seconds * _NS)), MIN_TT2000), MAX_TT2000)
    try:
        return first_instant(text.upper().replace(" ", "T").removesuffix("+00:00"))
    except InstantError:
        raise ParameterError(
            f"{name}: expected a time in UTC such as 2017-01-01T00:00:00Z, or seconds since 1970, "
            f"found {shortened(text)!r}."
        ) from None


def _form(values: Mapping[str, str]) -> Form:
    text = values.get("outputFormat", "").strip()
    found = _FORMS.get(text.casefold())
    if found is None:
        known = [one.value for one in Form]
        raise ParameterError(
            f"outputFormat: expected {', '.join(known[:-1])} or {known[-1]}, found {shortened(text)!r}."
            f"{did_you_mean(text, known)}"
        )
    return found


def _is_unix(values: Mapping[str, str]) -> bool:
    text = values.get("timeFormat", "").strip()
    if text.casefold() not in {"", "iso8601", "iso", "unixtime", "unix"}:
        raise ParameterError(f"timeFormat: expected ISO8601 or UNIXTIME, found {shortened(text)!r}.")
    return text.casefold().startswith("unix")


def _is_gzipped(values: Mapping[str, str]) -> bool:
    text = values.get("gzip", "").strip().casefold()
    if text not in {"", "0", "1", "false", "true", "no", "yes"}:
        raise ParameterError(f"gzip: expected 1 or 0, found {shortened(text)!r}.")
    return text in {"1", "true", "yes"}


def _sampling(values: Mapping[str, str]) -> int:
    text = values.get("sampling", "").strip()
    if not text:
        return 0
    seconds = Decimal(text) if _NUMBER.fullmatch(text) else Decimal(-1)
    if not 0 <= seconds <= _LONGEST_S:
        raise ParameterError(
            f"sampling: expected seconds such as 60, or nothing for the records as they are, found {shortened(text)!r}."
        )
    return int(seconds * _NS)
