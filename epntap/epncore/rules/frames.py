"""Rules for c1 to c3, whose meaning depends on spatial_frame_type (EPN-TAP 2.0 table 2, note 1). No I/O here."""

from __future__ import annotations

from epntap.epncore.rules.model import Rule, Severity, literal, quoted
from epntap.epncore.vocabulary import SpatialFrameType

__all__ = ["FRAME_RULES"]

_LONGITUDE = (0, 360)
_LATITUDE = (-90, 90)
_COLATITUDE = (0, 180)

#: frame -> limits of c1, c2, c3; None where there is none
_LIMITS: dict[SpatialFrameType, tuple[tuple[float, float | None] | None, ...]] = {
    SpatialFrameType.CELESTIAL: (_LONGITUDE, _LATITUDE, (0, None)),
    SpatialFrameType.BODY: (_LONGITUDE, _LATITUDE, None),
    SpatialFrameType.SPHERICAL: ((0, None), _COLATITUDE, _LONGITUDE),
    SpatialFrameType.CYLINDRICAL: ((0, None), _LONGITUDE, None),
}
#: axes that may run over the zero meridian
_CYCLIC = {
    1: (SpatialFrameType.CELESTIAL, SpatialFrameType.BODY),
    2: (SpatialFrameType.CYLINDRICAL,),
    3: (SpatialFrameType.SPHERICAL,),
}


def _outside(name: str, limits: tuple[float, float | None]) -> str:
    low, high = limits
    return f"{quoted(name)} < {low}" if high is None else f"NOT {quoted(name)} BETWEEN {low} AND {high}"


def _said(limits: tuple[float, float | None]) -> str:
    low, high = limits
    return f"not below {low}" if high is None else f"{low} to {high}"


def _range_rule(axis: int) -> Rule:
    ends = (f"c{axis}min", f"c{axis}max")
    limits = {frame: found for frame, of in _LIMITS.items() if (found := of[axis - 1]) is not None}
    wrong = " OR ".join(
        f'("spatial_frame_type" = {literal(frame)} AND ({" OR ".join(_outside(end, found) for end in ends)}))'
        for frame, found in limits.items()
    )
    return Rule(
        id=f"H3-c{axis}",
        severity=Severity.QUARANTINE,
        section="2.1 table 2",
        expected=f"c{axis} is within the limits of its frame ("
        + "; ".join(f"{frame}: {_said(found)}" for frame, found in limits.items())
        + ").",
        hint="Longitudes run eastward from 0 to 360 degrees; write c1min above c1max for a range over 0.",
        columns=("spatial_frame_type", *ends),
        violation=wrong,
    )


def _order_rule(axis: int) -> Rule:
    low, high = f"c{axis}min", f"c{axis}max"
    cyclic = ", ".join(map(literal, _CYCLIC[axis]))
    return Rule(
        id=f"H3-order-c{axis}",
        severity=Severity.QUARANTINE,
        section="1.2, 2.1 table 2",
        expected=f"{low} is not above {high}, except where c{axis} is a longitude ({', '.join(_CYCLIC[axis])} frames).",
        hint="Exchange the two values.",
        columns=("spatial_frame_type", low, high),
        violation=f'"spatial_frame_type" NOT IN ({cyclic}) AND {quoted(low)} > {quoted(high)}',
    )


FRAME_RULES: tuple[Rule, ...] = (
    *map(_range_rule, (1, 2, 3)),
    *map(_order_rule, (1, 2, 3)),
    Rule(
        id="H5",
        severity=Severity.WARN,
        section="2.1 note 1",
        expected="There are no coordinates in c1 to c3 where spatial_frame_type is none.",
        hint="Name the frame of the coordinates, or write NULL.",
        columns=("spatial_frame_type", "c1min", "c2min", "c3min"),
        violation='"spatial_frame_type" = \'none\' AND num_nonnulls("c1min", "c2min", "c3min") > 0',
    ),
)
