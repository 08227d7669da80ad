"""The column that several columns become: sides of a set operation, of a join by name, results of COALESCE and CASE.

It says only what is true of all of them; what differs is widened where there is something wider, and dropped otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from epntap.adql.bound import NO_META, Application, Expr, Meta, Type
from epntap.adql.infer import VOTABLE

__all__ = ["met_meta", "met_unicode"]

#: numbers from narrow to wide; each holds all values of those before it, float next to int or long excepted
_WIDTHS = ("bit", "unsignedByte", "short", "int", "long", "float", "double")


def met_unicode(values: Sequence[Expr]) -> bool:
    """Whether the column may hold characters beyond ASCII."""
    return any(value.unicode or value.meta.datatype == "unicodeChar" for value in values)


def met_meta(values: Sequence[Expr], kind: Type) -> Meta:
    """What a FIELD says of the column whose values are those of all the given ones, as type `kind`.

    NULL and what is wrong have nothing to say.
    """
    told = [value for value in values if not _is_silent(value)]
    if not told:
        return NO_META
    first = told[0].meta
    if all(value.meta is first and value.type is kind for value in told):
        return first
    datatype, arraysize, xtype = _votable(told, kind)
    return Meta(
        unit=_same(told, lambda meta: meta.unit),
        ucd=_same(told, lambda meta: meta.ucd),
        utype=_same(told, lambda meta: meta.utype),
        description=_same(told, lambda meta: meta.description),
        datatype=datatype,
        arraysize=arraysize,
        xtype=xtype,
        origin=first.origin
        if all(value.meta.origin == first.origin and value.type is kind for value in told)
        else None,
    )


def _is_silent(value: Expr) -> bool:
    return value.type in (Type.NULL, Type.WRONG) or (isinstance(value, Application) and value.name == "NULL")


def _same(values: Sequence[Expr], told: Callable[[Meta], str | None]) -> str | None:
    first, *rest = (told(value.meta) for value in values)
    return first if all(one == first for one in rest) else None


def _votable(values: Sequence[Expr], kind: Type) -> tuple[str | None, str | None, str | None]:
    """Datatype, arraysize and xtype; no datatype where that of the type will do."""
    if all(value.meta.datatype is None for value in values) or kind not in VOTABLE:
        return None, None, None
    described = [_described(value, kind) for value in values]
    datatype = reduce(_wider, (one[0] for one in described))
    arraysize = described[0][1] if len({one[1] for one in described}) == 1 else "*"
    xtype = described[0][2] if len({one[2] for one in described}) == 1 else None
    if any(one[1] is None for one in described) and arraysize == "*" and not datatype.lower().endswith("char"):
        return None, None, None  # a number beside an array cannot be; the type decides
    return datatype, arraysize, xtype


def _described(value: Expr, kind: Type) -> tuple[str, str | None, str | None]:
    meta = value.meta
    if meta.datatype is not None:
        if value.type is not kind and kind in VOTABLE and value.type in VOTABLE:
            # the database makes it wider, so the FIELD is at least as wide
            return _wider(meta.datatype, VOTABLE[kind][0]), meta.arraysize, meta.xtype
        return meta.datatype, meta.arraysize, meta.xtype
    datatype, arraysize, xtype = VOTABLE[kind]
    return ("unicodeChar" if value.unicode and datatype == "char" else datatype), arraysize, xtype


def _wider(first: str, second: str) -> str:
    if first == second:
        return first
    if {first, second} == {"char", "unicodeChar"}:
        return "unicodeChar"
    if first in _WIDTHS and second in _WIDTHS:
        wider = _WIDTHS[max(_WIDTHS.index(first), _WIDTHS.index(second))]
        narrow = first if wider == second else second
        # a whole number of more than 24 bits is no single precision number
        return "double" if wider == "float" and narrow in {"int", "long"} else wider
    return first
