"""What a report tells of the contents of a service: what was found, and what was left out with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from ingest.facts import Refusal, RefusedRows, Remark
from ingest.findings import Finding

__all__ = ["NOT_KEPT", "Account", "SourceCount"]

NOT_KEPT = "its granule or its dataset is refused, for the reason given there"


@dataclass(frozen=True, slots=True)
class SourceCount:
    """Files of one source. found = indexed + superseded + unclaimed + refused + withdrawn."""

    source: str
    path: str
    found: int
    indexed: int
    superseded: tuple[Mapping[str, str], ...] = ()
    unclaimed: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    not_walked: tuple[Refusal, ...] = ()
    idle_claims: tuple[str, ...] = ()
    claimed: Mapping[str, int] = field(default_factory=dict)
    #: files of withdrawn datasets
    withdrawn: int = 0

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> SourceCount:
        """The count of which `asdict` has made a table."""
        lists = {name: tuple(document[name]) for name in ("superseded", "unclaimed", "idle_claims")}
        refusals = {name: tuple(Refusal(**one) for one in document[name]) for name in ("refused", "not_walked")}
        return cls(**{**document, **lists, **refusals})


@dataclass(frozen=True, slots=True)
class Account:
    """What there is to say beside the numbers of rows; two can be added."""

    datasets: int = 0
    #: datasets without a row: placeholders and those that start in the future, or none of whose files count
    datasets_without_rows: int = 0
    #: datasets of which nothing has moved, so that their rows were not compared
    datasets_unchanged: int = 0
    sources: tuple[SourceCount, ...] = ()
    #: descriptions that cannot be used
    refused_records: tuple[Refusal, ...] = ()
    refused_rows: tuple[RefusedRows, ...] = ()
    #: files that no granule offers, because the description of their dataset does not reach to them
    out_of_dates: tuple[Refusal, ...] = ()
    #: what an operator should know although nothing is left out for it
    remarks: tuple[Remark, ...] = ()
    #: rules of EPN-TAP that rows break, published or not
    findings: tuple[Finding, ...] = ()
    #: column that people search by -> rows without a value in it, where there are such rows
    empty: Mapping[str, int] = field(default_factory=dict)
    #: column -> datasets of which nothing says its value, so that one was assumed
    guessed: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Self) -> Account:
        return Account(**{one.name: _added(getattr(self, one.name), getattr(other, one.name)) for one in fields(self)})

    @property
    def never_made(self) -> int:
        """Rows that a file that cannot be used would have been."""
        return sum(refusal.granules for source in self.sources for refusal in source.refused)


def _added(one: Any, other: Any) -> Any:  # both a number, a tuple or a table of numbers
    if isinstance(one, Mapping):
        return {key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}}
    return one + other
