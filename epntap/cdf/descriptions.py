"""All that a file says of itself, its values aside; kept for files that are asked for again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from epntap.cdf.binary.records import RecordFile
from epntap.cdf.structure import structure_of
from epntap.cdf.variable import describe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from epntap.cdf.binary.entries import Entry
    from epntap.cdf.binary.header import Header
    from epntap.cdf.binary.records import Block, VariableRecord
    from epntap.cdf.binary.source import ByteSource, Identity
    from epntap.cdf.structure import Structure

__all__ = ["Descriptions", "forget_descriptions", "kept_descriptions", "read_descriptions"]

#: variables of all files that are kept
_MOST_VARIABLES = 1 << 14
#: a file that was changed a moment ago may be changed again within one tick of its clock
_SETTLED_NS = 2 * 10**9


@dataclass(frozen=True, slots=True, eq=False)
class Descriptions:
    """Attributes and variables of one version of a file."""

    header: Header
    #: by name, each with its entries in order
    attributes: Mapping[str, tuple[Entry, ...]]
    #: last day of the leap-second table that its TT2000 were made with, as YYYYMMDD
    leap_table: int | None
    #: by name, in the order of the file
    records: Mapping[str, VariableRecord]
    structure: Structure
    #: where records lie, by name of a variable, as far as it was looked at
    blocks: dict[str, list[Block]] = field(default_factory=dict)


def read_descriptions(source: ByteSource, header: Header, identity: Identity) -> Descriptions:
    """Return what a file says of itself; see `kept_descriptions`. Raises UnreadableFileError."""
    file = RecordFile(source, header)
    attributes, of_variables = file.read_attributes()
    records = {record.name: record for record in file.read_variables()}
    described = (describe(one, of_variables.get((one.is_z, one.number), {})) for one in records.values())
    found = Descriptions(
        header, MappingProxyType(attributes), file.leap_table, MappingProxyType(records), structure_of(tuple(described))
    )
    if time.time_ns() - identity.changed_ns > _SETTLED_NS:
        _keep(identity, found)
    return found


_kept: OrderedDict[Identity, Descriptions] = OrderedDict()
_lock = threading.Lock()


def kept_descriptions(identity: Identity) -> Descriptions | None:
    """Return what was read of this very version of a file lately, None if it was not."""
    with _lock:
        found = _kept.get(identity)
        if found is not None:
            _kept.move_to_end(identity)
        return found


def forget_descriptions() -> None:
    """Let go of all that is kept."""
    with _lock:
        _kept.clear()


def _keep(identity: Identity, found: Descriptions) -> None:
    with _lock:
        _kept[identity] = found
        while len(_kept) > 1 and sum(len(one.records) for one in _kept.values()) > _MOST_VARIABLES:
            _kept.popitem(last=False)
