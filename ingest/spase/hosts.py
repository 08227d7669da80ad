"""Who measured: spacecraft and instruments, each under one name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ingest.spase.document import InstrumentRecord, ObservatoryRecord

__all__ = ["HOST_NAMES", "NOT_HOSTS", "host_names", "instrument_names", "last_segment"]

#: names that occur -> the names to use; several for a constellation. Agencies' spelling, acronyms where they are
#: the better known name (EPN-TAP 2.0 §2.1)
HOST_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ArtemisP1": ("ARTEMIS-P1",),
        "ArtemisP2": ("ARTEMIS-P2",),
        "Cluster1": ("Cluster 1",),
        "Cluster-1": ("Cluster 1",),
        "Cluster2": ("Cluster 2",),
        "Cluster-2": ("Cluster 2",),
        "Cluster3": ("Cluster 3",),
        "Cluster-3": ("Cluster 3",),
        "Cluster4": ("Cluster 4",),
        "Cluster-4": ("Cluster 4",),
        "DoubleStar": ("Double Star",),
        "DoubleStar 1": ("Double Star 1",),
        "DoubleStar1": ("Double Star 1",),
        "FERMI": ("Fermi",),
        "GEOTAIL": ("Geotail",),
        "Helios1": ("Helios 1",),
        "Helios-1": ("Helios 1",),
        "Helios2": ("Helios 2",),
        "Helios-2": ("Helios 2",),
        "IMP8": ("IMP 8",),
        "IMP-8": ("IMP 8",),
        "ISEE1": ("ISEE 1",),
        "ISEE-1": ("ISEE 1",),
        "ISEE2": ("ISEE 2",),
        "ISEE-2": ("ISEE 2",),
        "Interball Tail": ("Interball-Tail",),
        "JASON3": ("Jason-3",),
        "Juice": ("JUICE",),
        "MMS-1": ("MMS1",),
        "MMS-2": ("MMS2",),
        "MMS-3": ("MMS3",),
        "MMS-4": ("MMS4",),
        "MMS1234": ("MMS1", "MMS2", "MMS3", "MMS4"),
        "MMS_1234": ("MMS1", "MMS2", "MMS3", "MMS4"),
        "Mariner10": ("Mariner 10",),
        "Mars Express": ("MEX",),
        "MarsExpress": ("MEX",),
        "POLAR": ("Polar",),
        "Parker Solar Probe": ("PSP",),
        "Phobos-2": ("Phobos 2",),
        "Phobos2": ("Phobos 2",),
        "Pioneer10": ("Pioneer 10",),
        "Pioneer-10": ("Pioneer 10",),
        "Pioneer11": ("Pioneer 11",),
        "Pioneer-11": ("Pioneer 11",),
        "PioneerVenusOrbiter": ("PVO",),
        "Pioneer Venus Orbiter": ("PVO",),
        "STEREO A": ("STEREO-A",),
        "STEREO B": ("STEREO-B",),
        "SWARM": ("Swarm",),
        "SWARM-A": ("Swarm-A",),
        "SWARM-B": ("Swarm-B",),
        "SWARM-C": ("Swarm-C",),
        "SolO": ("Solar Orbiter",),
        "SolarOrbiter": ("Solar Orbiter",),
        "Solar_Orbiter": ("Solar Orbiter",),
        "Themis": ("THEMIS",),
        "Venus Express": ("VEX",),
        "Venus-Express": ("VEX",),
        "Voyager1": ("Voyager 1",),
        "Voyager-1": ("Voyager 1",),
        "Voyager2": ("Voyager 2",),
        "Voyager-2": ("Voyager 2",),
    }
)

#: groups in which records are filed and that nobody flew
NOT_HOSTS = frozenset({"Solar Irradiance"})

#: a ResourceName that is an element name: somebody's template was not filled in
_UNFILLED = "ResourceHeader"


def last_segment(resource_id: str) -> str:
    """The last part of the path of a ResourceID."""
    return resource_id.rstrip("/").rsplit("/", 1)[-1]


def host_names(
    instrument_ids: Iterable[str],
    instruments: Mapping[str, InstrumentRecord],
    observatories: Mapping[str, ObservatoryRecord],
) -> tuple[str, ...]:
    """Names of the spacecraft or observatories that carry the instruments: group first, then the member.

    An instrument without a record gives the mission that its ResourceID names.
    """
    names: list[str] = []
    for instrument_id in instrument_ids:
        instrument = instruments.get(instrument_id)
        if instrument is None or not instrument.observatory_ids:
            names += _canonical(_mission_segment(instrument_id))
            continue
        for observatory_id in instrument.observatory_ids:
            names += _with_group(observatory_id, observatories)
    return tuple(dict.fromkeys(names))


def _with_group(observatory_id: str, observatories: Mapping[str, ObservatoryRecord]) -> list[str]:
    record = observatories.get(observatory_id)
    groups = record.group_ids if record is not None else ()
    own = _canonical(_observatory_name(observatory_id, record))
    above = [name for group in groups for name in _canonical(_observatory_name(group, observatories.get(group)))]
    return [*(name for name in above if name not in NOT_HOSTS), *own]


def _observatory_name(resource_id: str, record: ObservatoryRecord | None) -> str:
    if record is None or record.name in {"", _UNFILLED}:
        return last_segment(resource_id)
    return record.name


def _canonical(name: str) -> tuple[str, ...]:
    return HOST_NAMES.get(name, (name,) if name else ())


def _mission_segment(instrument_id: str) -> str:
    """`MMS` of `spase://CNES/Instrument/CDPP-AMDA/MMS/FGM`, `ACE` of `spase://NASA/Instrument/ACE/MAG`."""
    segments = instrument_id.removeprefix("spase://").strip("/").split("/")
    return segments[-2] if len(segments) > 3 else ""  # authority, type, mission, instrument


def instrument_names(instrument_ids: Iterable[str], instruments: Mapping[str, InstrumentRecord]) -> tuple[str, ...]:
    """Name of each instrument and, where it says something else, the acronym at the end of its ResourceID."""
    names: dict[str, str] = {}
    for instrument_id in instrument_ids:
        record = instruments.get(instrument_id)
        acronym = last_segment(instrument_id)
        for name in (record.name if record is not None and record.name != _UNFILLED else "", acronym):
            if name:
                names.setdefault(name.casefold(), name)
    return tuple(names.values())
