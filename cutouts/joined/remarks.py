"""What a cut-out says of the differences between the files it is made of, one sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cutouts.joined.columns import ColumnModel, Member, distinct, is_same_entry
from cutouts.names import Held
from epntap.cdf import CdfFile, Entry, Variable

__all__ = ["Remarks", "enumerate_names"]

_MOST_NAMES = 12
# what each file says of itself, or of the range of its own values
_OF_EACH_FILE = frozenset({"Logical_file_id", "Generation_date", "Parents", "File_naming_convention"})
# said of by other sentences
_TOLD_ELSEWHERE = frozenset({"FILLVAL", "UNITS", "units", "Units", "UNIT_PTR", "DEPEND_0"})
_TOLD_ELSEWHERE |= {"COORDINATE_SYSTEM", "FRAME", "TENSOR_FRAME", "SI_CONVERSION"}


class Remarks:
    """Collects sentences, each once, in the order in which they were said."""

    def __init__(self, file_names: Mapping[int, str]) -> None:
        self._files = file_names
        self._said: dict[str, None] = {}
        #: names of variables by attribute on which the files do not agree
        self._contradicted: dict[str, list[str]] = {}

    def sentences(self) -> tuple[str, ...]:
        """All that was said."""
        last = [
            f"{attribute} of {enumerate_names(names)} is not the same in all files and is left out"
            for attribute, names in self._contradicted.items()
        ]
        return (*self._said, *last)

    def say(self, sentence: str | None) -> None:
        """Add a sentence, if there is one."""
        if sentence is not None:
            self._said[sentence] = None

    def joined(self, name: str, model: ColumnModel, numbers: Sequence[int]) -> None:
        """Say what was made equal, and on which attributes the files do not agree."""
        members = {number: model.members[number] for number in numbers if number in model.members}
        unlike = distinct(members)
        if len(unlike) == 1 and next(iter(unlike.values())).variable.dtype == model.variable.dtype:
            return
        variables = {number: member.variable for number, member in members.items()}
        self._types_and_shapes(name, model.variable, variables)
        if not model.variable.cdf_type.is_epoch:
            self._fills(name, model.variable, variables)
        attributes = dict.fromkeys(key for one in variables.values() for key in one.attributes)
        for attribute in attributes:
            if attribute in model.variable.attributes or attribute in _TOLD_ELSEWHERE:
                continue
            if model.variable.cdf_type.is_epoch and len({one.cdf_type for one in variables.values()}) > 1:
                continue
            self._contradicted.setdefault(attribute, []).append(name)

    def types_and_shapes(self, name: str, model: ColumnModel) -> None:
        """Say what was made equal of a column that one file has."""
        self._types_and_shapes(name, model.variable, {number: one.variable for number, one in model.members.items()})

    def missing(self, name: str, lacking: Mapping[int, str], variable: Variable) -> None:
        """Say which files have nothing of a column, and what stands there."""
        if not lacking:
            return
        by_reason: dict[str, list[str]] = {}
        for number, reason in lacking.items():
            by_reason.setdefault(reason, []).append(self._files[number])
        fill = variable.attributes.get("FILLVAL")
        shown = f" (fill value {fill.text})" if fill is not None else ""
        for reason, files in by_reason.items():
            why = f": {reason}" if reason else f", which {'lacks' if len(files) == 1 else 'lack'} it"
            self.say(f"{name} is missing{shown} in the records of {enumerate_names(files)}{why}")

    def meaning(self, name: str, what: str, texts: Mapping[int, str], companion: str) -> None:
        """Say that units or frame differ, and where they are given."""
        said = self._by_answer({number: f"'{text}'" if text else "not said" for number, text in texts.items()})
        self.say(f"{what} of {name} differ between the files ({said}): {companion} gives them for each record")

    def contested(self, axis: str, number: int, count: int) -> None:
        """Say that files have other values at the same instants."""
        records = "1 record" if count == 1 else f"{count:,} records"
        self.say(
            f"{self._files[number]} has {records} at instants of {axis} at which earlier files have other values: all "
            "are given"
        )

    def repeated(self, name: str, axis: str) -> None:
        """Say that something varies with the file."""
        self.say(f"{name} is not the same in all files: it is given for each record of {axis}")

    def first_only(self, name: str, members: Mapping[int, Member]) -> None:
        """Say that something is given as one file has it."""
        first, *others = (self._files[number] for number in members)
        self.say(
            f"{name} is not the same in all files and too large to be given for each record: it is given as in "
            f"{first}, not as in {enumerate_names(others)}"
        )

    def not_in_all(self, name: str, numbers: Sequence[int]) -> None:
        """Say that something is not said by all files."""
        self.say(f"{name} is not in {enumerate_names(self._files[number] for number in numbers)}")

    def spelled(self, held: Mapping[str, Mapping[int, Held]], used: Sequence[int]) -> None:
        """Say which names stand for others."""
        for name, by_number in held.items():
            other = {number: one.name for number, one in by_number.items() if one.name != name and number in used}
            for spelled in dict.fromkeys(other.values()):
                files = [self._files[number] for number, one in other.items() if one == spelled]
                self.say(f"{name} is called {spelled} in {enumerate_names(files)}")

    def global_attributes(self, files: Sequence[CdfFile]) -> None:
        """Say which global attributes are those of the first file only."""
        if len(files) < 2:
            return
        first, *others = files
        differing = []
        for name, entries in first.attributes.items():
            if name in _OF_EACH_FILE:
                continue
            found = [other.attributes.get(name, ()) for other in others]
            if not all(_are_same(one, entries) for one in found):
                differing.append(name)
        if differing:
            self.say(
                f"the global attributes {enumerate_names(differing)} differ between the files; "
                f"where they are given, they are those of {first.path.name}"
            )

    def time_types(self, name: str, model: ColumnModel) -> None:
        """Say that times of several types are given in one."""
        types = {number: member.variable.cdf_type for number, member in model.members.items()}
        if len(set(types.values())) > 1:
            said = self._by_answer({number: kind.name.removeprefix("CDF_") for number, kind in types.items()})
            self.say(f"{name} has several types ({said}): its instants are given as TT2000, to the nanosecond")

    def _types_and_shapes(self, name: str, joint: Variable, variables: Mapping[int, Variable]) -> None:
        if not joint.cdf_type.is_epoch and len({one.dtype for one in variables.values()} | {joint.dtype}) > 1:
            said = self._by_answer({number: _type_of(one) for number, one in variables.items()})
            self.say(f"{name} has several types ({said}): it is given as {_type_of(joint)}")
        if len({one.dims for one in variables.values()}) > 1:
            said = self._by_answer({number: _shape_of(one) for number, one in variables.items()})
            self.say(f"{name} has several shapes ({said}): what a file does not have is missing")

    def _fills(self, name: str, joint: Variable, variables: Mapping[int, Variable]) -> None:
        entries = {number: one.attributes.get("FILLVAL") for number, one in variables.items()}
        texts = {number: "none" if entry is None else entry.text for number, entry in entries.items()}
        fill = joint.attributes.get("FILLVAL")
        if len(set(texts.values())) > 1 and fill is not None:
            said = self._by_answer(texts)
            self.say(f"the fill values of {name} are those of each file ({said}): they are given as {fill.text}")

    def _by_answer(self, answers: Mapping[int, str]) -> str:
        by_answer: dict[str, list[str]] = {}
        for number, answer in answers.items():
            by_answer.setdefault(answer, []).append(self._files[number])
        return "; ".join(f"{answer} in {enumerate_names(files)}" for answer, files in by_answer.items())


def _are_same(some: Sequence[Entry], others: Sequence[Entry]) -> bool:
    return some == others or (len(some) == len(others) and all(map(is_same_entry, some, others)))


def enumerate_names(names: Iterable[str]) -> str:
    """`a, b, c`, the first twelve of many."""
    listed = list(names)
    more = len(listed) - _MOST_NAMES
    return ", ".join(listed[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _type_of(variable: Variable) -> str:
    text = f" of {variable.dtype.itemsize}" if variable.cdf_type.is_text else ""
    return f"{variable.cdf_type.name.removeprefix('CDF_')}{text}"


def _shape_of(variable: Variable) -> str:
    return "x".join(map(str, variable.dims)) or "one value"
