"""Geometry of ADQL 2.1 §4.2.

A geometry is an array of degrees as DALI has it, handled by functions of ours; a column that pgSphere holds is
handled by pgSphere, so that its indexes serve. Coordinate systems are accepted and ignored: longitudes and
latitudes of planetary bodies go through the same functions as those of the sky.
"""

from __future__ import annotations

from typing import cast

from epntap.adql import nodes
from epntap.adql.binder import Binder, predicate
from epntap.adql.bound import Application, ColumnValue, Expr, Meta, Numeral, Parameter, Type, joined, pieces, walk
from epntap.adql.infer import as_type, is_numeric
from epntap.adql.scope import Scope
from epntap.adql.shapes import coordinates, region_numbers, shape_problem
from epntap.adql.tokens import Span

__all__ = ["GEOMETRY_FUNCTIONS", "GeometryBinder"]

GEOMETRY_FUNCTIONS = frozenset(
    (
        "AREA", "BOX", "CENTROID", "CIRCLE", "CONTAINS", "COORD1", "COORD2", "COORDSYS", "DISTANCE", "INTERSECTS",
        "POINT", "POLYGON", "REGION",
    )
)  # fmt: skip

_SHAPES = (Type.POINT, Type.CIRCLE, Type.POLYGON)
_DEGREES = Meta(unit="deg")
_SQUARE_DEGREES = Meta(unit="deg**2")
_CAST_COUNTS = {Type.POINT: "two numbers", Type.CIRCLE: "three numbers", Type.POLYGON: "six or more pairs of numbers"}


