"""The tree of datasets that clients show, and the lists beside it, as XML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from amdarest.places import NOWHERE, Place
from amdarest.products import AmdaDataset, AmdaParameter
from epntap.access import ANONYMOUS
from epntap.archive.holdings import may_have
from epntap.cdf import format_utc
from epntap.xml import attribute

__all__ = ["EMPTY_TREE", "NO_PARAMETERS", "obs_data_tree"]

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
#: Speasy takes names for attributes of objects, and a child that is called like one hides it
_RESERVED = frozenset({
    "att", "created", "dataset", "datasource", "datastart", "datastop", "desc", "description", "display_type",
    "folder", "group", "id", "is_spz_parameter", "lastmodificationdate", "lastupdate", "maxsampling",
    "measurement_type", "minsampling", "name", "parameter", "processing_level", "rank", "restriction", "sampling",
    "size", "spaseid", "start_date", "stop_date", "target", "template", "timerestriction", "ucd", "units",
})  # fmt: skip
#: what lists of what somebody owns hold where there is nothing
NO_PARAMETERS = f'{_HEAD}<ws><paramList xml:id="ws" name="Derived Parameters"/></ws>\n'
EMPTY_TREE = f'{_HEAD}<dataRoot xml:id="DATAROOT"><dataCenter/></dataRoot>\n'
_UNITS_OF_TIME = ((86_400, "D"), (3_600, "H"), (60, "M"), (1, "S"))
_NS = 1_000_000_000


def obs_data_tree(
    datasets: Iterable[AmdaDataset],
    centre: str,
    titles: Mapping[str, str],
    places: Mapping[tuple[str, str], Place],
) -> bytes:
    """All datasets by mission and instrument; where no row names a mission, by service, whose titles are by schema."""
    return "".join(_lines(datasets, centre, titles, places)).encode()


def _lines(
    datasets: Iterable[AmdaDataset],
    centre: str,
    titles: Mapping[str, str],
    places: Mapping[tuple[str, str], Place],
) -> Iterator[str]:
    branches: dict[str, dict[str, list[tuple[AmdaDataset, Place]]]] = {}
    for one in datasets:
        held = one.held
        place = places.get((held.schema, held.dataset_id), NOWHERE)
        mission = branches.setdefault(place.mission or titles.get(held.schema, held.schema), {})
        mission.setdefault(place.instrument, []).append((one, place))
    yield f'{_HEAD}<dataRoot xml:id="DATAROOT">'
    yield _start("dataCenter", {"name": centre, "desc": centre, "xml:id": "myLocalData-treeRootNode"})
    missions = _Names()
    for number, (name, instruments) in enumerate(sorted(branches.items())):
        targets = dict.fromkeys(place.target for group in instruments.values() for _, place in group)
        facts = {"name": missions.free(name), "desc": name, "target": ", ".join(filter(None, targets))}
        yield _start("mission", {**facts, "xml:id": f"mission_{number}"})
        yield from _mission(instruments, f"mission_{number}")
        yield "</mission>"
    yield "</dataCenter></dataRoot>\n"


def _mission(instruments: Mapping[str, Sequence[tuple[AmdaDataset, Place]]], mission: str) -> Iterator[str]:
    names = _Names()
    for number, (instrument, group) in enumerate(sorted(instruments.items())):
        if not instrument:
            for dataset, place in group:
                yield from _dataset(dataset, names.free(dataset.id), place)
            continue
        facts = {"name": names.free(instrument), "desc": instrument, "xml:id": f"{mission}_instrument_{number}"}
        yield _start("instrument", facts)
        own = _Names()
        for dataset, place in group:
            yield from _dataset(dataset, own.free(dataset.id), place)
        yield "</instrument>"


def _dataset(dataset: AmdaDataset, name: str, place: Place) -> Iterator[str]:
    held = dataset.held
    changed = _changed_at(held.changed_ns)
    first = _whole_seconds(held.first_tt2000)
    facts = {
        "xml:id": dataset.id,
        "name": name,
        "desc": held.description or held.title,
        "dataStart": first,
        "dataStop": _whole_seconds(held.last_tt2000 + _NS - 1),
        "lastUpdate": changed,
        "lastModificationDate": changed,
        "dataSource": held.publisher or "",
        "spaseId": held.resource_id or "",
        "target": place.target,
        "measurement_type": place.measurement_type,
        # clients say a name and a password when they ask for what is after it
        "timeRestriction": "" if may_have(ANONYMOUS, held) else first,
    }
    if held.series.cadence_ns:
        facts["sampling"] = facts["maxSampling"] = _sampling(held.series.cadence_ns)
    yield _start("dataset", facts)
    names = _Names()
    for parameter in dataset.parameters:
        yield from _parameter(parameter, names.free(parameter.name))
        if parameter.template_id:
            yield from _template(parameter, names.free(f"{parameter.name} by bin"))
    yield "</dataset>"


def _parameter(parameter: AmdaParameter, name: str) -> Iterator[str]:
    told = parameter.variable.described
    facts = {
        "xml:id": parameter.id,
        "name": name,
        "units": parameter.units,
        "description": parameter.description,
        "display_type": "spectrogram" if parameter.is_spectrum else "timeseries",
        "ucd": (told.ucd if told else None) or "",
    }
    if not parameter.components:
        size = {"size": ",".join(map(str, parameter.variable.dims))} if parameter.variable.dims else {}
        yield _element("parameter", facts | size)
        return
    yield _start("parameter", {**facts, "size": str(parameter.components)})
    names = _Names()
    for number in range(parameter.components):
        yield _element(
            "component",
            {
                "xml:id": f"{parameter.id}({number})",
                "index1": str(number),
                "name": names.free(parameter.component(number)),
            },
        )
    yield "</parameter>"


def _template(parameter: AmdaParameter, name: str) -> Iterator[str]:
    """One bin of a spectrum as a time series: clients put the places of the bin into the template themselves."""
    facts = {
        "xml:id": parameter.template_id,
        "name": name,
        "units": parameter.units,
        "description": f"One bin of {parameter.id}: {parameter.description}",
        "display_type": "timeseries",
        "template": parameter.template,
    }
    yield _start("parameter", facts)
    yield "<arguments>"
    for argument in parameter.arguments:
        said = {"key": argument.key, "name": argument.name}
        if not argument.places:
            # clients count up to, not including, the last
            counted = {"type": "generated-list", "minkey": "0", "maxkey": str(argument.size)}
            yield _element("argument", {**said, **counted, "nametpl": "Bin ##key##", "default": "0"})
            continue
        yield _start("argument", {**said, "type": "list", "default": "0"})
        yield from (_element("item", {"key": str(key), "name": place}) for key, place in enumerate(argument.places))
        yield "</argument>"
    yield "</arguments></parameter>"


class _Names:
    """Names of siblings: different also as names of attributes in Python."""

    def __init__(self) -> None:
        self._taken = set(_RESERVED)

    def free(self, wanted: str) -> str:
        name, number = wanted, 1
        while (key := re.sub(r"\W+", "_", name).strip("_").casefold()) in self._taken or not key:
            number += 1
            name = f"{wanted} {number}".strip()
        self._taken.add(key)
        return name


def _start(name: str, facts: Mapping[str, str]) -> str:
    said = "".join(f" {key}={attribute(value)}" for key, value in facts.items() if value)
    return f"<{name}{said}>"


def _element(name: str, facts: Mapping[str, str]) -> str:
    return f"{_start(name, facts)[:-1]}/>"


def _changed_at(unix_ns: int) -> str:
    return f"{datetime.fromtimestamp(unix_ns // _NS, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _whole_seconds(tt2000: int) -> str:
    return f"{format_utc(tt2000, 0)}Z"


def _sampling(cadence_ns: int) -> str:
    """As AMDA spells it: `16S`, `5M`, `1H`."""
    seconds = cadence_ns / _NS
    for length, letter in _UNITS_OF_TIME:
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{letter}"
    return f"{seconds:g}S"
