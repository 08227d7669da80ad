"""Which columns and tables a name can mean at a place in a query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Protocol

from epntap.adql.bound import Application, ColumnValue, Expr, Meta, Output, Type
from epntap.adql.infer import PGSPHERE_TYPES, VOTABLE, stored_type
from epntap.adql.nodes import Name
from epntap.catalog.model import Column, Table
from epntap.catalog.names import written_name
from epntap.hints import nearest, shortened

__all__ = ["Joined", "Likely", "QuerySource", "Relation", "Scope", "Source", "TableSource", "Visible", "likely", "same"]


def same(name: Name, stored: str) -> bool:
    """Whether an identifier means this stored name: exactly, or without regard to case when it is regular."""
    return stored == name.folded or (not name.delimited and stored.lower() == name.folded)


# a comparison takes 20 µs for two names of this length, and a query may have fifty mistakes
_LONGEST_NAME = 64
_MOST_NAMES = 500


@dataclass(frozen=True, slots=True)
class Likely:
    """Names that were perhaps meant. As text, what is put behind a problem, which is no sentence of its own."""

    names: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.names)

    def __str__(self) -> str:
        if not self.names:
            return ""
        *others, last = self.names
        return f"; did you mean {', '.join(others)}{' or ' if others else ''}{last}?"

    def columns(self, qualifier: tuple[Name, ...] = ()) -> tuple[str, ...]:
        """The names of columns as a query writes them, behind the names that stand before them."""
        before = "".join(f"{part}." for part in qualifier)
        return tuple(before + written_name(name) for name in self.names)

    def tables(self) -> tuple[str, ...]:
        """The names of tables, qualified or not, as a query writes them."""
        return tuple(".".join(map(written_name, name.split("."))) for name in self.names)


def likely(name: str, known: Iterable[str]) -> Likely:
    """Those of the known names that are likest to one."""
    if len(name) > _LONGEST_NAME:
        return Likely()
    names = (one for one in islice(known, _MOST_NAMES) if len(one) <= _LONGEST_NAME)
    return Likely(tuple(nearest(name, names, most=3, likeness=0.65)))


@dataclass(frozen=True, slots=True)
class Visible:
    """A column that can be named."""

    name: str
    value: Expr


class Relation(Protocol):
    """What FROM gives: sources, joined or not."""

    def sources(self) -> Sequence[Source]:
        """The tables that can qualify a column."""
        ...

    def find(self, name: Name) -> list[Visible]:
        """The columns that the name can mean."""
        ...

    def visible(self) -> list[Visible]:
        """All columns in the order of SELECT *."""
        ...

    @property
    def copies(self) -> int:
        """How often PostgreSQL copies a condition on these columns, see BoundSelect.copies."""
        ...


class Source(Relation, Protocol):
    """One table, subquery or table of WITH in FROM."""

    @property
    def qualifier(self) -> tuple[str, ...]:
        """The alias alone, or schema and table."""
        ...

    @property
    def alias(self) -> str:
        """What the table is called in SQL."""
        ...

    @property
    def title(self) -> str:
        """What messages call it."""
        ...


class _TheTable:
    """A table as a key: this very object, because to compare all columns takes longer than to bind them."""

    __slots__ = ("table",)

    def __init__(self, table: Table) -> None:
        self.table = table

    def __hash__(self) -> int:
        return id(self.table)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _TheTable) and other.table is self.table


@lru_cache(maxsize=64)
def _bound_columns(_table: _TheTable, _alias: str) -> dict[str, Visible]:
    """The columns of a table that were bound so far under this alias, by any query: they are the same in all."""
    return {}


@dataclass(slots=True)
class TableSource:
    """A published table under an alias."""

    table: Table
    alias: str
    qualifier: tuple[str, ...]
    _bound: dict[str, Visible] = field(init=False)

    def __post_init__(self) -> None:
        self._bound = _bound_columns(_TheTable(self.table), self.alias)

    @property
    def title(self) -> str:
        """What messages call it."""
        return self.table.qualified_name

    def sources(self) -> Sequence[Source]:
        """The table itself."""
        return (self,)

    def find(self, name: Name) -> list[Visible]:
        """The column of this name; an exact match wins over one in other case."""
        column = self.table.column(name.folded)
        if column is not None:
            return [self._visible(column)]
        if name.delimited:
            return []
        return [self._visible(column) for column in self.table.columns if column.name.lower() == name.folded]

    def visible(self) -> list[Visible]:
        """All columns in table order."""
        return [self._visible(column) for column in self.table.columns]

    @property
    def copies(self) -> int:
        """A table is read as it is."""
        return 1

    def _visible(self, column: Column) -> Visible:
        bound = self._bound.get(column.name)
        if bound is None:
            bound = Visible(column.name, self._value(column))
            self._bound[column.name] = bound
        return bound

    def _value(self, column: Column) -> Expr:
        kind, cast = stored_type(column)
        # a number that is cast is no longer what the catalogue says
        is_changed = cast is not None and kind not in (Type.TEXT, Type.TIMESTAMP)
        datatype = VOTABLE[kind][0] if is_changed else column.datatype
        meta = Meta(
            column.unit, column.ucd, column.utype, column.description, datatype, column.arraysize, column.xtype,
            (self.table.qualified_name, column.name),
        )  # fmt: skip
        unicode = column.datatype == "unicodeChar"
        value = ColumnValue(type=kind, meta=meta, form=column.form, unicode=unicode,
            sphere=column.pg_type in PGSPHERE_TYPES, alias=self.alias, name=column.stored_name or column.name,
        )  # fmt: skip
        if cast is None:
            return value
        return Application(type=kind, meta=meta, unicode=unicode, name="CAST", pieces=cast, args=(value,))


@dataclass(slots=True)
class QuerySource:
    """A subquery or a table of WITH under an alias."""

    columns: tuple[Output, ...]
    alias: str
    qualifier: tuple[str, ...]
    #: as BoundSelect.copies
    copies: int = 1
    _visible: list[Visible] = field(init=False)
    _by_name: dict[str, list[Visible]] = field(init=False)

    def __post_init__(self) -> None:
        self._visible = [Visible(column.name, self._value(column)) for column in self.columns]
        self._by_name = {}
        for visible in self._visible:
            self._by_name.setdefault(visible.name.lower(), []).append(visible)

    @property
    def title(self) -> str:
        """What messages call it."""
        return shortened(self.qualifier[-1]) if self.qualifier else "the result"

    def sources(self) -> Sequence[Source]:
        """The subquery itself."""
        return (self,)

    def find(self, name: Name) -> list[Visible]:
        """The columns of this name; a subquery may have several."""
        candidates = self._by_name.get(name.folded.lower(), [])
        found = [v for v in candidates if v.name == name.folded]
        return found if found or name.delimited else candidates

    def visible(self) -> list[Visible]:
        """All columns in order."""
        return self._visible

    def _value(self, column: Output) -> Expr:
        value = column.value
        return ColumnValue(
            type=value.type, meta=value.meta, form=value.form, unicode=value.unicode, sphere=value.sphere,
            alias=self.alias, name=column.sql_name, size=column.size,
        )  # fmt: skip


@dataclass(slots=True)
class Joined:
    """Two relations side by side. The columns of USING and NATURAL stand first and once (SQL-92 §7.5)."""

    left: Relation
    right: Relation
    merged: tuple[Visible, ...] = ()
    _sources: tuple[Source, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._sources = (*self.left.sources(), *self.right.sources())

    def sources(self) -> Sequence[Source]:
        """All tables below."""
        return self._sources

    def find(self, name: Name) -> list[Visible]:
        """The merged column of this name, else what both sides have."""
        merged = [v for v in self.merged if same(name, v.name)]
        return merged or [*self.left.find(name), *self.right.find(name)]

    def visible(self) -> list[Visible]:
        """Merged columns, then the rest of the left side, then the rest of the right side."""
        gone = {v.name.lower() for v in self.merged}
        rest = (v for v in (*self.left.visible(), *self.right.visible()) if v.name.lower() not in gone)
        return [*self.merged, *rest]

    @property
    def copies(self) -> int:
        """A condition is copied for the sides of one or of the other."""
        return max(self.left.copies, self.right.copies)


class NotFoundError(LookupError):
    """A name means nothing or too much; the text says which, `suggestions` what may be written in its place."""

    def __init__(self, message: str, suggestions: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.suggestions = suggestions


@dataclass(slots=True)
class Scope:
    """The names of one SELECT and of those around it."""

    relation: Relation
    parent: Scope | None = None
    #: the clause that is being resolved, for messages about aggregates
    clause: str = "WHERE"
    #: finds what an alias of the SELECT list stands for, where ORDER BY may use it inside an expression
    alias: Callable[[Name], Expr | None] | None = None

    def column(self, parts: tuple[Name, ...]) -> Visible:
        """What a column reference means. Raises NotFoundError with a sentence."""
        if len(parts) == 1:
            return self._unqualified(parts[0])
        source = self.source(parts[:-1])
        found = source.find(parts[-1])
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFoundError(f"{parts[-1]} is ambiguous: {source.title} has several columns of this name")
        names = [v.name for v in source.visible()]
        close = likely(parts[-1].text, names)
        raise NotFoundError(f"{source.title} has no column {parts[-1]}{close}", close.columns(parts[:-1]))

    def source(self, qualifier: tuple[Name, ...]) -> Source:
        """The table that qualifies a column. Raises NotFoundError with a sentence."""
        scope: Scope | None = self
        while scope is not None:
            matching = [s for s in scope.relation.sources() if _qualifies(qualifier, s.qualifier)]
            written = ".".join(map(str, qualifier))
            if len(matching) > 1:
                raise NotFoundError(f"{written} is ambiguous: give the tables different aliases")
            if matching:
                return matching[0]
            scope = scope.parent
        raise NotFoundError(self._no_source(qualifier))

    def _no_source(self, qualifier: tuple[Name, ...]) -> str:
        written = ".".join(map(str, qualifier))
        sources = self._all_sources()
        for source in sources:
            if isinstance(source, TableSource) and len(source.qualifier) == 1:
                table = source.table
                if _qualifies(qualifier, (table.schema, table.name)):
                    return f"{written} is called {shortened(source.qualifier[0])} in this query: use that name"
        names = [".".join(s.qualifier) for s in sources]
        hint = str(likely(written, names))
        if not hint and self.clause == "ON":
            hint = ": ON sees the two sides of its JOIN, but no table before a comma; write JOIN in place of the comma"
        return f"there is no table {written} in FROM{hint}"

    def _all_sources(self) -> list[Source]:
        sources: list[Source] = []
        scope: Scope | None = self
        while scope is not None:
            sources += scope.relation.sources()
            scope = scope.parent
        return sources

    def _unqualified(self, name: Name) -> Visible:
        scope: Scope | None = self
        while scope is not None:
            found = scope.relation.find(name)
            if len(found) == 1:
                return found[0]
            if found:
                raise NotFoundError(f"{name} is ambiguous: {_owners(scope, name)}")
            if scope.alias is not None:
                value = scope.alias(name)
                if value is not None:
                    return Visible(name.text, value)
            scope = scope.parent
        sources = self._all_sources()
        names = dict.fromkeys(v.name for source in sources for v in source.visible())
        where = sources[0].title if len(sources) == 1 else "any table of the query"
        close = likely(name.text, names)
        hint = str(close)
        if name.delimited and not hint:
            hint = "; text is written in single quotes"
        if not hint and self.clause == "GROUP BY":
            hint = ": GROUP BY does not know names that AS gives; repeat the expression"
        raise NotFoundError(f"there is no column {name} in {where}{hint}", close.columns())


def _owners(scope: Scope, name: Name) -> str:
    owners = dict.fromkeys(".".join(map(shortened, s.qualifier)) for s in scope.relation.sources() if s.find(name))
    if len(owners) == 1:
        return f"several columns of {next(iter(owners))} have this name"
    return "write " + " or ".join(f"{owner}.{name}" for owner in owners)


def _qualifies(written: tuple[Name, ...], qualifier: tuple[str, ...]) -> bool:
    if len(written) > len(qualifier):
        return False
    tail = qualifier[len(qualifier) - len(written) :]
    return all(same(name, stored) for name, stored in zip(written, tail, strict=True))
