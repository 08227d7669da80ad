"""The descriptors that the rows of one document refer to: one for each dataset, with what its granules allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from datalink.links.descriptors import Descriptor, Offer, Range, amda_descriptor, hapi_descriptor, soda_descriptor
from epntap.access import Caller, may_now
from epntap.addresses import Addresses
from epntap.archive.finding.locate import LocatedGranule
from epntap.archive.model import ArchiveFile
from epntap.cdf import MAX_TT2000, MIN_TT2000, format_utc, jd_from_tt2000

__all__ = ["Offers", "granule_range", "tt2000_range"]

#: datasets that get descriptors of their own; rows of further ones share one of their service that tells no range
MOST_DATASETS = 50
#: names to choose from in one form
MOST_PARAMETERS = 200
_HOUR_NS = 3_600_000_000_000


class _Build(Protocol):
    def __call__(
        self, addresses: Addresses, id_ref: str, offer: Offer, schema: str, resource_id: str = ...
    ) -> Descriptor: ...


_SERVICES: dict[str, _Build] = {"soda": soda_descriptor, "amda": amda_descriptor, "hapi": hapi_descriptor}


class Offers:
    """Collects descriptors while rows are made. Its size is bounded, whatever the number of rows."""

    def __init__(self, addresses: Addresses, id_ref: str, caller: Caller) -> None:
        """`id_ref` is the XML ID of the FIELD that holds the identifier."""
        self._addresses = addresses
        self._id_ref = id_ref
        self._caller = caller
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._shared: dict[tuple[str, str], str] = {}

    def refer(self, service: str, granule: LocatedGranule) -> str:
        """The ID of the descriptor of a service (soda, amda or hapi) for a granule."""
        key = granule.schema, granule.dataset.dataset_id
        entry = self._entries.get(key)
        if entry is None:
            if len(self._entries) >= MOST_DATASETS:
                shared = service, granule.schema
                return self._shared.setdefault(shared, f"{service}_any_{granule.schema}")
            entry = self._entries[key] = _Entry(len(self._entries) + 1)
        entry.extend(granule, self._caller)
        return entry.services.setdefault(service, service if entry.number == 1 else f"{service}_{entry.number}")

    def descriptors(self) -> list[Descriptor]:
        """All that were referred to."""
        found = [
            _SERVICES[service](self._addresses, self._id_ref, entry.offer(subject), schema, name)
            for subject, schema, entry in self._by_subject()
            for service, name in entry.services.items()
        ]
        found += [
            _SERVICES[service](self._addresses, self._id_ref, Offer(subject="others"), schema, name)
            for (service, schema), name in self._shared.items()
        ]
        return found

    def _by_subject(self) -> Iterator[tuple[str, str, _Entry]]:
        """Entries with what they are of (nothing where there is one, else the dataset) and their service."""
        for (schema, dataset_id), entry in self._entries.items():
            yield ("" if len(self._entries) == 1 else f"{schema} {dataset_id}"), schema, entry


@dataclass(slots=True)
class _Entry:
    """What the granules of one dataset allow together."""

    number: int
    #: service -> ID of its descriptor
    services: dict[str, str] = field(default_factory=dict)
    start_tt2000: int = MAX_TT2000
    stop_tt2000: int = MIN_TT2000
    parameters: dict[str, str] = field(default_factory=dict)
    example: tuple[tuple[str, str], ...] = ()
    _layouts: set[str] = field(default_factory=set)
    _last: LocatedGranule | None = None

    def extend(self, granule: LocatedGranule, caller: Caller) -> None:
        """Let the offer hold for this granule as well."""
        if self._last is granule:
            return
        self._last = granule
        if granule.stop_tt2000 > granule.start_tt2000:
            self.start_tt2000 = min(self.start_tt2000, granule.start_tt2000)
            self.stop_tt2000 = max(self.stop_tt2000, granule.stop_tt2000)
        for file in granule.files:
            if file.layout not in self._layouts and len(self.parameters) < MOST_PARAMETERS:
                self._layouts.add(file.layout)
                self._add_parameters(file, granule)
        self.example = self.example or _example(granule, caller)

    def offer(self, subject: str) -> Offer:
        """What a form may say."""
        span = tt2000_range(self.start_tt2000, self.stop_tt2000) if self.stop_tt2000 > self.start_tt2000 else None
        return Offer(span, tuple(self.parameters.items()), self.example, subject)

    def _add_parameters(self, file: ArchiveFile, granule: LocatedGranule) -> None:
        for names in file.axes.values():
            for name in names:
                if len(self.parameters) < MOST_PARAMETERS:
                    self.parameters.setdefault(name, _title(granule, name))


def granule_range(granule: LocatedGranule) -> Range:
    """The interval of a granule as descriptors show it."""
    return tt2000_range(granule.start_tt2000, granule.stop_tt2000)


def tt2000_range(start_tt2000: int, stop_tt2000: int) -> Range:
    """An interval as descriptors show it."""
    start, stop = (min(max(instant, MIN_TT2000), MAX_TT2000) for instant in (start_tt2000, stop_tt2000))
    mjd = [f"{jd_from_tt2000(instant) - 2_400_000.5:.8f}" for instant in (start, stop)]
    return Range(format_utc(start, 3), format_utc(stop, 3), *mjd)


def _title(granule: LocatedGranule, name: str) -> str:
    for parameter in granule.dataset.parameters:
        if name in {parameter.variable, parameter.name}:
            unit = f" [{parameter.units}]" if parameter.units else ""
            return f"{name}: {parameter.title}{unit}" if parameter.title else f"{name}{unit}"
    return name


def _example(granule: LocatedGranule, caller: Caller) -> tuple[tuple[str, str], ...]:
    """An hour from the first record on, so that the answer is not empty."""
    starts = [max(file.tt2000_min, granule.start_tt2000) for file in granule.files if file.tt2000_min is not None]
    if not starts or not may_now(caller, granule.dataset.rights_to(granule.files)):
        return ()
    first = min(starts)
    last = max(min(first + _HOUR_NS, granule.stop_tt2000), first + 1)
    return (
        ("ID", granule.granule_uid),
        ("START", format_utc(first)),
        ("STOP", format_utc(last)),
        ("FORMAT", "VOTable"),
        ("SCHEMA", granule.schema),
    )
