"""CAST (ADQL 2.1 §4.6)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from epntap.adql import nodes
from epntap.adql.bound import NO_META, Application, Expr, Numeral, Parameter, Type, pieces
from epntap.adql.geometry import GeometryBinder
from epntap.adql.infer import as_type, describe, is_numeric, unlike
from epntap.adql.scope import Scope
from epntap.adql.tokens import Span
from epntap.hints import shortened

__all__ = ["CastBinder"]


class CastBinder(GeometryBinder):
    """The part of the resolver that knows CAST."""

    def cast(self, node: nodes.Cast, scope: Scope) -> Expr:  # noqa: PLR0911  # one answer for each case
        """CAST(value AS type)."""
        expr = self.stored(node.operand, scope)
        target = node.target
        if target.name in ("CHAR", "VARCHAR"):
            return self._cast_to_text(expr, node)
        if target.name == "TIMESTAMP":
            return self._cast_to_timestamp(expr, node)
        if target.name in ("POINT", "CIRCLE", "POLYGON"):
            return self.geometry_from_text(self.plain(expr), Type(target.name.lower()), node.span)
        kind = Type(target.name.lower())
        value = self.plain(expr)
        if value.type is Type.NULL:
            return as_type(value, kind) or value
        if not is_numeric(value.type) and value.type not in (Type.TEXT, Type.BOOLEAN, Type.WRONG):
            return self.wrong(f"{describe(value.type)} cannot be cast to {target.name}", node.span)
        if isinstance(value, Parameter) and not _is_number(str(value.value), kind):
            return self.wrong(f"'{shortened(str(value.value))}' cannot be cast to {target.name}", node.span)
        if isinstance(value, Numeral) and not _holds(kind, value.text):
            return self.wrong(
                f"{shortened(value.text.removesuffix('.0'))} is outside the range of {target.name}", node.span
            )
        if value.type is Type.BOOLEAN:
            value = as_type(value, Type.INTEGER) or value
        return self._as(value, kind, f")::{kind}", node.span)

    def _as(self, value: Expr, kind: Type, suffix: str, span: Span) -> Expr:
        return Application(
            type=kind, span=span, meta=unlike(value.meta), unicode=value.unicode, name="CAST",
            pieces=("(", 0, suffix), args=(value,),
        )  # fmt: skip

    def _cast_to_text(self, expr: Expr, node: nodes.Cast) -> Expr:
        length = node.target.length
        suffix = ")::text"
        if length is not None:
            # varchar(n) of PostgreSQL cuts to n characters when it is asked to; text after it drops the padding
            kind = "char" if node.target.name == "CHAR" else "varchar"
            if not 0 < length <= 10_485_760:
                return self.wrong("the length of a string is between 1 and 10485760", node.target.span)
            suffix = f")::{kind}({length})::text"
        text = self.text(expr)
        if text is not None:
            return self._as(text, Type.TEXT, suffix, node.span) if length is not None else replace(text, meta=NO_META)
        value = self.plain(expr)
        if value.type is Type.TIMESTAMP:
            sql = f"(replace(({{0}})::text, ' ', 'T'){suffix}"
            return Application(type=Type.TEXT, span=node.span, name="CAST", pieces=pieces(sql), args=(value,))
        if not is_numeric(value.type) and value.type not in (Type.BOOLEAN, Type.WRONG):
            return self.wrong(f"{describe(value.type)} cannot be cast to {node.target.name}", node.span)
        return self._as(value, Type.TEXT, suffix, node.span)

    def _cast_to_timestamp(self, expr: Expr, node: nodes.Cast) -> Expr:
        value = self.plain(expr)
        if value.type in (Type.TIMESTAMP, Type.NULL) or isinstance(value, Parameter):
            return replace(self.converted(value, Type.TIMESTAMP), span=node.span)
        text = as_type(value, Type.TEXT)
        if text is None:  # only strings become timestamps (ADQL 2.1 §4.6.3)
            return self.wrong(f"only text can be cast to TIMESTAMP, not {self.describe(value)}", node.span)
        return Application(
            type=Type.TIMESTAMP, span=node.span, name="CAST", pieces=pieces("udf.dali_timestamp({0})"), args=(text,)
        )


_BITS = {Type.SMALLINT: 16, Type.INTEGER: 32, Type.BIGINT: 64}
_LARGEST_REAL = 3.4028235e38


def _holds(kind: Type, numeral: str) -> bool:
    """Whether a numeral (without sign) becomes a value of this type."""
    if kind in _BITS:  # halves are rounded to even
        return round(Decimal(numeral)) < 1 << (_BITS[kind] - 1)
    return kind is Type.DOUBLE or float(numeral) <= _LARGEST_REAL


def _is_number(text: str, kind: Type) -> bool:
    """Whether PostgreSQL takes a string literal for a number of this type."""
    try:
        (float if kind in (Type.REAL, Type.DOUBLE) else int)(text)
    except ValueError:
        return False
    return text.isascii() and "_" not in text
