"""What a rule of EPN-TAP is: an expectation, how it is broken, and what follows. No I/O here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from epntap.catalog.model import Column, Form, Table
from epntap.epncore.columns import by_name

__all__ = ["SCHEMA", "Rule", "Severity", "TableFacts", "TableRule", "array", "literal", "names", "quoted"]

#: stands in a violation for the schema of the table, as an SQL literal
SCHEMA = ":schema:"

_NUMBERS = frozenset({"double precision", "real", "numeric", "smallint", "integer", "bigint"})


class Severity(StrEnum):
    """What becomes of a row that breaks a rule."""

    #: it is not published; the report counts it
    REFUSE = "refuse"
    #: it is not published; it is kept with its reasons until somebody has looked at it
    QUARANTINE = "quarantine"
    #: it is published; the report counts it
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that every row must satisfy.

    Either `violation` is set, an SQL condition on one row that is true where the rule is broken (NULL counts as kept;
    immutable functions only, so it can stand in an index or a constraint), or `wrong_value` decides on the distinct
    values of the one column, or `unique` asks that no value of the one column comes twice.
    """

    id: str
    severity: Severity
    #: of the EPN-TAP 2.0 Recommendation
    section: str
    #: what is expected, a sentence
    expected: str
    #: how to mend it
    hint: str
    #: the rule is about tables that have all of these
    columns: tuple[str, ...]
    violation: str = ""
    wrong_value: Callable[[str], bool] | None = None
    unique: bool = False
    #: the contrary of `violation` as conditions that are all true (or NULL) in a right row, in a form from which a
    #: query planner can conclude that a validator's question has no answer
    holds: tuple[str, ...] = ()
    #: the closed list that the one column, or each item of it, is from
    terms: tuple[str, ...] = ()
    #: what STILTS taplint reports in this case
    taplint: str = ""
    #: only where the columns are published with this datatype
    datatype: str = ""
    #: not where the columns are stored in this form
    unless_form: Form | None = None

    @property
    def family(self) -> str:
        """The statement that this rule is a case of: `B6` of `B6-time`."""
        return self.id.partition("-")[0]

    def applies_to(self, table: Table) -> bool:
        """Whether the table has the columns, in types that the condition can be asked of."""
        found = [table.column(name) for name in self.columns]
        return all(
            column is not None
            and column.form is not self.unless_form
            and self.datatype in {"", column.datatype}
            and _is_number(column) == _is_number(by_name(column.name))
            for column in found
        )

    def condition(self, schema: str) -> str:
        """The violation in a table of this schema; only for rules that have one."""
        return self.violation.replace(SCHEMA, literal(schema))

    def assertions(self, schema: str) -> tuple[str, ...]:
        """`holds` in a table of this schema."""
        return tuple(one.replace(SCHEMA, literal(schema)) for one in self.holds)


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What the rules for tables need to know beside the description: values that are the same in all rows."""

    #: spatial_frame_type, or None where it varies or is not known
    frame: str | None = None
    #: particle_spectral_type, likewise
    particles: str | None = None
    #: columns that hold a value in some row, or None if nobody has looked
    filled: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class TableRule:
    """Something that the description of a table must satisfy; `problems` says where it does not."""

    id: str
    severity: Severity
    section: str
    expected: str
    hint: str
    problems: Callable[[Table, TableFacts], Iterable[str]]
    taplint: str = ""

    @property
    def family(self) -> str:
        """The statement that this rule is a case of."""
        return self.id.partition("-")[0]


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL text literal (standard_conforming_strings)."""
    return "'" + text.replace("'", "''") + "'"


def array(items: Iterable[str]) -> str:
    """An SQL array of texts."""
    return f"ARRAY[{', '.join(map(literal, items))}]::text[]"


def names(terms: Iterable[str]) -> str:
    """Terms for a sentence."""
    return ", ".join(terms)


def _is_number(column: Column | None) -> bool:
    return column is not None and column.pg_type in _NUMBERS
