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

__all__ = ["Descriptions", "kept_descriptions", "read_descriptions"]

#: variables of all files that are kept
_MOST_VARIABLES = 1 << 14
#: of one variable
_MOST_BLOCKS = 32
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
    #: where records lie, by name of a variable, as far as it was looked at and is short
    blocks: dict[str, list[Block]] = field(default_factory=dict)

    def blocks_of(self, name: str, source: ByteSource) -> list[Block]:
        """Return where the records of a variable lie. Raises UnreadableFileError."""
        found = self.blocks.get(name)
        if found is None:
            found = RecordFile(source, self.header).read_index(self.records[name])
            if len(found) <= _MOST_BLOCKS:
                self.blocks[name] = found
        return found


def read_descriptions(source: ByteSource, header: Header, identity: Identity) -> Descriptions:
    """Return what a file says of itself; see `kept_descriptions`. Raises UnreadableFileError."""
    file = RecordFile(source, header)
    attributes, of_variables = file.read_attributes()
    records = {record.name: record for record in file.read_variables()}
    described = (describe(one, of_variables.get((one.is_z, one.number), {})) for one in records.values())
    found = Descriptions(
        header, MappingProxyType(attributes), file.leap_table, MappingProxyType(records), structure_of(tuple(described))
    )
    if time.time_ns() - identity.touched_ns > _SETTLED_NS:
        _kept.keep(identity, found)
    return found


class _Kept:
    """What was read lately, by version of a file."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[Identity, Descriptions] = OrderedDict()
        self._variables = 0

    def find(self, identity: Identity) -> Descriptions | None:
        with self._lock:
            found = self._found.get(identity)
            if found is not None:
                self._found.move_to_end(identity)
            return found

    def keep(self, identity: Identity, found: Descriptions) -> None:
        with self._lock:
            if identity in self._found:
                return
            self._found[identity] = found
            self._variables += len(found.records)
            while self._variables > _MOST_VARIABLES:
                _, oldest = self._found.popitem(last=False)
                self._variables -= len(oldest.records)


_kept = _Kept()


def kept_descriptions(identity: Identity) -> Descriptions | None:
    """Return what was read of this very version of a file lately, None if it was not."""
    return _kept.find(identity)