class GeometryBinder(Binder):
    """The part of the resolver that knows geometry."""

    def geometry_call(self, node: nodes.Call, scope: Scope) -> Expr:  # noqa: PLR0911  # one answer for each case
        """One of GEOMETRY_FUNCTIONS."""
        if shape_problem(node) is not None:  # the parser has said so
            return Numeral(type=Type.WRONG, span=node.span, text="0")
        name = node.name.text.upper()
        given = coordinates(node)
        match name:
            case "POINT":
                return self._constructed(Type.POINT, [self._coordinate(v, scope) for v in given], node)
            case "CIRCLE":
                return self._circle(given, node, scope)
            case "BOX":
                return self._box(given, node, scope)
            case "POLYGON":
                return self._polygon(given, node, scope)
            case "REGION":
                return self._region(cast("nodes.Text", given[0]))
            case "CONTAINS" | "INTERSECTS":
                return self._relation(name, node, scope)
            case "DISTANCE":
                return self._distance(node, scope)
            case _:
                return self._property(name, node, scope)

    # -- constructors

    def _coordinate(self, node: nodes.Value, scope: Scope) -> Expr:
        value = self.value(node, scope)
        number = as_type(value, Type.DOUBLE) if is_numeric(value.type) or value.type is Type.NULL else None
        if number is not None:
            return number
        if value.type is Type.WRONG:
            return value
        return self.wrong(f"a coordinate is a number, not {self.describe(value)}", node.span)

    def _constructed(self, kind: Type, numbers: list[Expr], node: nodes.Call) -> Expr:
        if any(number.type is Type.WRONG for number in numbers):
            return Numeral(type=Type.WRONG, span=node.span, text="0")
        array = joined("ARRAY[", ", ", "]", len(numbers))
        if not all(_is_constant(number) for number in numbers):
            array = ("udf.geometry(", *array, ")")  # NULL when a coordinate is
        return Application(
            type=kind, span=node.span, meta=_DEGREES, name=kind.upper(), pieces=array, args=tuple(numbers)
        )

    def _circle(self, given: tuple[nodes.Value, ...], node: nodes.Call, scope: Scope) -> Expr:
        radius = self._coordinate(given[-1], scope)
        if len(given) == 3:
            centre = [self._coordinate(v, scope) for v in given[:2]]
            return self._constructed(Type.CIRCLE, [*centre, radius], node)
        lon, lat = self._lon_lat(self._point(given[0], scope))
        return self._constructed(Type.CIRCLE, [lon, lat, radius], node)

    def _box(self, given: tuple[nodes.Value, ...], node: nodes.Call, scope: Scope) -> Expr:
        sizes = [self._coordinate(v, scope) for v in given[-2:]]
        if len(given) == 4:
            centre = [self._coordinate(v, scope) for v in given[:2]]
        else:
            centre = list(self._lon_lat(self._point(given[0], scope)))
        args = (*centre, *sizes)
        if any(arg.type is Type.WRONG for arg in args):
            return Numeral(type=Type.WRONG, span=node.span, text="0")
        return Application(
            type=Type.POLYGON, span=node.span, meta=_DEGREES, name="BOX", pieces=joined("udf.box(", ", ", ")", 4),
            args=args,
        )  # fmt: skip

    def _polygon(self, given: tuple[nodes.Value, ...], node: nodes.Call, scope: Scope) -> Expr:
        values = [self.value(v, scope) for v in given]
        if values[0].type not in _SHAPES:
            if len(values) % 2 or len(values) < 6:
                return self.wrong("POLYGON takes three or more pairs of coordinates", node.span)
            return self._constructed(Type.POLYGON, [self._coordinate(v, scope) for v in given], node)
        numbers: list[Expr] = []
        for vertex in given:
            numbers += self._lon_lat(self._point(vertex, scope))
        return self._constructed(Type.POLYGON, numbers, node)

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
                return self.wrong(f"'{expr.value}' is no {kind}: write {_CAST_COUNTS[kind]}", span)
            return _array_literal(kind, numbers, span)
        if expr.type is not Type.TEXT:
            return self.wrong(f"only text can be cast to {kind.upper()}, not {self.describe(expr)}", span)
        return Application(
            type=kind, span=span, meta=_DEGREES, name="CAST",
            pieces=pieces("regexp_split_to_array(btrim({0}), '\\s+')::double precision[]"), args=(expr,),
        )  # fmt: skip

    # -- arguments

    def _geometry(self, node: nodes.Value, scope: Scope) -> Expr:
        value = self.value(node, scope)
        if value.type in _SHAPES or value.type is Type.WRONG:
            return value
        if value.type is Type.TEXT and (value.meta.xtype or "").lower() == "adql:region":
            return Application(
                type=Type.REGION, span=value.span, name="REGION", pieces=pieces("udf.region({0})"), args=(value,)
            )
        return self.wrong(f"expected a geometry such as POINT(…) but found {self.describe(value)}", node.span)

    def _point(self, node: nodes.Value, scope: Scope) -> Expr:
        value = self._geometry(node, scope)
        if value.type in (Type.POINT, Type.WRONG):
            return value
        hint = ": write CENTROID(…)" if value.type in (Type.CIRCLE, Type.POLYGON, Type.REGION) else ""
        return self.wrong(f"expected a point but found {self.describe(value)}{hint}", node.span)

    def _sphere(self, expr: Expr) -> Expr:
        """The geometry as pgSphere holds it."""
        if expr.sphere:
            return expr
        if expr.type is Type.POLYGON:
            args: tuple[Expr, ...] = (expr,)
            sql = "udf.sphere_polygon({0})::@spoly"
        elif expr.type is Type.POINT:
            args = self._lon_lat(expr)
            sql = "@spoint(radians({0}), radians({1}))"
        else:
            numbers = _numbers(expr, 3)
            args = numbers
            sql = "@scircle(@spoint(radians({0}), radians({1})), radians({2}))"
        return Application(
            type=expr.type, span=expr.span, name=expr.type.upper(), pieces=self._own(sql), args=args, sphere=True
        )

    def _own(self, template: str) -> tuple[str | int, ...]:
        """Pieces of a template in which @ stands for the schema that holds pgSphere."""
        return pieces(template.replace("@", f"{self.features.quoted_pgsphere_schema}."))

    def _lon_lat(self, point: Expr) -> tuple[Expr, Expr]:
        if point.type is Type.WRONG:
            return point, point
        if point.sphere:
            point = self.array(point)
        lon, lat = _numbers(point, 2)
        return lon, lat

    # -- relations and measures

    def _relation(self, name: str, node: nodes.Call, scope: Scope) -> Expr:
        first, second = (self._geometry(v, scope) for v in node.arguments)
        if Type.WRONG in (first.type, second.type):
            return Numeral(type=Type.WRONG, span=node.span, text="0")
        contains = name == "CONTAINS" or first.type is Type.POINT
        if name == "INTERSECTS" and second.type is Type.POINT:
            first, second, contains = second, first, True
        return flag(name, self._related(first, second, contains, node.span), node.span)

    def _related(self, first: Expr, second: Expr, contains: bool, span: Span) -> Expr:
        word = "CONTAINS" if contains else "INTERSECTS"
        if (first.sphere or second.sphere) and Type.REGION not in (first.type, second.type):
            return self._related_spheres(word, self._sphere(first), self._sphere(second), span)
        first, second = self.array(first), self.array(second)
        if contains and first.type is Type.POINT and second.type is Type.CIRCLE:
            lon, lat, radius = _numbers(second, 3)
            return predicate(
                span, word, "(udf.distance({0}, {1}, {2}, {3}) <= {4})", *self._lon_lat(first), lon, lat, radius
            )
        function = "contained" if contains else "overlaps"
        return predicate(span, word, f"udf.{function}({{0}}, {{1}})", first, second)

    def _related_spheres(self, word: str, first: Expr, second: Expr, span: Span) -> Expr:
        if word == "CONTAINS" and second.type is Type.POINT:
            if first.type is not Type.POINT:  # pgSphere has no operator for what a point cannot hold
                return predicate(span, word, "udf.contained({0}, {1})", self.array(first), self.array(second))
            operator = "="
        else:
            operator = "<@" if word == "CONTAINS" else "&&"
        schema = self.features.quoted_pgsphere_schema
        return predicate(span, word, f"({{0}} OPERATOR({schema}.{operator}) {{1}})", first, second)

    def _distance(self, node: nodes.Call, scope: Scope) -> Expr:
        if len(node.arguments) == 4:
            args = tuple(self._coordinate(v, scope) for v in node.arguments)
            return self._apart(args, node.span)
        first, second = (self._point(v, scope) for v in node.arguments)
        if Type.WRONG in (first.type, second.type):
            return Numeral(type=Type.WRONG, span=node.span, text="0")
        if first.sphere or second.sphere:
            sql = f"degrees({{0}} OPERATOR({self.features.quoted_pgsphere_schema}.<->) {{1}})"
            return Application(
                type=Type.DOUBLE, span=node.span, meta=_DEGREES, name="DISTANCE", pieces=pieces(sql),
                args=(self._sphere(first), self._sphere(second)),
            )  # fmt: skip
        return self._apart((*self._lon_lat(first), *self._lon_lat(second)), node.span)

    def _apart(self, args: tuple[Expr, ...], span: Span) -> Expr:
        if any(arg.type is Type.WRONG for arg in args):
            return Numeral(type=Type.WRONG, span=span, text="0")
        return Application(
            type=Type.DOUBLE, span=span, meta=_DEGREES, name="DISTANCE", pieces=joined("udf.distance(", ", ", ")", 4),
            args=args,
        )  # fmt: skip

    def _property(self, name: str, node: nodes.Call, scope: Scope) -> Expr:
        argument = node.arguments[0]
        if name == "COORDSYS":
            self._geometry(argument, scope)
            return Parameter(type=Type.TEXT, span=node.span, value=_system(argument), cast="text")
        if name in ("COORD1", "COORD2"):
            number = self._lon_lat(self._point(argument, scope))[name == "COORD2"]
            if number.type is Type.WRONG:
                return number
            return Application(
                type=Type.DOUBLE, span=node.span, meta=_DEGREES, name=name, pieces=pieces("({0})"), args=(number,)
            )
        geometry = self._geometry(argument, scope)
        if geometry.type is Type.WRONG:
            return geometry
        kind, meta = (Type.DOUBLE, _SQUARE_DEGREES) if name == "AREA" else (Type.POINT, _DEGREES)
        return Application(
            type=kind, span=node.span, meta=meta, name=name, pieces=pieces(f"udf.{name.lower()}({{0}})"),
            args=(self.array(geometry),),
        )  # fmt: skip


def flag(name: str, condition: Expr, span: Span) -> Expr:
    """A condition as the integer 1 or 0, the way ADQL wants its predicates. Compared with 1 it becomes itself again."""
    return Application(type=Type.INTEGER, span=span, name=name, pieces=pieces("({0})::integer"), args=(condition,))


def _numbers(geometry: Expr, count: int) -> tuple[Expr, ...]:
    """The first elements of a geometry: as they were written in its constructor, else by subscript."""
    if isinstance(geometry, Application) and geometry.name in ("POINT", "CIRCLE") and len(geometry.args) == count:
        return tuple(arg for arg in geometry.args if isinstance(arg, Expr))
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
