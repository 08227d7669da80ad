"""What a CDF file says about its dataset, when nothing else describes it: ISTP global and variable attributes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from epntap.archive.model import Dataset, Parameter
from epntap.cdf import facts as facts_of_files
from epntap.cdf.facts import FileFacts, VariableFacts, index_file
from epntap.cdf.reader import CdfFile
from epntap.epncore.text import clean_text, hash_list
from epntap.instants.tt2000 import format_utc
from ingest.facts import DatasetFacts, Value
from ingest.files.digest import code_digest

__all__ = ["Description", "describe_dataset", "describe_file", "description_edition", "utc_from_tt2000"]

# Words of the Discipline attribute, and the target they stand for. A class is required in every row (EPN-TAP 2.0
# §2.1) and has no value for "not known": in-situ data of unknown place are taken in interplanetary_medium, which is
# the class for space between the bodies; `sky` is for what lies beyond. Its names: docs/decisions/013.
_TARGETS: tuple[tuple[str, str, str | None], ...] = (
    ("interplanetary", "interplanetary_medium", "Sun#Solar Wind"),
    ("heliospher", "interplanetary_medium", "Sun#Solar Wind"),
    ("solar physics", "star", "Sun"),
    ("magnetospher", "planet", None),
    ("ionospher", "planet", None),
    ("aeronomy", "planet", None),
    ("planetary", "planet", None),
)
_DEFAULT_TARGET = ("interplanetary_medium", None)

# A unit that only one quantity has, as a pattern on UNITS without blanks and case
_QUANTITIES: tuple[tuple[str, str], ...] = (
    (r"(?:n|p|u)t(?:esla)?", "phys.magField"),
    (r"(?:m|u|n)?v/m|(?:m|u)?vm(?:\^|\*\*)?-1", "phys.electField"),
    (r"(?:#|n|cts|particles)?/?(?:cc|cm(?:\^|\*\*)?-?3)|1/cm(?:\^|\*\*)?3", "phys.density"),
    (r"k?m/s(?:ec)?|k?ms(?:\^|\*\*)?-1", "phys.veloc"),
    (r"(?:n|p)?pa(?:scal)?", "phys.pressure"),
)
_TEMPERATURE_UNITS = frozenset({"ev", "kev", "k", "mk", "degk", "kelvin"})

#: processing level of EPN-TAP by the level of space physics missions, as in Data_type "L2>Level 2 Data"
_LEVELS = {"0": 1, "1": 2, "2": 3, "3": 5, "4": 5}
#: components of a vector or tensor are no spectrum
_LONGEST_VECTOR = 9


@dataclass(frozen=True, slots=True)
class Description:
    """What one file says about its dataset."""

    title: str | None
    description: str | None
    resource_id: str | None
    parameters: tuple[Parameter, ...]
    #: epn_core column -> value
    values: Mapping[str, Value]
    #: columns whose value the file does not tell
    guessed: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The description as text, to be kept."""
        return json.dumps({"made_by": description_edition(), **asdict(self)})

    @classmethod
    def from_json(cls, text: str) -> Description | None:
        """A description that was kept, or None when this version of the program might make another of the file."""
        document = json.loads(text)
        if document.pop("made_by") != description_edition():
            return None
        parameters = (
            Parameter(**{**one, "shape": tuple(one["shape"]), "components": tuple(one.get("components", ()))})
            for one in document.pop("parameters")
        )
        return cls(parameters=tuple(parameters), guessed=tuple(document.pop("guessed")), **document)


def describe_file(path: Path) -> Description:
    """What a file says about its dataset. Raises UnreadableFileError when it has become unreadable."""
    facts = index_file(path)
    said = facts.attributes
    return Description(
        title=_one_line(said.get("Logical_source_description") or said.get("TITLE")),
        description=_one_line(said.get("TEXT")),
        resource_id=_one_line(said.get("spase_DatasetResourceID")),
        parameters=tuple(_parameter(number, one) for number, one in enumerate(facts.variables, 1)),
        values=_values(facts, path),
        guessed=() if _told_target(said.get("Discipline", "")) else ("target_class",),
    )


