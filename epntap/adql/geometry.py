"""Geometry of ADQL 2.1 §4.2.

A geometry is an array of degrees as DALI has it, handled by functions of ours; a column that pgSphere holds is
handled by pgSphere, so that its indexes serve. Coordinate systems are accepted and ignored: longitudes and
latitudes of planetary bodies go through the same functions as those of the sky.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from epntap.adql import nodes
from epntap.adql.binder import Binder, predicate
from epntap.adql.bound import (
    Application,
    ColumnValue,
    Expr,
    Meta,
    Numeral,
    Parameter,
    Pieces,
    Type,
    joined,
    pieces,
    walk,
)
from epntap.adql.infer import as_type, is_numeric, null_of
from epntap.adql.scope import Scope
from epntap.adql.shapes import coordinates, region_numbers, shape_problem
from epntap.adql.tokens import Span
from epntap.hints import shortened

__all__ = ["GEOMETRY_FUNCTIONS", "GeometryBinder"]

GEOMETRY_FUNCTIONS = frozenset(
    (
        "AREA", "BOX", "CENTROID", "CIRCLE", "CONTAINS", "COORD1", "COORD2", "COORDSYS", "DISTANCE", "INTERSECTS",
        "POINT", "POLYGON", "REGION",
    )
)  # fmt: skip

_SPHERE_TYPES = {Type.POINT: "spoint", Type.CIRCLE: "scircle", Type.POLYGON: "spoly"}
_DEGREES = Meta(unit="deg")
_SQUARE_DEGREES = Meta(unit="deg**2")
_CAST_COUNTS = {Type.POINT: "two numbers", Type.CIRCLE: "three numbers", Type.POLYGON: "six or more pairs of numbers"}


class GeometryBinder(Binder):
    """The part of the resolver that knows geometry."""

    def geometry_call(self, node: nodes.Call, scope: Scope) -> Expr:  # noqa: PLR0911  # one answer for each case
        """One of GEOMETRY_FUNCTIONS."""
        if shape_problem(node) is not None:  # the parser has said so
            return _wrong(node.span)
        name = node.name.text.upper()
        if name == "REGION":
            return self._region(cast("nodes.Text", node.arguments[0]))
        values = [self.value(argument, scope) for argument in coordinates(node)]
        match name:
            case "POINT":
                return self._constructed(Type.POINT, list(map(self._coordinate, values)), node)
            case "CIRCLE":
                return self._circle(values, node)
            case "BOX":
                return self._box(values, node)
            case "POLYGON":
                return self._polygon(values, node)
            case "CONTAINS" | "INTERSECTS":
                return self._relation(name, values, node)
            case "DISTANCE":
                return self._distance(values, node)
            case "COORDSYS":
                self._geometry(values[0])
                return Parameter(type=Type.TEXT, span=node.span, value=_system(node.arguments[0]), cast="text")
            case _:
                return self._property(name, values[0], node)

    # -- constructors

    def _coordinate(self, value: Expr) -> Expr:
        number = as_type(value, Type.DOUBLE) if is_numeric(value.type) or value.type is Type.NULL else None
        if number is not None or value.type is Type.WRONG:
            return number or value
        return self.wrong(f"a coordinate is a number, not {self.describe(value)}", value.span)

    def _constructed(self, kind: Type, numbers: list[Expr], node: nodes.Call) -> Expr:
        array = joined("ARRAY[", ", ", "]", len(numbers))
        if not all(_is_constant(number) for number in numbers):
            array = ("udf.geometry(", *array, ")")  # NULL when a coordinate is
        return self._made(kind, kind.upper(), array, numbers, node.span)

    def _made(self, kind: Type, name: str, sql: Pieces, args: list[Expr], span: Span) -> Expr:
        if any(arg.type is Type.WRONG for arg in args):
            return _wrong(span)
        return Application(type=kind, span=span, meta=_DEGREES, name=name, pieces=sql, args=tuple(args))

    def _circle(self, values: list[Expr], node: nodes.Call) -> Expr:
        radius = self._coordinate(values[-1])
        if len(values) == 3:
            return self._constructed(Type.CIRCLE, [*map(self._coordinate, values[:2]), radius], node)
        centre = self._point(values[0])
        numbers = _numbers(centre, 2)
        if numbers is not None:
            return self._constructed(Type.CIRCLE, [*numbers, radius], node)
        return self._made(
            Type.CIRCLE, "CIRCLE", pieces("udf.geometry({0} || {1})"), [self.array(centre), radius], node.span
        )

    def _box(self, values: list[Expr], node: nodes.Call) -> Expr:
        sizes = list(map(self._coordinate, values[-2:]))
        if len(values) == 4:
            centre = list(map(self._coordinate, values[:2]))
        else:
            point = self._point(values[0])
            centre = list(_numbers(point, 2) or [self.array(point)])
        args = [*centre, *sizes]
        return self._made(Type.POLYGON, "BOX", joined("udf.box(", ", ", ")", len(args)), args, node.span)

    def _polygon(self, values: list[Expr], node: nodes.Call) -> Expr:
        if values[0].type in (Type.POINT, Type.CIRCLE, Type.POLYGON):
            vertices = list(map(self._point, values))
            numbers = [_numbers(vertex, 2) for vertex in vertices]
            if None not in numbers:
                return self._constructed(Type.POLYGON, [n for pair in numbers if pair for n in pair], node)
            arrays = list(map(self.array, vertices))
            sql = joined("udf.geometry(", " || ", ")", len(arrays))
            return self._made(Type.POLYGON, "POLYGON", sql, arrays, node.span)
        if len(values) % 2 or len(values) < 6:
            return self.wrong("POLYGON takes three or more pairs of coordinates", node.span)
        return self._constructed(Type.POLYGON, list(map(self._coordinate, values)), node)

    def _region(self, node: nodes.Text) -> Expr:
        found = region_numbers(node.value)
        if found is None:
            return self.wrong(
                "REGION knows 'Position …', 'Circle …', 'Box …' and 'Polygon …' with their numbers in degrees",
                node.span,
            )
        word, numbers = found
        if word == "BOX":
            args = tuple(Parameter(type=Type.DOUBLE, value=number, cast="double precision") for number in numbers)
            return Application(
                type=Type.POLYGON, span=node.span, meta=_DEGREES, name="BOX",
                pieces=joined("udf.box(", ", ", ")", 4), args=args,
            )  # fmt: skip
        kind = {"POSITION": Type.POINT, "CIRCLE": Type.CIRCLE, "POLYGON": Type.POLYGON}[word]
        return _array_literal(kind, numbers, node.span)

    def geometry_from_text(self, expr: Expr, kind: Type, span: Span) -> Expr:
        """CAST to POINT, CIRCLE or POLYGON from the spelling of DALI (ADQL 2.1 §4.6.4)."""
        if expr.type is Type.NULL:
            return as_type(expr, kind) or expr
        if isinstance(expr, Parameter) and isinstance(expr.value, str):
            numbers = tuple(expr.value.split())
            counts = {Type.POINT: (2,), Type.CIRCLE: (3,)}.get(kind) or range(6, len(numbers) + 1, 2)
            if len(numbers) not in counts or not all(_is_number(number) for number in numbers):
                return self.wrong(f"'{shortened(str(expr.value))}' is no {kind}: write {_CAST_COUNTS[kind]}", span)
            return _array_literal(kind, numbers, span)
        if expr.type is not Type.TEXT:
            return self.wrong(f"only text can be cast to {kind.upper()}, not {self.describe(expr)}", span)
        return Application(
            type=kind, span=span, meta=_DEGREES, name="CAST",
            pieces=pieces("regexp_split_to_array(btrim({0}), '\\s+')::double precision[]"), args=(expr,),
        )  # fmt: skip

    # -- arguments

    def _geometry(self, value: Expr) -> Expr:
        if value.type in (Type.POINT, Type.CIRCLE, Type.POLYGON, Type.WRONG):
            return value
        if value.type is Type.NULL:
            return null_of(Type.REGION, value)
        if value.type is Type.TEXT and (value.meta.xtype or "").lower() == "adql:region":
            return Application(
                type=Type.REGION, span=value.span, name="REGION", pieces=pieces("udf.region({0})"), args=(value,)
            )
        return self.wrong(f"expected a geometry such as POINT(…) but found {self.describe(value)}", value.span)

    def _point(self, value: Expr) -> Expr:
        value = null_of(Type.POINT, value) if value.type is Type.NULL else self._geometry(value)
        if value.type in (Type.POINT, Type.WRONG):
            return value
        return self.wrong(f"expected a point but found {self.describe(value)}: write CENTROID(…)", value.span)

    def _sphere(self, expr: Expr) -> Expr:
        """The geometry as pgSphere holds it."""
        if expr.sphere:
            return expr
        numbers = None if expr.type is Type.POLYGON else _numbers(expr, 2 if expr.type is Type.POINT else 3)
        if numbers is None:
            args: tuple[Expr, ...] = (expr,)
            sql = f"udf.sphere_spelling({{0}})::@{_SPHERE_TYPES[expr.type]}"
        else:
            args = numbers
            sql = "@spoint(radians({0}), radians({1}))"
            if expr.type is Type.CIRCLE:
                sql = f"@scircle({sql}, radians({{2}}))"
        schema = f"{self.features.quoted_pgsphere_schema}."
        return Application(
            type=expr.type, span=expr.span, name="SPHERE", pieces=pieces(sql.replace("@", schema)), args=args,
            sphere=True,
        )  # fmt: skip

    # -- relations and measures

    def _relation(self, name: str, values: list[Expr], node: nodes.Call) -> Expr:
        first, second = map(self._geometry, values)
        if Type.WRONG in (first.type, second.type):
            return _wrong(node.span)
        if name == "INTERSECTS" and second.type is Type.POINT:
            first, second = second, first
        contains = name == "CONTAINS" or first.type is Type.POINT
        return flag(name, self._related(first, second, contains, node.span), node.span)

    def _related(self, first: Expr, second: Expr, contains: bool, span: Span) -> Expr:
        word = "CONTAINS" if contains else "INTERSECTS"
        if (first.sphere or second.sphere) and Type.REGION not in (first.type, second.type):
            return self._related_spheres(word, first, second, span)
        first, second = self.array(first), self.array(second)
        if contains and first.type is Type.POINT and second.type is Type.CIRCLE:
            point, circle = _numbers(first, 2), _numbers(second, 3)
            if point is not None and circle is not None:  # the common cone search, without a function call
                return predicate(span, word, "(udf.distance({0}, {1}, {2}, {3}) <= {4})", *point, *circle)
        function = "contained" if contains else "overlaps"
        return predicate(span, word, f"udf.{function}({{0}}, {{1}})", first, second)

    def _related_spheres(self, word: str, first: Expr, second: Expr, span: Span) -> Expr:
        operator = "<@" if word == "CONTAINS" else "&&"
        if word == "CONTAINS" and second.type is Type.POINT:  # pgSphere has no operator for what a point holds
            if first.type is not Type.POINT:
                return predicate(span, word, "udf.contained({0}, {1})", self.array(first), self.array(second))
            operator = "="
        sql = f"({{0}} OPERATOR({self.features.quoted_pgsphere_schema}.{operator}) {{1}})"
        return predicate(span, word, sql, self._sphere(first), self._sphere(second))

    def _distance(self, values: list[Expr], node: nodes.Call) -> Expr:
        if len(values) == 4:
            args = list(map(self._coordinate, values))
            return self._made(Type.DOUBLE, "DISTANCE", joined("udf.distance(", ", ", ")", 4), args, node.span)
        points = list(map(self._point, values))
        if any(point.sphere for point in points):
            sql = f"degrees({{0}} OPERATOR({self.features.quoted_pgsphere_schema}.<->) {{1}})"
            points = [point if point.type is Type.WRONG else self._sphere(point) for point in points]
            return self._made(Type.DOUBLE, "DISTANCE", pieces(sql), points, node.span)
        first, second = (_numbers(point, 2) for point in points)
        args = points if first is None or second is None else [*first, *second]
        return self._made(Type.DOUBLE, "DISTANCE", joined("udf.distance(", ", ", ")", len(args)), args, node.span)

    def _property(self, name: str, value: Expr, node: nodes.Call) -> Expr:
        if name in ("COORD1", "COORD2"):
            point = self._point(value)
            numbers = _numbers(point, 2)
            if numbers is not None:
                return self._made(Type.DOUBLE, name, pieces("({0})"), [numbers[name == "COORD2"]], node.span)
            sql = f"({{0}})[{name[-1]}]"
            return self._made(Type.DOUBLE, name, pieces(sql), [self.array(point)], node.span)
        geometry = self._geometry(value)
        kind = Type.DOUBLE if name == "AREA" else Type.POINT
        made = self._made(kind, name, pieces(f"udf.{name.lower()}({{0}})"), [self.array(geometry)], node.span)
        return replace(made, meta=_SQUARE_DEGREES) if name == "AREA" else made


def flag(name: str, condition: Expr, span: Span) -> Expr:
    """A condition as the integer 1 or 0, the way ADQL wants its predicates. Compared with 1 it becomes itself again."""
    return Application(type=Type.INTEGER, span=span, name=name, pieces=pieces("({0})::integer"), args=(condition,))


def _wrong(span: Span) -> Expr:
    return Numeral(type=Type.WRONG, span=span, text="0")


def _numbers(geometry: Expr, count: int) -> tuple[Expr, ...] | None:
    """The elements of a geometry: as they were written in its constructor, or of a column by subscript.

    None for anything else, which would be computed once for each element.
    """
    if geometry.type is Type.WRONG:
        return (geometry,) * count
    if isinstance(geometry, Application) and geometry.name in ("POINT", "CIRCLE") and len(geometry.args) == count:
        return tuple(arg for arg in geometry.args if isinstance(arg, Expr))
    if geometry.sphere or not isinstance(geometry, (ColumnValue, Parameter)):
        return None
    return tuple(
        Application(type=Type.DOUBLE, span=geometry.span, name="[]", pieces=("(", 0, f")[{n}]"), args=(geometry,))
        for n in range(1, count + 1)
    )


def _array_literal(kind: Type, numbers: tuple[str, ...], span: Span) -> Expr:
    return Parameter(type=kind, span=span, meta=_DEGREES, value=numbers, cast="double precision[]")


def _is_constant(expr: Expr) -> bool:
    return not any(
        isinstance(part, ColumnValue) or (isinstance(part, Application) and not part.args) for part in walk(expr)
    )


def _is_number(text: str) -> bool:
    try:
        return text.isascii() and abs(float(text)) < float("inf")
    except ValueError:
        return False


def _system(node: nodes.Value) -> str:
    """The coordinate system that a constructor was given, else the one that means nothing in particular."""
    if isinstance(node, nodes.Call) and node.arguments:
        first = node.arguments[0]
        if isinstance(first, nodes.Text) and node.name.text.upper() != "REGION":
            return first.value
        return _system(first)
    return "UNKNOWNFrame"
