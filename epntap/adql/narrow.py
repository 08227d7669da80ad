"""Queries of tables of which granules and datasets are kept apart (epntap/catalog/narrow).

The view of both gives every answer; what is done here is what the database does not see by itself. Conditions on what
granules of a dataset share are asked of the few datasets first, and become a list of their numbers, which an index of
the granules knows. Queries that see only what each granule has of its own read the table of granules, so that MIN and
MAX find their index. The first rows by a date are looked for among granules with a date of their own and among those
that have the date of their dataset, apart. Values of what granules share, each once, are those of the datasets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from epntap.adql.bound import (
    Application,
    BoundApart,
    BoundBody,
    BoundDerived,
    BoundJoin,
    BoundOrder,
    BoundQuery,
    BoundSelect,
    BoundSet,
    BoundSource,
    BoundTable,
    ColumnValue,
    Expr,
    Numeral,
    Output,
    Parameter,
    Type,
    is_aggregate,
    joined,
    pieces,
    walk,
)
from epntap.catalog.indexes import STAMP_COLUMNS
from epntap.catalog.model import Catalog, Narrow
from epntap.catalog.narrow.layout import DATASETS, GRANULES, IS_NUMBERED, JOINED, NUMBER, OWN_DATE, SHARED_DATE

__all__ = ["read_narrow"]

# what a condition may be made of that is asked of datasets: nothing that can fail, for it may be asked of more of them
_ASKED = frozenset(
    (
        "=", "<>", "<", ">", "<=", ">=", "AND", "OR", "NOT", "BETWEEN", "NOT BETWEEN", "IN", "NOT IN", "LIKE",
        "NOT LIKE", "ILIKE", "NOT ILIKE", "IS NULL", "IS NOT NULL", "LOWER", "UPPER", "||",
        "ivo_hashlist_has", "implied",
    )
)  # fmt: skip
_IS_NUMBERED = f"{IS_NUMBERED} AND "
_ONE_OF = pieces(f"({_IS_NUMBERED}{{0}} = ANY (ARRAY({{1}})))")
_AMONG = pieces("({0} = ANY (ARRAY({1})))")
# looked up in a hash table for each row that is met; to IN alone a join is made
_MET = pieces("(({0} IN ({1})) IS TRUE)")
_THE_ONE = pieces(f"({_IS_NUMBERED}{{0}} = ({{1}}))")
_SAME = pieces(f"({_IS_NUMBERED}{IS_NUMBERED.format('{1}')} AND {{0}} = {{1}})")
_EXISTS = pieces("(EXISTS ({0}))")
_NOT_EXISTS = pieces("(NOT EXISTS ({0}))")
# what sorts as the column does and is not in its index
_SORTED = {"time_min": pieces("({0} + 0)"), "time_max": pieces("({0} + 0)"), "granule_uid": pieces("({0} || '')")}
#: of so many datasets all granules are sorted: the first ones by time may come late
_FEW = 4
_MOST_NAMED = 1000
_EQUAL = pieces("({0} = {1})")
_VALUE = pieces("({0})")
_EITHER = pieces("({0} OR {1})")
_HAS_DATE = pieces("({0} IS NOT NULL)")
_HAS_NONE = pieces("({0} IS NULL AND {1} IS NOT NULL)")


def read_narrow(query: BoundQuery, catalog: Catalog) -> BoundQuery:
    """The query with such tables read so; it gives the same rows."""
    narrow = {(table.schema, table.name): table.narrow for table in catalog.tables if table.narrow is not None}
    if not narrow:
        return query
    aliases = {
        source.alias: (source.schema, source.name)
        for body in (query.body, *(body for _, body in query.common_tables))
        for source in _tables(body)
        if (source.schema, source.name) in narrow
    }
    if not aliases:
        return query
    reader = _Reader(narrow, aliases)
    common_tables = tuple((name, reader.body(body)) for name, body in query.common_tables)
    return replace(query, body=reader.body(query.body), common_tables=common_tables)


@dataclass(frozen=True, slots=True)
class _Reader:
    narrow: Mapping[tuple[str, str], Narrow]
    #: alias -> narrow table; no two tables of a statement have one alias
    aliases: Mapping[str, tuple[str, str]]

    def body(self, body: BoundBody) -> BoundBody:
        if isinstance(body, BoundSet):
            return replace(body, left=self.body(body.left), right=self.body(body.right))
        return self._select(body)

    def _select(self, select: BoundSelect) -> BoundSelect:
        select = replace(
            select,
            outputs=tuple(replace(one, value=self._expr(one.value)) for one in select.outputs),
            sources=tuple(map(self._source, select.sources)),
            where=tuple(map(self._expr, select.where)),
            group_by=tuple(map(self._expr, select.group_by)),
            having=None if select.having is None else self._expr(select.having),
        )
        select = self._by_time(self._distinct(self._by_date(select)))
        for table in self._joined_inside(select.sources):
            select = replace(select, where=_of_datasets(select.where, table, self.narrow[table.schema, table.name]))
        select = self._grouped_by_dataset(select)
        return replace(select, sources=tuple(self._read(source, select) for source in select.sources))

    def _source(self, source: BoundSource) -> BoundSource:
        if isinstance(source, BoundDerived):
            return replace(source, query=self.body(source.query))
        if isinstance(source, BoundJoin):
            condition = None if source.condition is None else self._expr(source.condition)
            return replace(
                source, left=self._source(source.left), right=self._source(source.right), condition=condition
            )
        return source

    def _expr(self, value: Expr) -> Expr:
        """The value with the subqueries in it, and datasets compared by their numbers."""
        if not isinstance(value, Application):
            return value
        if value.name == "=" and self._are_datasets(value.args):
            return _condition(_SAME, *(_number_of(one) for one in value.args if isinstance(one, ColumnValue)))
        args = tuple(self._expr(arg) if isinstance(arg, Expr) else self.body(arg) for arg in value.args)
        return replace(value, args=args)

    def _are_datasets(self, values: Iterable[Expr | BoundBody]) -> bool:
        """Whether all are the dataset_id of one table, so that numbers tell the same."""
        tables = {
            self.aliases.get(one.alias) if isinstance(one, ColumnValue) and one.name == "dataset_id" else None
            for one in values
        }
        return len(tables) == 1 and None not in tables

    def _joined_inside(self, sources: Iterable[BoundSource]) -> Iterator[BoundTable]:
        """The narrow tables of which WHERE sees rows as they are, and no NULLs in place of them."""
        for source in sources:
            if isinstance(source, BoundTable) and (source.schema, source.name) in self.narrow:
                yield source
            elif isinstance(source, BoundJoin) and source.kind in ("INNER", "CROSS"):
                yield from self._joined_inside((source.left, source.right))

    def _read(self, source: BoundSource, select: BoundSelect) -> BoundSource:
        """The table of granules where that is enough, else the view of both."""
        if isinstance(source, BoundJoin):
            return replace(source, left=self._read(source.left, select), right=self._read(source.right, select))
        if not isinstance(source, BoundTable) or (source.schema, source.name) not in self.narrow:
            return source
        own = self.narrow[source.schema, source.name].own | {NUMBER}
        return replace(source, name=GRANULES if own.issuperset(_used(select, source.alias)) else JOINED)

    def _alone(self, select: BoundSelect) -> tuple[BoundTable, Narrow] | None:
        """The narrow table of a query that reads nothing beside it."""
        match select.sources:
            case (BoundTable() as table,) if (table.schema, table.name) in self.narrow:
                return table, self.narrow[table.schema, table.name]
            case _:
                return None

    def _by_time(self, select: BoundSelect) -> BoundSelect:
        """The first rows by time of some datasets: sorted where these are few, else met on the way through the index.

        The database does not know how many they are before it asks, and would go through all rows for none.
        """
        found, terms = self._alone(select), _first_by(select)
        if found is None or select.limit is None or not terms or terms[0].name not in _SORTED:
            return select
        table, narrow = found
        conditions = list(_conjuncts(select.where))
        asked = [one for one in conditions if (names := _asked_of(one, table.alias)) and names <= narrow.shared]
        if not asked or any(map(_names_one, asked)):
            return select
        number, datasets = _of(table, NUMBER, Type.INTEGER), _datasets(table, asked)
        more = replace(datasets, limit=1, offset=_FEW)
        others = [one for one in conditions if one not in asked]
        in_order = [replace(term, by=by) for term, by in zip(select.order_by, terms, strict=True)]
        as_sorted = Application(type=terms[0].type, name="narrow", pieces=_SORTED[terms[0].name], args=(terms[0],))
        # some rows are named first and read whole then, so that those that are sorted have few columns
        own = narrow.own.issuperset(
            column.name for one in (*others, *terms) for column in _columns_of(one) if column.alias == table.alias
        )
        limit = select.limit + (select.offset or 0)
        is_named = own and limit <= _MOST_NAMED
        uid = _of(table, "granule_uid")
        wanted = [uid] if is_named else [_of(table, name) for name in sorted(_used(select, table.alias))]
        branches = [
            BoundSelect(
                outputs=tuple(map(_output, wanted)),
                sources=(replace(table, name=GRANULES if is_named else JOINED),),
                where=(_condition(how_many, more), _condition(words, number, datasets), *others),
                order_by=(replace(in_order[0], by=first), *in_order[1:]),
                limit=limit,
            )
            for how_many, words, first in ((_NOT_EXISTS, _ONE_OF, as_sorted), (_EXISTS, _MET, terms[0]))
        ]
        both = BoundSet(branches[0].outputs, "UNION ALL", branches[0], branches[1])
        if is_named:
            return replace(select, where=(_condition(_AMONG, uid, both),))
        return replace(select, sources=(BoundDerived(both, table.alias),), where=())

    def _distinct(self, select: BoundSelect) -> BoundSelect:
        """Values of what granules share, each once: of the datasets that have granules."""
        if (found := self._alone(select)) is None or not select.distinct:
            return select
        table, narrow = found
        values = [*(output.value for output in select.outputs), *_ordered(select.order_by), *select.where]
        asked = [_asked_of(value, table.alias) for value in values]
        if select.group_by or select.having or not all(names and names <= narrow.shared for names in asked):
            return select
        granules = BoundTable(table.schema, GRANULES, f"{table.alias} granules")
        numbers = [_of(one, NUMBER, Type.INTEGER) for one in (granules, table)]
        has_some = BoundSelect((_output(numbers[0]),), (granules,), where=(_condition(_SAME, *numbers),))
        return replace(
            select,
            sources=(replace(table, name=DATASETS),),
            where=(*select.where, _condition(_EXISTS, has_some)),
        )

    def _grouped_by_dataset(self, select: BoundSelect) -> BoundSelect:
        """Groups by the number of the dataset where granules tell all else; each group is named once, in the end."""
        if (found := self._alone(select)) is None:
            return select
        table, narrow = found
        own = {*narrow.own, NUMBER, "dataset_id"}
        inside = [*select.where, *_aggregates(select)]
        plain = all(isinstance(key, ColumnValue) for key in select.group_by)
        if not plain or not any(map(_is_dataset_id, select.group_by)) or not own.issuperset(_used(select, table.alias)):
            return select
        if select.distinct or any(map(_is_dataset_id, (column for one in inside for column in _columns_of(one)))):
            return select
        alias = f"{table.alias} dataset"
        number = ColumnValue(type=Type.INTEGER, alias=alias, name=NUMBER)
        name = ColumnValue(type=Type.TEXT, alias=alias, name="dataset_id")
        named = BoundSelect(
            outputs=(_output(name),),
            sources=(BoundTable(table.schema, DATASETS, alias),),
            where=(_condition(_EQUAL, number, _of(table, NUMBER, Type.INTEGER)),),
        )

        def named_dataset(column: ColumnValue) -> Expr:
            if not _is_dataset_id(column):
                return column
            return Application(type=column.type, meta=column.meta, name="narrow", pieces=_VALUE, args=(named,))

        return replace(
            select,
            outputs=tuple(replace(one, value=_with_columns(one.value, named_dataset)) for one in select.outputs),
            group_by=tuple(
                _number_of(one) if isinstance(one, ColumnValue) and _is_dataset_id(one) else one
                for one in select.group_by
            ),
            having=None if select.having is None else _with_columns(select.having, named_dataset),
            order_by=tuple(
                term if isinstance(term.by, int) else replace(term, by=_with_columns(term.by, named_dataset))
                for term in select.order_by
            ),
        )

    def _by_date(self, select: BoundSelect) -> BoundSelect:
        """Some rows by a date, or the first: of those with a date of their own, and of those with their dataset's.

        Conditions on the date are asked of the one that it is, so that either index begins with the rows that they
        leave, and the database knows how many these are.
        """
        found, terms = self._alone(select), _first_by(select)
        if found is None or select.limit is None or terms is None:
            return select
        table, narrow = found
        first = next(iter(terms or _dates(select.where, table)), None)
        if first is None or first.name not in STAMP_COLUMNS:
            return select
        rest = [replace(term, by=by) for term, by in zip(select.order_by, terms, strict=True)][1:]
        own, shared = (_of(table, template.format(first.name)) for template in (OWN_DATE, SHARED_DATE))

        def of(date: ColumnValue) -> tuple[Expr, ...]:
            same = (first.alias, first.name)
            where = (
                _with_columns(one, lambda column: date if (column.alias, column.name) == same else column)
                for one in select.where
            )
            return _of_datasets(where, table, narrow)

        branches = [
            BoundSelect(
                outputs=tuple(_output(_of(table, name)) for name in sorted(_used(select, table.alias))),
                sources=(replace(table, name=JOINED),),
                where=(*of(dates[-1]), _condition(condition, *dates)),
                order_by=(BoundOrder(dates[-1], select.order_by[0].descending), *rest) if terms else (),
                limit=select.limit + (select.offset or 0),
            )
            for condition, dates in ((_HAS_DATE, (own,)), (_HAS_NONE, (own, shared)))
        ]
        both = BoundSet(branches[0].outputs, "UNION ALL", branches[0], branches[1])
        return replace(select, sources=(BoundDerived(both, table.alias),), where=())


def _of_datasets(where: Iterable[Expr], table: BoundTable, narrow: Narrow) -> tuple[Expr, ...]:
    """The conditions with those on what granules of a dataset share as a list of datasets."""
    shared, others = [], []
    dates: dict[frozenset[str], list[Expr]] = {}
    for condition in _conjuncts(where):
        names = _asked_of(condition, table.alias)
        if names and names <= narrow.shared:
            shared.append(condition)
            continue
        others.append(condition)
        if names.intersection(STAMP_COLUMNS) and isinstance(condition, Application) and condition.name == "implied":
            dates.setdefault(names, []).append(condition)
    others += [_by_either_date(conditions, table) for conditions in dates.values()]
    if shared:
        others.insert(0, _in_datasets(table, shared))
    return tuple(others)


def _first_by(select: BoundSelect) -> list[ColumnValue] | None:
    """By which columns the first rows are wanted; None where not the first, not rows, or not by columns alone."""
    terms = [by for term in select.order_by if isinstance(by := _ordered_by(term, select), ColumnValue)]
    if select.limit is None or len(terms) < len(select.order_by):
        return None
    if select.distinct or select.group_by or any(is_aggregate(output.value) for output in select.outputs):
        return None
    return terms


def _dates(where: Iterable[Expr], table: BoundTable) -> Iterator[ColumnValue]:
    """The dates that are compared in a way that an index answers."""
    for condition in _conjuncts(where):
        if isinstance(condition, Application) and condition.name == "implied":
            names = _asked_of(condition, table.alias)
            if names and names <= frozenset(STAMP_COLUMNS):
                yield from _columns_of(condition)


def _conjuncts(conditions: Iterable[Expr | BoundBody]) -> Iterator[Expr]:
    for condition in conditions:
        if isinstance(condition, Application) and condition.name == "AND":
            yield from _conjuncts(condition.args)
        elif isinstance(condition, Expr):
            yield condition


def _asked_of(condition: Expr, alias: str) -> frozenset[str]:
    """The columns of a condition that is about rows of this table alone and can be asked of any; else none."""
    names = set()
    for part in walk(condition):
        if isinstance(part, ColumnValue):
            if part.alias != alias:
                return frozenset()
            names.add(part.name)
        elif isinstance(part, Application):
            if part.name not in _ASKED or not all(isinstance(arg, Expr) for arg in part.args):
                return frozenset()
        elif not isinstance(part, (Parameter, Numeral)):
            return frozenset()
    return frozenset(names)


def _in_datasets(table: BoundTable, conditions: Sequence[Expr]) -> Expr:
    words = _THE_ONE if any(map(_names_one, conditions)) else _ONE_OF
    return _condition(words, _of(table, NUMBER, Type.INTEGER), _datasets(table, conditions))


def _datasets(table: BoundTable, conditions: Iterable[Expr]) -> BoundSelect:
    """The numbers of those for which the conditions hold."""
    alias = f"{table.alias} datasets"
    number = ColumnValue(type=Type.INTEGER, alias=alias, name=NUMBER)
    return BoundSelect(
        outputs=(_output(number),),
        sources=(BoundTable(table.schema, DATASETS, alias),),
        where=tuple(_with_columns(one, lambda column: replace(column, alias=alias)) for one in conditions),
    )


def _names_one(condition: Expr) -> bool:
    """Whether it holds for one dataset at most: granules of it are in the order of the index."""
    if not isinstance(condition, Application) or condition.name != "=":
        return False
    return any(map(_is_dataset_id, condition.args)) and any(isinstance(one, Parameter) for one in condition.args)


def _by_either_date(conditions: Sequence[Expr], table: BoundTable) -> Expr:
    """What follows for the date of the granule or that of the dataset, each in the words of its index."""
    own = [_with_columns(one, lambda column: replace(column, name=OWN_DATE.format(column.name))) for one in conditions]
    return _condition(_EITHER, _condition(joined("(", " AND ", ")", len(own)), *own), _in_datasets(table, conditions))


def _with_columns(value: Expr, changed: Callable[[ColumnValue], Expr]) -> Expr:
    if isinstance(value, ColumnValue):
        return changed(value)
    if isinstance(value, Application):
        return replace(
            value, args=tuple(_with_columns(arg, changed) if isinstance(arg, Expr) else arg for arg in value.args)
        )
    return value


def _condition(words: tuple[str | int, ...], *args: Expr | BoundBody) -> Expr:
    return Application(type=Type.CONDITION, name="narrow", pieces=words, args=args)


def _of(table: BoundTable, name: str, kind: Type = Type.TEXT) -> ColumnValue:
    return ColumnValue(type=kind, alias=table.alias, name=name)


def _output(column: ColumnValue) -> Output:
    return Output(column.name, True, column, column.name, (0, 0), 1)


def _ordered_by(term: BoundOrder, select: BoundSelect) -> Expr:
    return select.outputs[term.by - 1].value if isinstance(term.by, int) else term.by


def _aggregates(select: BoundSelect) -> Iterator[Expr]:
    having = () if select.having is None else (select.having,)
    for value in (*(output.value for output in select.outputs), *having, *_ordered(select.order_by)):
        yield from (part for part in walk(value) if isinstance(part, Application) and part.aggregate)


def _is_dataset_id(value: Expr | BoundBody) -> bool:
    return isinstance(value, ColumnValue) and value.name == "dataset_id"


def _number_of(column: ColumnValue) -> ColumnValue:
    return ColumnValue(type=Type.INTEGER, alias=column.alias, name=NUMBER)


def _used(select: BoundSelect, alias: str) -> frozenset[str]:
    """The columns of a table that stand anywhere in a query."""
    return frozenset(column.name for column in _columns_of(select) if column.alias == alias)


def _tables(part: Expr | BoundBody | BoundSource) -> Iterator[BoundTable]:
    if isinstance(part, BoundTable):
        yield part
    for one in _parts(part):
        yield from _tables(one)


def _columns_of(part: Expr | BoundBody | BoundSource) -> Iterator[ColumnValue]:
    if isinstance(part, ColumnValue):
        yield part
    for one in _parts(part):
        yield from _columns_of(one)


def _parts(part: Expr | BoundBody | BoundSource) -> Iterable[Expr | BoundBody | BoundSource]:  # noqa: PLR0911  # one answer for each case
    match part:
        case Application():
            return part.args
        case BoundSelect():
            values = [output.value for output in part.outputs]
            having = () if part.having is None else (part.having,)
            return (*values, *part.sources, *part.where, *part.group_by, *having, *_ordered(part.order_by))
        case BoundSet():
            return (part.left, part.right, *_ordered(part.order_by))
        case BoundDerived():
            return (part.query,)
        case BoundApart():
            return part.classes
        case BoundJoin():
            return (part.left, part.right, *(() if part.condition is None else (part.condition,)))
        case _:
            return ()


def _ordered(terms: Iterable[BoundOrder]) -> list[Expr]:
    return [term.by for term in terms if isinstance(term.by, Expr)]
