"""What is said of a column, where the files do not say the same: a text beside each record.

A value in nT beside one in T is no series of either, and no format has two units for one column: so the units, or the
frame, of each record stand in a column of their own, which every format has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from cutouts.joined.columns import ColumnModel, Constant, Stored, distinct, text_variable
from cutouts.joined.remarks import Remarks
from cutouts.joined.series import Column, Rows
from epntap.cdf import CdfFile, CdfType, Entry, Variable
from epntap.units.vounit import to_vounit

__all__ = ["Companions"]

#: attributes that change the meaning of a number, besides its unit
_MEANINGS = ("COORDINATE_SYSTEM", "FRAME", "TENSOR_FRAME", "SI_CONVERSION")
_UNIT_ATTRIBUTES = ("UNITS", "units", "Units", "UNIT_PTR", "SI_CONVERSION")


class Companions:
    """Makes the columns that say what differs."""

    def __init__(self, files: Sequence[CdfFile], remarks: Remarks) -> None:
        self._files = files
        self._remarks = remarks

    @cached_property
    def _taken(self) -> set[str]:
        return {name for file in self._files for name in file.variables}

    def with_companions(self, model: ColumnModel, rows: Rows, used: Sequence[int], time: Column) -> list[Column]:
        """Return the column of a variable, then those that say its units or its frame where these differ."""
        numbers = [number for number in used if number in model.members] or list(model.members)
        if model.variable.cdf_type.is_epoch:
            return [Column(model, rows)]
        first = self._in_file(model, numbers[0])
        # what is pointed to may differ all the same
        if len(numbers) == 1 or ("UNIT_PTR" not in first.attributes and self._are_alike(model, numbers)):
            return [Column(model, rows, self._files[numbers[0]].units_of(first.name))]
        variables = {number: self._in_file(model, number) for number in numbers}
        units = {number: self._files[number].units_of(one.name) for number, one in variables.items()}
        units_differ = len({to_vounit(unit) or unit for unit in units.values()}) > 1
        said: dict[str, dict[int, str]] = {}
        if units_differ:
            said["units"] = {number: unit or "" for number, unit in units.items()}
        for attribute in _MEANINGS:
            texts = {number: one.text(attribute) or "" for number, one in variables.items()}
            if len(set(texts.values())) > 1 and not (units_differ and attribute == "SI_CONVERSION"):
                said[attribute] = texts
        if not said:
            return [Column(model, rows, units[numbers[0]])]
        companions = [self._companion(model.variable, what, texts, rows, time) for what, texts in said.items()]
        dropped = {*said, *(_UNIT_ATTRIBUTES if units_differ else ())}
        kept = {name: entry for name, entry in model.variable.attributes.items() if name not in dropped}
        if units_differ:
            kept["UNIT_PTR"] = Entry(0, CdfType.CDF_CHAR, companions[0].variable.name)
        described = replace(model, variable=replace(model.variable, attributes=MappingProxyType(kept)))
        column = Column(described, rows, None if units_differ else units[numbers[0]], units_differ)
        for companion, (what, texts) in zip(companions, said.items(), strict=True):
            self._remarks.meaning(model.variable.name, what, texts, companion.variable.name)
        return [column, *companions]

    def _are_alike(self, model: ColumnModel, numbers: Sequence[int]) -> bool:
        return len(distinct({number: model.members[number] for number in numbers})) == 1

    def _in_file(self, model: ColumnModel, number: int) -> Variable:
        member = model.members[number]
        assert isinstance(member, (Constant, Stored))
        return member.variable

    def _companion(self, variable: Variable, what: str, texts: Mapping[int, str], rows: Rows, time: Column) -> Column:
        name = self._free_name(f"{variable.name}_{what}")
        longest = max(len(text.encode()) for text in texts.values())
        about = f"{what} of {variable.name}, as the file of each record gives it"
        attributes = {
            "CATDESC": about,
            "FIELDNAM": name,
            "VAR_TYPE": "metadata",
            "DEPEND_0": time.variable.name,
        }
        entries = {key: Entry(0, CdfType.CDF_CHAR, text) for key, text in attributes.items()}
        described = text_variable(name, longest, entries)
        members = {
            number: Constant(described, np.array([text.encode()], described.dtype)) for number, text in texts.items()
        }
        return Column(ColumnModel(described, members, frozenset(members)), rows)

    def _free_name(self, wanted: str) -> str:
        name, count = wanted, 2
        while name in self._taken:
            name, count = f"{wanted}_{count}", count + 1
        self._taken.add(name)
        return name
