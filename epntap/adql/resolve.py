"""Binds a query to the catalogue: tables, scopes, grouping, order. Collects all problems before it gives up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

from epntap.adql import nodes
from epntap.adql.binder import SPELLING
from epntap.adql.bound import (
    Application,
    BoundBody,
    BoundCommonTable,
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
    Type,
    is_aggregate,
    joined,
    pieces,
    size,
    source_size,
    walk,
)
from epntap.adql.functions import Features
from epntap.adql.infer import as_type, common_type, describe
from epntap.adql.meeting import met_meta, met_unicode
from epntap.adql.nodes import Name, OrderTerm
from epntap.adql.rewrite import implied_by_all
from epntap.adql.scope import (
    Joined,
    Likely,
    NotFoundError,
    QuerySource,
    Relation,
    Scope,
    TableSource,
    Visible,
    likely,
    same,
)
from epntap.adql.scope import Source as ScopeSource
from epntap.adql.tokens import Source, Span
from epntap.adql.values import ValueBinder
from epntap.catalog.indexes import LONG_DAYS
from epntap.catalog.model import Catalog, Form, Table
from epntap.errors import AdqlError, Problem
from epntap.hints import shortened

__all__ = ["resolve"]

# PostgreSQL cuts longer names.
_MAX_NAME_BYTES = 63
# PostgreSQL has no more columns in a result.
_MAX_COLUMNS = 1664
# the span of a column that was not written: it stands behind *, or within the cast that it needs
_NOWHERE = (0, 0)
# Parts of a query as PostgreSQL plans it, see `size`. They cost it about 1.5 kB each, and it plans 50 000 in less than
# a second; there is no other bound to that, because it looks neither at limits of time nor of memory meanwhile.
_MAX_SIZE = 50_000

# Tables of these schemas and of this name are only found with their schema: every service has an epn_core.
_ALWAYS_QUALIFIED_SCHEMAS = ("tap_schema", "tap_upload")
_ALWAYS_QUALIFIED_TABLES = ("epn_core",)


def resolve(
    query: nodes.Query, catalog: Catalog, features: Features, base_url: str, problems: list[Problem]
) -> BoundQuery:
    """The query with every name bound. Raises AdqlError with `problems` and all that were found here."""
    resolver = _Resolver(Source(query.text), problems, features, base_url)
    bound = resolver.query(query, catalog)
    if resolver.problems:
        unique = dict.fromkeys(resolver.problems)
        raise AdqlError(sorted(unique, key=lambda p: (p.line, p.column)))
    return bound


@dataclass(frozen=True, slots=True)
class _CommonTable:
    name: Name
    sql_name: str
    outputs: tuple[Output, ...]
    copies: int


class _Resolver(ValueBinder):
    """The part of the resolver that binds queries."""

    def __init__(self, source: Source, problems: list[Problem], features: Features, base_url: str) -> None:
        super().__init__(source, problems, features, base_url)
        self.catalog = Catalog()
        self.tables: dict[str, None] = {}
        self.common: list[_CommonTable] = []
        self._aliases: set[str] = set()
        self._last_number: dict[str, int] = {}
        self._size = 0

    def query(self, query: nodes.Query, catalog: Catalog) -> BoundQuery:
        self.catalog = catalog
        common = []
        names: set[str] = set()
        for table in query.common_tables:
            body = self._settled(self.body(table.query, None))
            outputs = self._renamed(body.outputs, table)
            if any(same(table.name, known.name.text) for known in self.common):
                self.note(f"WITH defines {table.name} twice", table.name.span)
            sql_name = _sql_name(table.name.folded, names)
            self.common.append(_CommonTable(table.name, sql_name, outputs, body.copies))
            common.append((sql_name, body))
        body = self._published_values(self.body(query.body, None))
        return BoundQuery(body, tuple(common), tuple(self.tables))

    def _settled(self, body: BoundBody) -> BoundBody:
        """The query with NULLs of no type as text."""
        kinds = [output.value.type for output in body.outputs]
        if Type.NULL not in kinds:
            return body
        return self.retyped(body, [Type.TEXT if kind is Type.NULL else kind for kind in kinds], [True] * len(kinds))

    def _published_values(self, body: BoundBody) -> BoundBody:
        """The outermost query with its columns as they are published. Timestamps kept as text are so already."""
        body = self._settled(body)
        values = [output.value for output in body.outputs]
        keep = [value.form is not Form.RELATIVE_URL and not value.sphere for value in values]
        return body if all(keep) else self.retyped(body, [value.type for value in values], keep)

    def _renamed(self, outputs: tuple[Output, ...], table: nodes.CommonTable) -> tuple[Output, ...]:
        if not table.columns:
            return outputs
        if len(table.columns) != len(outputs):
            self.note(
                f"{table.name} names {len(table.columns)} columns but its query gives {len(outputs)}", table.name.span
            )
            return outputs
        return tuple(
            Output(name.folded, name.delimited, output.value, output.sql_name, output.span, output.size)
            for output, name in zip(outputs, table.columns, strict=True)
        )

    def subquery(self, body: nodes.Body, scope: Scope) -> BoundBody:
        return self.body(body, scope)

    def body(self, body: nodes.Body, parent: Scope | None) -> BoundBody:
        """A SELECT or a set operation."""
        if isinstance(body, nodes.Select):
            return self._select(body, parent)
        return self._set_operation(body, parent)

    # -- SELECT

    def _select(self, node: nodes.Select, parent: Scope | None) -> BoundSelect:
        sources, relation = self._from(node, parent)
        scope = Scope(relation, parent)
        where = self._conjuncts(node.where, scope) if node.where is not None else ()
        scope.clause = "SELECT"
        outputs = self._outputs(node, scope)
        if node.distinct:  # pgSphere has no order for its types
            outputs = tuple(o.with_value(self.array(self.sortable(o.value))) for o in outputs)
        scope.clause = "GROUP BY"
        group_by = tuple(self._group_term(term, scope) for term in node.group_by)
        scope.clause = "HAVING"
        having = self.condition(node.having, scope) if node.having is not None else None
        if group_by:
            outputs = tuple(o.with_value(self._of_group(o.value, group_by)) for o in outputs)
            having = having and self._of_group(having, group_by)
        scope.clause = "ORDER BY"
        listed = _SelectList(outputs)
        scope.alias = listed.value_named
        order_by = tuple(self._order_term(term, listed, scope, node.distinct) for term in node.order_by)
        aliases = {source.alias for source in relation.sources()}
        self._check_grouping(outputs, group_by, having, order_by, aliases)
        if group_by:
            order_by = tuple(
                replace(term, by=self._of_group(term.by, group_by)) if isinstance(term.by, Expr) else term
                for term in order_by
            )
        values = (*where, *group_by, *((having,) if having is not None else ()), *_ordered(order_by))
        own_size = self._counted(outputs, values, relation.copies)
        return BoundSelect(
            outputs, sources, node.distinct, where, group_by, having, order_by, node.top, node.offset,
            own_size + sum(map(source_size, sources)), relation.copies,
        )  # fmt: skip

    def _counted(self, outputs: Sequence[Output], values: Sequence[Expr], copies: int) -> int:
        """The size of all these, which gives up where the whole query is more than PostgreSQL should plan."""
        sizes = [output.size for output in outputs] + [size(value) for value in values]
        total = sum(sizes) * copies
        self._size += total
        if self._size > _MAX_SIZE:
            spans = [output.span for output in outputs] + [value.span for value in values]
            span = spans[sizes.index(max(sizes))]
            self.note(
                f"the query becomes too large here: it has more than {_MAX_SIZE} parts, where a column of a subquery "
                "counts as many as the expression behind it",
                span,
            )
            raise AdqlError(self.problems)
        return total

    def _conjuncts(self, condition: nodes.Condition, scope: Scope) -> tuple[Expr, ...]:
        parts = condition.operands if isinstance(condition, nodes.And) else (condition,)
        conjuncts = tuple(self.condition(part, scope) for part in parts)
        return (*implied_by_all(conjuncts, scope.clause), *conjuncts)

    def _outputs(self, node: nodes.Select, scope: Scope) -> tuple[Output, ...]:
        outputs: list[Output] = []
        taken: set[str] = set()
        for item in node.items:
            if len(outputs) > _MAX_COLUMNS:
                break
            if isinstance(item, nodes.Star):
                for visible in self._starred(item, scope):
                    value = visible.value
                    sql_name = _sql_name(visible.name, taken)
                    outputs.append(Output(visible.name, True, value, sql_name, item.span, size(value)))
                continue
            value = self.stored(item.value, scope)
            name, delimited = self._output_name(item, value, scope, taken)
            sql_name = _sql_name(name if delimited else name.lower(), taken)
            outputs.append(Output(name, delimited, value, sql_name, item.value.span, size(value)))
        if len(outputs) > _MAX_COLUMNS:
            self.note(f"a query gives at most {_MAX_COLUMNS} columns", outputs[_MAX_COLUMNS].span)
        return tuple(outputs)

    def _starred(self, item: nodes.Star, scope: Scope) -> list[Visible]:
        if not item.qualifier:
            return scope.relation.visible()
        try:
            return scope.source(item.qualifier).visible()
        except NotFoundError as exc:
            self.note(str(exc), item.span)
            return []

    def _output_name(self, item: nodes.Item, value: Expr, scope: Scope, taken: set[str]) -> tuple[str, bool]:
        if item.alias is not None:
            return item.alias.text, item.alias.delimited
        if isinstance(item.value, nodes.ColumnRef):
            if value.type is Type.WRONG:
                return item.value.parts[-1].text, True
            return scope.column(item.value.parts).name, True
        stem = item.value.name.text.lower() if isinstance(item.value, nodes.Call) else "expr"
        number = len(taken) + 1
        while f"{stem}_{number}" in taken:
            number += 1
        return f"{stem}_{number}", False

    # -- FROM

    def _from(self, node: nodes.Select, parent: Scope | None) -> tuple[tuple[BoundSource, ...], Relation]:
        sources, relation = [], None
        for item in node.sources:
            source, right = self._source(item, parent)
            sources.append(source)
            relation = right if relation is None else Joined(relation, right)
        assert relation is not None
        seen: dict[tuple[str, ...], None] = {}
        for bound in relation.sources():
            if bound.qualifier in seen:
                name = ".".join(map(shortened, bound.qualifier))
                self.note(f"FROM has two tables called {name}: give them different aliases", node.sources[-1].span)
            seen[bound.qualifier] = None
        return tuple(sources), relation

    def _source(self, node: nodes.TableSource, parent: Scope | None) -> tuple[BoundSource, Relation]:
        if isinstance(node, nodes.TableRef):
            return self._table(node)
        if isinstance(node, nodes.DerivedTable):
            body = self._settled(self.body(node.query, parent))
            alias = self._alias(node.alias.folded)
            return BoundDerived(body, alias), QuerySource(body.outputs, alias, (node.alias.folded,), body.copies)
        return self._join(node, parent)

    def _table(self, node: nodes.TableRef) -> tuple[BoundSource, Relation]:
        if len(node.parts) == 1:
            common = next((c for c in reversed(self.common) if same(node.parts[0], c.name.folded)), None)
            if common is not None:
                name = node.alias.folded if node.alias else common.name.folded
                alias = self._alias(name)
                source = QuerySource(common.outputs, alias, (name,), common.copies)
                return BoundCommonTable(common.sql_name, alias), source
        table = self._published(node)
        if table is None:
            # an empty stand-in would raise a complaint about each column; this one knows them all
            return BoundTable("", "", ""), _Anything(node)
        self.tables[table.qualified_name] = None
        qualifier = (node.alias.folded,) if node.alias else (table.schema, table.name)
        alias = self._alias(qualifier[-1])
        bound = BoundTable(table.schema, table.name, alias, _is_short(table), table.seen_as)
        return bound, TableSource(table, alias, qualifier)

    def _published(self, node: nodes.TableRef) -> Table | None:
        span = (node.parts[0].span[0], node.parts[-1].span[1])
        written = ".".join(map(str, node.parts))
        if len(node.parts) == 3:
            self.note(f"there is no catalog {node.parts[0]}: a table is written schema.table", span)
            return None
        if len(node.parts) == 2:
            schema, name = node.parts
            found = self.catalog.table(schema.folded, name.folded)
            if found is not None:
                return found
            similar = [t for t in self.catalog.tables if same(schema, t.schema) and same(name, t.name)]
            if len(similar) == 1:
                return similar[0]
            names = [table.qualified_name for table in self.catalog.tables]
            close = likely(f"{schema.text}.{name.text}", names)
            self.note(f"there is no table {written}{close}", span, close.tables())
            return None
        return self._unqualified(node.parts[0], span)

    def _unqualified(self, name: Name, span: Span) -> Table | None:
        tables = [table for table in self.catalog.tables if same(name, table.name)]
        hidden = [
            t for t in tables if t.name in _ALWAYS_QUALIFIED_TABLES or t.schema.lower() in _ALWAYS_QUALIFIED_SCHEMAS
        ]
        if len(tables) == 1 and not hidden:
            return tables[0]
        if tables:
            choice = " or ".join(table.qualified_name for table in tables)
            written = Likely(tuple(table.qualified_name for table in tables)).tables()
            self.note(f"the table {name} needs its schema: write {choice}", span, written)
            return None
        known = [table.name for table in self.catalog.tables] + [c.name.text for c in self.common]
        names = [table.qualified_name for table in self.catalog.tables]
        close = likely(name.text, names) or likely(name.text, known)
        self.note(f"there is no table {name}{close}", span, close.tables())
        return None

    def _join(self, node: nodes.Join, parent: Scope | None) -> tuple[BoundSource, Relation]:
        left_source, left = self._source(node.left, parent)
        right_source, right = self._source(node.right, parent)
        if node.condition is not None:
            joined = Joined(left, right)
            scope = Scope(joined, parent, clause="ON")
            conjuncts = self._conjuncts(node.condition, scope)
            if node.kind == "FULL":
                self._check_full_join(node.condition, conjuncts, left, right)
            self._counted((), conjuncts, joined.copies)
            return BoundJoin(node.kind, left_source, right_source, _all_of(conjuncts)), joined
        names = node.using or self._common_names(left, right, node.span)
        merged, conditions = [], []
        for name in names:
            pair = self._merged(name, left, right)
            if pair is None:
                continue
            first, second = pair
            stored = first.value.form is second.value.form is not Form.LOOSE_DALI_TEXT
            one = first.value if stored else self.plain(first.value)
            other = second.value if stored else self.plain(second.value)
            conditions.append(
                _plain_equality(one, other)
                if stored and one.form is not Form.PLAIN
                else self.compared("=", one, other, name.span)
            )
            merged.append(Visible(first.name, self._merged_value(node.kind, one, other)))
        condition = _all_of(tuple(conditions)) if conditions else None
        relation = Joined(left, right, tuple(merged))
        self._counted((), conditions, relation.copies)
        return BoundJoin(node.kind, left_source, right_source, condition), relation

    def _check_full_join(
        self, node: nodes.Condition, conjuncts: tuple[Expr, ...], left: Relation, right: Relation
    ) -> None:
        # PostgreSQL joins fully by merging or hashing only, and both need an equality
        sides = [{source.alias for source in relation.sources()} for relation in (left, right)]
        for conjunct in conjuncts:
            if isinstance(conjunct, Application) and conjunct.name == "=":
                used = [_aliases(arg) for arg in conjunct.args if isinstance(arg, Expr)]
                if all(used) and (
                    (used[0] <= sides[0] and used[1] <= sides[1]) or (used[0] <= sides[1] and used[1] <= sides[0])
                ):
                    return
        self.note("FULL JOIN needs an equality between the two tables, joined to other conditions by AND", node.span)

    def _common_names(self, left: Relation, right: Relation, span: Span) -> tuple[Name, ...]:
        on_right = {v.name for v in right.visible()}
        return tuple(Name(span, v.name, delimited=True) for v in left.visible() if v.name in on_right)

    def _merged(self, name: Name, left: Relation, right: Relation) -> tuple[Visible, Visible] | None:
        found = []
        for relation, side in ((left, "left"), (right, "right")):
            candidates = relation.find(name)
            if len(candidates) == 1:
                found.append(candidates[0])
                continue
            what = "is ambiguous on" if candidates else "does not exist on"
            self.note(f"the column {name} {what} the {side} side of the join", name.span)
        return (found[0], found[1]) if len(found) == 2 else None

    def _merged_value(self, kind: str, left: Expr, right: Expr) -> Expr:
        if kind in ("INNER", "LEFT"):
            return left
        if kind == "RIGHT":
            return right
        common = common_type(left.type, right.type) or Type.WRONG
        args = tuple(as_type(e, common) or e for e in (left, right))
        return Application(
            type=common, meta=met_meta((left, right), common), form=left.form, unicode=met_unicode((left, right)),
            name="COALESCE", pieces=pieces("COALESCE({0}, {1})"), args=args,
        )  # fmt: skip

    def _alias(self, wanted: str) -> str:
        """A name for a table in SQL that no other table of the statement has, so that none hides another."""
        alias, stem = wanted, wanted[:12]
        while alias in self._aliases or len(alias.encode()) > _MAX_NAME_BYTES:
            number = self._last_number[stem] = self._last_number.get(stem, 1) + 1
            alias = f"{stem}_{number}"
        self._aliases.add(alias)
        return alias

    # -- GROUP BY and ORDER BY

    def _group_term(self, node: nodes.Value, scope: Scope) -> Expr:
        if _is_literal(node):
            return self.wrong("GROUP BY takes columns and expressions, not positions or literals", node.span)
        value = self.stored(node, scope)
        if value.sphere or value.type in (Type.POINT, Type.CIRCLE, Type.POLYGON):
            return self.wrong("rows are not grouped by geometries", node.span)
        return self.sortable(value)

    def _of_group(self, value: Expr, keys: tuple[Expr, ...]) -> Expr:
        """The value of a group, which has one instant for all spellings of it."""
        if value.form is Form.LOOSE_DALI_TEXT and self.plain(value) in keys:
            return self.plain(value)
        if not isinstance(value, Application) or value.aggregate or value in keys:
            return value
        if value.name == SPELLING:
            (spelled,) = cast("tuple[Expr]", value.args)
            if (instant := self.plain(spelled)) in keys:
                sql = pieces("replace(({0})::text, ' ', 'T')")
                return Application(type=Type.TEXT, span=value.span, name="CAST", pieces=sql, args=(instant,))
        args = tuple(self._of_group(arg, keys) if isinstance(arg, Expr) else arg for arg in value.args)
        return value if args == value.args else replace(value, args=args)

    def _order_term(self, term: OrderTerm, listed: _SelectList, scope: Scope, distinct: bool) -> BoundOrder:
        node = term.value
        position = self._order_position(node, listed)
        if position is not None:
            value = listed.outputs[position - 1].value
            sortable = self.sortable(value)
            return BoundOrder(position if sortable is value else sortable, term.descending)
        if _is_literal(node):
            wrong = self.wrong("ORDER BY takes columns, positions and expressions, not literals", node.span)
            return BoundOrder(wrong, term.descending)
        value = self.sortable(self.stored(node, scope))
        position = listed.position_of(value)
        if position is not None:
            return BoundOrder(position, term.descending)
        if distinct and value.type is not Type.WRONG:
            self.note("with DISTINCT, ORDER BY takes only what stands in the SELECT list", term.span)
        return BoundOrder(value, term.descending)

    def _order_position(self, node: nodes.Value, listed: _SelectList) -> int | None:
        """The position in the SELECT list that a term names, by number or by alias."""
        if isinstance(node, nodes.Number) and node.text.isdigit():
            position = int(node.text[-9:])
            length = len(listed.outputs)
            if not 1 <= position <= length or len(node.text) > 9:
                count = "1 column" if length == 1 else f"{length} columns"
                self.note(f"ORDER BY {shortened(node.text)}: the SELECT list has {count}", node.span)
                return 1
            return position
        if not isinstance(node, nodes.ColumnRef) or len(node.parts) != 1:
            return None
        name = node.parts[0]
        named, is_ambiguous = listed.named(name)
        if is_ambiguous:
            self.note(f"{name} is ambiguous: several columns of the SELECT list have this name", node.span)
        return named

    def _check_grouping(
        self,
        outputs: tuple[Output, ...],
        group_by: tuple[Expr, ...],
        having: Expr | None,
        order_by: tuple[BoundOrder, ...],
        aliases: set[str],
    ) -> None:
        ordered = _ordered(order_by)
        values = [output.value for output in outputs]
        if not group_by and having is None and not any(is_aggregate(value) for value in (*values, *ordered)):
            return
        if any(key.type is Type.WRONG for key in group_by):
            return
        keys = frozenset(group_by)
        checked = [(o.value, o.span) for o in outputs]
        checked += [(value, value.span) for value in (*((having,) if having is not None else ()), *ordered)]
        reported: set[Span] = set()
        for value, place in checked:
            column = _ungrouped(value, keys, aliases)
            if column is None:
                continue
            span = place if column.span == _NOWHERE else column.span
            if span in reported:
                continue
            reported.add(span)
            if value.span == _NOWHERE:
                self.note("* cannot stand in the list of a query with GROUP BY or aggregates: name the columns", span)
            else:
                advice = "add it to GROUP BY" if group_by else "add GROUP BY"
                self.note(
                    f"{column.name} is neither in GROUP BY nor inside an aggregate such as MIN or COUNT: {advice}",
                    span,
                )

    # -- set operations (ADQL 2.1 §4.7)

    def _set_operation(self, node: nodes.SetOperation, parent: Scope | None) -> BoundBody:
        left, right = self.body(node.left, parent), self.body(node.right, parent)
        if len(left.outputs) != len(right.outputs):
            self.note(
                f"{node.operator} needs the same number of columns on both sides, "
                f"but there are {len(left.outputs)} and {len(right.outputs)}",
                node.right.span,
            )
            return BoundSet(left.outputs, node.operator, left, right)
        kinds = []
        for first, second in zip(left.outputs, right.outputs, strict=True):
            kind = common_type(first.value.type, second.value.type)
            if kind is None:
                sides = f"{describe(first.value.type)} on the left and {describe(second.value.type)} on the right"
                self.note(f"the column {shortened(first.name)} of {node.operator} is {sides}", second.span)
                kind = Type.WRONG
            kinds.append(kind)
        keep = [
            f.value.form is s.value.form is not Form.LOOSE_DALI_TEXT and not f.value.sphere and not s.value.sphere
            for f, s in zip(left.outputs, right.outputs, strict=True)
        ]
        left, right = self.retyped(left, kinds, keep), self.retyped(right, kinds, keep)
        result = tuple(_either(*sides) for sides in zip(left.outputs, right.outputs, strict=True))
        word = f"{node.operator} ALL" if node.all_rows else node.operator
        listed = _SelectList(result)
        positions = [self._order_position(term.value, listed) for term in node.order_by]
        if None in positions:
            return self._ordered(node, BoundSet(result, word, left, right), parent)
        order_by = tuple(
            BoundOrder(position, term.descending)
            for position, term in zip(positions, node.order_by, strict=True)
            if position is not None
        )
        return BoundSet(result, word, left, right, order_by, None, node.offset)

    def _ordered(self, node: nodes.SetOperation, body: BoundSet, parent: Scope | None) -> BoundSelect:
        """A set operation ordered by expressions, which PostgreSQL does only from outside."""
        body = cast("BoundSet", self._settled(body))
        alias = self._alias("result")
        source = QuerySource(body.outputs, alias, (), body.copies)
        scope = Scope(source, parent, clause="ORDER BY")
        outputs = tuple(o.with_value(v.value) for o, v in zip(body.outputs, source.visible(), strict=True))
        listed = _SelectList(outputs)
        order_by = tuple(self._order_term(term, listed, scope, distinct=False) for term in node.order_by)
        own_size = self._counted((), _ordered(order_by), body.copies)
        return BoundSelect(
            outputs, (BoundDerived(body, alias),), order_by=order_by, offset=node.offset, size=own_size + body.size,
            copies=body.copies,
        )  # fmt: skip

    def retyped(self, body: BoundBody, kinds: list[Type], keep_form: list[bool] | None = None) -> BoundBody:
        """The query with its columns in these types, and free of forms unless they are to be kept."""
        keep = keep_form or [False] * len(kinds)
        if len(kinds) != len(body.outputs):
            return body  # the sides of a set operation differ, which has been noted
        if isinstance(body, BoundSet):
            left, right = self.retyped(body.left, kinds, keep), self.retyped(body.right, kinds, keep)
            if len(left.outputs) != len(right.outputs):
                return body  # the same has been noted of its own sides
            outputs = tuple(_either(*sides) for sides in zip(left.outputs, right.outputs, strict=True))
            return replace(body, left=left, right=right, outputs=outputs)
        values = []
        for output, kind, kept in zip(body.outputs, kinds, keep, strict=True):
            value = output.value if kept else self.array(self.plain(output.value))
            if value.type is not kind:
                value = self.plain(value)
            converted = as_type(value, kind)
            values.append(value if converted is None else converted)
        return body.with_values(values)


class _SelectList:
    """The columns of a SELECT, to be found by name or by value."""

    def __init__(self, outputs: tuple[Output, ...]) -> None:
        self.outputs = outputs
        self._found: dict[tuple[str, bool], tuple[int | None, bool]] = {}

    @cached_property
    def _positions(self) -> dict[Expr, int]:
        positions: dict[Expr, int] = {}
        for position, output in enumerate(self.outputs, 1):
            positions.setdefault(output.value, position)
        return positions

    def position_of(self, value: Expr) -> int | None:
        """Where this value stands."""
        return self._positions.get(value)

    def named(self, name: Name) -> tuple[int | None, bool]:
        """Where the first column of this name stands, and whether there are others that hold something else."""
        key = (name.folded, name.delimited)
        if key not in self._found:
            positions = [p for p, output in enumerate(self.outputs, 1) if same(name, _key(output))]
            values = {self.outputs[position - 1].value for position in positions}
            self._found[key] = (positions[0] if positions else None, len(values) > 1)
        return self._found[key]

    def value_named(self, name: Name) -> Expr | None:
        """What the first column of this name holds."""
        position, _ = self.named(name)
        return None if position is None else self.outputs[position - 1].value


def _key(output: Output) -> str:
    return output.name if output.delimited else output.name.lower()


@dataclass(slots=True)
class _Anything:
    """Stands for a table that does not exist: any column of it is silently wrong."""

    node: nodes.TableRef

    @property
    def qualifier(self) -> tuple[str, ...]:
        if self.node.alias is not None:
            return (self.node.alias.folded,)
        return tuple(part.folded for part in self.node.parts)

    @property
    def alias(self) -> str:
        return ""

    @property
    def title(self) -> str:
        return ".".join(map(str, self.node.parts))

    def sources(self) -> Sequence[ScopeSource]:
        return (self,)

    def find(self, name: Name) -> list[Visible]:
        return [Visible(name.folded, Numeral(type=Type.WRONG, text="0"))]

    def visible(self) -> list[Visible]:
        return []

    @property
    def copies(self) -> int:
        return 1


def _either(left: Output, right: Output) -> Output:
    """A column of a set operation, as the left side calls it."""
    sides = (left.value, right.value)
    value = replace(left.value, meta=met_meta(sides, left.value.type), unicode=met_unicode(sides))
    return Output(left.name, left.delimited, value, left.sql_name, left.span, max(left.size, right.size))


def _is_short(table: Table) -> bool:
    # Citus knows no type of ours, and so not the index of long rows
    return table.is_distributed or (table.longest is not None and table.longest <= LONG_DAYS)


def _ordered(order_by: tuple[BoundOrder, ...]) -> list[Expr]:
    """What is ordered by and does not stand in the SELECT list."""
    return [term.by for term in order_by if isinstance(term.by, Expr)]


def _aliases(value: Expr) -> set[str]:
    return {part.alias for part in walk(value) if isinstance(part, ColumnValue)}


def _is_literal(node: nodes.Value) -> bool:
    while isinstance(node, nodes.Sign):
        node = node.operand
    return isinstance(node, (nodes.Number, nodes.Text, nodes.Null))


def _sql_name(name: str, taken: set[str]) -> str:
    """A name for the column in SQL: as it was written where that is short and free."""
    if name in taken or len(name.encode()) > _MAX_NAME_BYTES:
        number = len(taken) + 1
        while f"c{number}" in taken:
            number += 1
        name = f"c{number}"
    taken.add(name)
    return name


def _all_of(conditions: tuple[Expr, ...]) -> Expr:
    if len(conditions) == 1:
        return conditions[0]
    return Application(
        type=Type.CONDITION, name="AND", pieces=joined("(", " AND ", ")", len(conditions)), args=conditions
    )


def _plain_equality(left: Expr, right: Expr) -> Expr:
    return Application(type=Type.CONDITION, name="=", pieces=pieces("({0} = {1})"), args=(left, right))


def _is_column(one: ColumnValue, other: ColumnValue) -> bool:
    return (one.alias, one.name) == (other.alias, other.name)


def _ungrouped(value: Expr, group_by: frozenset[Expr], aliases: set[str]) -> ColumnValue | None:
    """The first column of this SELECT that stands outside of aggregates and grouped expressions."""
    if value in group_by:
        return None
    if isinstance(value, ColumnValue):
        # the text of a grouped timestamp is that column too
        grouped = any(isinstance(key, ColumnValue) and _is_column(key, value) for key in group_by)
        return value if value.alias in aliases and not grouped else None
    if not isinstance(value, Application) or value.aggregate:
        return None
    for arg in value.args:
        if isinstance(arg, Expr):
            column = _ungrouped(arg, group_by, aliases)
            if column is not None:
                return column
    return None