def describe_dataset(dataset_id: str, said: Description, origin: str, covered: tuple[int, int]) -> DatasetFacts:
    """Facts of a dataset from what one of its files says; `covered` is the first and last TT2000 over all of them."""
    dataset = Dataset(
        dataset_id=dataset_id,
        title=said.title or dataset_id,
        description=said.description,
        resource_id=said.resource_id,
        start=utc_from_tt2000(covered[0]),
        stop=utc_from_tt2000(covered[1], round_up=True),
        parameters=said.parameters,
    )
    return DatasetFacts(dataset, said.values, origin, frozenset(said.guessed))


def description_edition() -> str:
    """Of the code that makes descriptions."""
    return code_digest(Path(__file__), Path(facts_of_files.__file__))


def utc_from_tt2000(tt2000: int, *, round_up: bool = False) -> datetime:
    """UTC without tzinfo, what is beyond the microsecond cut off or rounded up; a leap second is the one before it."""
    text = format_utc(tt2000)
    moment = datetime.fromisoformat(text[:26].replace(":60.", ":59."))
    return moment + timedelta(microseconds=1) if round_up and text[26:] != "000" else moment


def _values(facts: FileFacts, path: Path) -> dict[str, Value]:
    said = facts.attributes
    target_class, target_name = _told_target(said.get("Discipline", "")) or _DEFAULT_TARGET
    return {
        "granule_gid": "data",
        "dataproduct_type": _product_type(path),
        "measurement_type": "#".join(_measured(facts.variables)) or None,
        "processing_level": _level(said.get("Data_type", "")),
        "target_name": target_name,
        "target_class": target_class,
        "spatial_frame_type": "none",
        "instrument_host_name": hash_list([_head(said.get("Source_name")) or _head(said.get("Mission_group"))]),
        "instrument_name": hash_list([_head(said.get("Descriptor"))]),
    }


def _told_target(discipline: str) -> tuple[str, str | None] | None:
    """Class and name of the target, if the Discipline tells."""
    folded = discipline.casefold()
    return next(((kind, name) for word, kind, name in _TARGETS if word in folded), None)


def _level(data_type: str) -> int | None:
    found = re.match(r"\s*L([0-4])", data_type, re.IGNORECASE)
    return _LEVELS[found[1]] if found else None


def _product_type(path: Path) -> str:
    """`ts`, `ds` or both, from DISPLAY_TYPE, else from the shape of the variables."""
    kinds: dict[str, None] = {}
    with CdfFile(path) as file:
        axes = file.time_axes()
        for variable in file.variables.values():
            if variable in axes or not variable.record_varying:
                continue
            if (variable.text("VAR_TYPE") or "data").casefold() != "data":
                continue
            shown = (variable.text("DISPLAY_TYPE") or "").casefold()
            if shown.startswith("spectrogram"):
                kinds["ds"] = None
            elif shown.startswith(("time_series", "stack_plot")) or not _is_spectrum(variable.dims):
                kinds["ts"] = None
            else:
                kinds["ds"] = None
    return "#".join(sorted(kinds, reverse=True)) or "ts"


def _is_spectrum(dims: tuple[int, ...]) -> bool:
    return bool(dims) and max(dims) > _LONGEST_VECTOR


def _measured(variables: tuple[VariableFacts, ...]) -> list[str]:
    found: dict[str, None] = {}
    for variable in variables:
        units = re.sub(r"\s", "", variable.units or "").casefold()
        name = f"{variable.name} {variable.fieldnam or ''} {variable.catdesc or ''}".casefold()
        for pattern, ucd in _QUANTITIES:
            if re.fullmatch(pattern, units):
                found[ucd] = None
        if units in _TEMPERATURE_UNITS and "temp" in name:
            found["phys.temperature"] = None
    return list(found)


def _parameter(number: int, variable: VariableFacts) -> Parameter:
    return Parameter(
        name=variable.name,
        position=number,
        title=_one_line(variable.fieldnam or variable.lablaxis or variable.catdesc),
        description=_one_line(variable.catdesc),
        units=_one_line(variable.units),
        shape=variable.dims,
        fill_value=_one_line(variable.fill),
        coordinate_system=_one_line(variable.coordinate_system),
        variable=variable.name,
    )


def _head(text: str | None) -> str | None:
    """`AC` of `AC>Advanced Composition Explorer` (ISTP: short name, then long name)."""
    return clean_text(text.partition(">")[0]) if text else None


def _one_line(text: str | None) -> str | None:
    return (" ".join(text.replace("\0", " ").split()) or None) if text else None
