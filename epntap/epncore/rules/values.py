"""Rules for what single values may be: required values, ranges, closed lists (EPN-TAP 2.0 §2, §3). No I/O here."""

from __future__ import annotations

from collections.abc import Collection

from epntap.epncore.columns import COLUMNS, by_name
from epntap.epncore.rules.model import SCHEMA, Rule, Severity, array, literal, names, quoted
from epntap.epncore.ucd import is_valid_ucd
from epntap.epncore.vocabulary import (
    DATAPRODUCT_TYPES,
    MESSENGERS,
    TARGET_CLASSES,
    TIME_SCALES,
    ParticleSpectralType,
    SpatialFrameType,
)

__all__ = ["CYCLIC", "JD_RANGE", "PAIRS", "VALUE_RULES"]

#: Julian dates of the years 1000 and 3000, about: outside them a value is likely not a Julian date
JD_RANGE = (2_086_000, 2_817_000)

#: stems of pairs whose range may run over the zero meridian, so that min may be above max (EPN-TAP 2.0 §2.1 note 1).
#: Local times are hours from 0 to 24 (§2.2) and no longitudes: a range over midnight is 0 to 24
CYCLIC = frozenset({"c1", "c2", "c3", "subsolar_longitude_", "subobserver_longitude_", "solar_longitude_", "azimuth_"})

#: stems of the columns that come as <stem>min and <stem>max
PAIRS: tuple[str, ...] = tuple(
    column.name.removesuffix("min")
    for column in COLUMNS
    if column.name.endswith("min") and by_name(column.name.removesuffix("min") + "max")
)

_GEOMETRY_TYPES = (
    "direct",
    "specular",
    "bidirectional",
    "directional-conical",
    "conical-directional",
    "biconical",
    "directional-hemispherical",
    "conical-hemispherical",
    "hemispherical-directional",
    "hemispherical-conical",
    "bihemispherical",
    "directional",
    "conical",
    "hemispherical",
    "other geometry",
    "unknown",
)

#: bodies whose class is beyond doubt
_CLASS_OF_BODY = {
    "planet": ("Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune"),
    "satellite": (
        "Moon",
        "Phobos",
        "Deimos",
        "Io",
        "Europa",
        "Ganymede",
        "Callisto",
        "Enceladus",
        "Titan",
        "Triton",
    ),
    "star": ("Sun",),
    "dwarf_planet": ("Pluto", "Ceres"),
}
_OF_NO_BODY = ("interplanetary_medium", "sky", "sample", "calibration", "spacecraft")
#: 52 Europa and 85 Io are asteroids
_AMBIGUOUS = frozenset({"Europa", "Io"})

_NUMBER = "[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?"
_STC_SHAPES = (
    # name of the shape, how many numbers follow the frame
    ("(position|point)", "{2}"),
    ("circle", "{3}"),
    ("(box|ellipse)", "{4,5}"),
)
_MOC = "^([st]?[0-9]{1,2}/[0-9, -]*)+$"


def _required(name: str) -> Rule:
    column = by_name(name)
    assert column is not None
    text = column.pg_type == "text"
    return Rule(
        id=f"B7-{name}",
        severity=Severity.REFUSE,
        section="3",
        expected=f"{name} has a value in every row.",
        hint=_DEFAULTS.get(name, f"Give {name} a value, in the service definition if it is the same for all rows."),
        columns=(name,),
        violation=f"{quoted(name)} IS NULL" + (f" OR {quoted(name)} = ''" if text else ""),
        holds=(f"{quoted(name)} IS NOT NULL",),
        taplint="E_PNUL",
    )


_DEFAULTS = {
    "granule_gid": "Write one constant value where there are no groups.",
    "obs_id": "Repeat granule_uid where an observation has one product.",
    "spatial_frame_type": "Write none where there are no spatial coordinates.",
    "modification_date": "Repeat creation_date where it is not known.",
    "release_date": "Repeat creation_date where it is not known.",
}


def _range(
    family: str,
    name: str,
    low: float,
    high: float,
    *,
    severity: Severity = Severity.QUARANTINE,
    section: str = "3",
    hint: str = "",
    taplint: str = "",
) -> Rule:
    """A column, or both of a pair if the name is a stem, within limits."""
    columns = (f"{name}min", f"{name}max") if by_name(name) is None else (name,)
    stem = name.rstrip("_")
    unit = getattr(by_name(columns[0]), "unit", None)
    return Rule(
        id=f"{family}-{stem}",
        severity=severity,
        section=section,
        expected=f"{' and '.join(columns)} {'are' if columns[1:] else 'is'} between {low} and {high}"
        + (f" ({unit})." if unit else "."),
        hint=hint or "Check the unit and the convention of the values.",
        columns=columns,
        violation=" OR ".join(f"NOT {quoted(column)} BETWEEN {low} AND {high}" for column in columns),
        holds=tuple(f"{quoted(column)} BETWEEN {low} AND {high}" for column in columns),
        taplint=taplint,
    )


def _not_negative(family: str, stem: str, *, zero: bool = True, section: str = "2.1") -> Rule:
    columns = (f"{stem}min", f"{stem}max")
    return Rule(
        id=f"{family}-{stem.rstrip('_')}",
        severity=Severity.QUARANTINE,
        section=section,
        expected=f"{columns[0]} and {columns[1]} are {'not negative' if zero else 'above zero'}.",
        hint="Write NULL where the value is not known; numbers such as -1 or 0 would be taken for measurements.",
        columns=columns,
        violation=" OR ".join(f"{quoted(column)} {'<' if zero else '<='} 0" for column in columns),
    )


def _pair(stem: str) -> Rule:
    low, high = f"{stem}min", f"{stem}max"
    column = by_name(low)
    assert column is not None
    violation = f"({quoted(low)} IS NULL) <> ({quoted(high)} IS NULL)"
    # not as an equality of two tests: planners do not see through that
    none, both = (f"({quoted(low)} {test} AND {quoted(high)} {test})" for test in ("IS NULL", "IS NOT NULL"))
    holds = [f"{none} OR {both}"]
    ordered = stem not in CYCLIC
    if ordered:
        first, second = quoted(low), quoted(high)
        if column.pg_type == "text":  # DALI timestamps sort as text, but for the Z
            first, second = (f"rtrim({end}, 'Z') COLLATE \"C\"" for end in (first, second))
        violation += f" OR {first} > {second}"
        holds.append(f"{first} <= {second}")
    hint = "If only one end is known, write it in both columns."
    if stem == "local_time_":
        hint = "Write a range over midnight as 0 to 24. " + hint
    elif not ordered:
        hint += " A range over the zero meridian has min above max."
    return Rule(
        id=f"B6-{stem.rstrip('_')}",
        severity=Severity.QUARANTINE if stem == "local_time_" else Severity.REFUSE,
        section="1.2",
        expected=f"{low} and {high} are both set or both NULL" + (", and min is not above max." if ordered else "."),
        hint=hint,
        columns=(low, high),
        violation=violation,
        holds=tuple(holds),
        taplint="E_PNMM",
    )


def _terms(
    rule: str,
    name: str,
    allowed: Collection[str],
    *,
    severity: Severity = Severity.REFUSE,
    section: str = "2.3",
    taplint: str = "",
) -> Rule:
    column = by_name(name)
    assert column is not None
    holds: tuple[str, ...]
    if column.hash_list:
        # the whole value first: most rows have one item, and this comparison is cheap
        one, items = f"{quoted(name)} = ANY ({array(allowed)})", f"string_to_array({quoted(name)}, '#')"
        violation = f"NOT ({one} OR {items} <@ {array(allowed)})"
        holds = ()
    else:
        violation = f"{quoted(name)} NOT IN ({', '.join(map(literal, allowed))})"
        # optional columns may hold the empty text
        accepted = (*allowed, "") if column.nullable else allowed
        holds = (f"{quoted(name)} IN ({', '.join(map(literal, accepted))})",)
    return Rule(
        id=rule,
        severity=severity,
        section=section,
        expected=f"{name} is {'made of the terms' if column.hash_list else 'one of'} {names(allowed)}.",
        hint="Use a term of the list in this very spelling"
        + (", and # between several of them." if column.hash_list else "."),
        columns=(name,),
        # required columns have a rule of their own for the empty text
        violation=f"{quoted(name)} <> '' AND {violation}",
        holds=holds,
        terms=tuple(map(str, allowed)),
        taplint=taplint,
    )


def _wrong_ucd_list(value: str) -> bool:
    # an empty item is the business of B4
    return any(item and not is_valid_ucd(item) for item in value.split("#"))


def _holds(column: str, items: Collection[str]) -> str:
    return f"string_to_array({quoted(column)}, '#') && {array(items)}"


def _class_rule() -> Rule:
    wrong = " OR ".join(
        f"({_holds('target_name', bodies)} AND NOT {_holds('target_class', (name,))})"
        for name, bodies in (
            (name, tuple(body for body in bodies if body not in _AMBIGUOUS)) for name, bodies in _CLASS_OF_BODY.items()
        )
    )
    return Rule(
        id="F2",
        severity=Severity.WARN,
        section="2.1",
        expected="target_class names the class of the target: planet, satellite for natural moons, star for the Sun, "
        "dwarf_planet for Pluto and Ceres.",
        hint="Correct target_class; where there are several targets give the class of each.",
        columns=("target_name", "target_class"),
        # what is between the bodies, on them or brought from them has a class of its own
        violation=f"({wrong}) AND NOT {_holds('target_class', _OF_NO_BODY)}",
    )


def _spelling_rule() -> Rule:
    bodies = tuple(body for bodies in _CLASS_OF_BODY.values() for body in bodies)
    lowered = 'string_to_array(lower("target_name" COLLATE "C"), \'#\')'
    return Rule(
        id="F3",
        severity=Severity.WARN,
        section="2.1",
        expected="target_name has the spelling of the IAU, such as Jupiter.",
        hint="Names of bodies begin with a capital letter.",
        columns=("target_name",),
        violation=f"{lowered} && {array(body.lower() for body in bodies)} AND NOT {_holds('target_name', bodies)}",
    )


def _region_rule() -> Rule:
    number = f"[ ]+{_NUMBER}"
    frame = "([ ]+[A-Za-z][A-Za-z0-9_]*){0,3}"
    shapes = [f"{shape}{frame}({number}){count}" for shape, count in _STC_SHAPES]
    shapes.append(f"polygon{frame}({number}{number}){{3,}}")
    shapes.append("(union|intersection|not)[ ].*[(].*[)]")
    shapes.append(f"{_NUMBER}({number})+")  # DALI: point, circle or polygon as bare numbers
    return Rule(
        id="H8",
        severity=Severity.QUARANTINE,
        section="2.1",
        expected="s_region is a region such as 'Polygon ICRS 10 10 20 10 20 20' or 'Circle UNKNOWNFrame 10 20 0.5'.",
        hint="Write the shape, its frame, and its numbers in degrees with blanks between them.",
        columns=("s_region",),
        violation=f'"s_region" <> \'\' AND lower("s_region" COLLATE "C") !~ \'^({"|".join(shapes)})$\'',
    )


VALUE_RULES: tuple[Rule, ...] = (
    Rule(
        id="C1-unique",
        severity=Severity.REFUSE,
        section="2.1",
        expected="granule_uid is different in every row.",
        hint="Make the identifier from something that tells the granules apart, such as the name of the file.",
        columns=("granule_uid",),
        unique=True,
    ),
    Rule(
        id="C1-hash",
        severity=Severity.REFUSE,
        section="2.1",
        expected="granule_uid holds no # and no quote.",
        hint="Replace the character by _.",
        columns=("granule_uid",),
        violation="\"granule_uid\" ~ '[#''\"`]'",
    ),
    Rule(
        id="C4",
        severity=Severity.REFUSE,
        section="2.1",
        expected="service_title is the name of the schema, in the same case.",
        hint="Write the name of the schema into service_title of every row.",
        columns=("service_title",),
        violation=f'"service_title" <> {SCHEMA}',
        holds=(f'"service_title" = {SCHEMA}',),
        taplint="E_PNST",
    ),
    Rule(
        id="C5",
        severity=Severity.WARN,
        section="2.1",
        expected="modification_date is not before creation_date.",
        hint="Repeat creation_date where the row has never been changed.",
        columns=("creation_date", "modification_date"),
        violation='rtrim("modification_date", \'Z\') COLLATE "C" < rtrim("creation_date", \'Z\') COLLATE "C"',
    ),
    *(_required(column.name) for column in COLUMNS if column.value_required),
    *map(_pair, PAIRS),
    _terms("D", "dataproduct_type", tuple(DATAPRODUCT_TYPES), section="2.1", taplint="E_PNDP"),
    Rule(
        id="E1",
        severity=Severity.REFUSE,
        section="2.1",
        expected="measurement_type is a list of valid UCD1+ strings, joined by #.",
        hint="Look the words up in the IVOA list of UCD1+ words; the first word must be a primary one.",
        columns=("measurement_type",),
        wrong_value=_wrong_ucd_list,
    ),
    Rule(
        id="E2",
        severity=Severity.WARN,
        section="2.1",
        expected="measurement_type names physical quantities, not bookkeeping.",
        hint="Leave out UCDs that begin with meta. or stat.",
        columns=("measurement_type",),
        violation="\"measurement_type\" ~ '(^|#)(meta|stat)[.]'",
    ),
    _range("E4", "processing_level", 1, 6, severity=Severity.REFUSE, section="2.1", taplint="E_PNPL"),
    Rule(
        id="E5",
        severity=Severity.WARN,
        section="2.1",
        expected="processing_level 4 has no meaning in the scheme of EPN-TAP.",
        hint="Resampled data (CODMAC 4) are level 5.",
        columns=("processing_level",),
        violation='"processing_level" = 4',
    ),
    _terms("F1", "target_class", sorted(TARGET_CLASSES), section="2.1", taplint="E_PNTG"),
    _class_rule(),
    _spelling_rule(),
    Rule(
        id="F4",
        severity=Severity.WARN,
        section="2.1",
        expected="target_name is a body; its rings are a target_region.",
        hint="Write the planet in target_name and ring in target_region.",
        columns=("target_name",),
        violation="\"target_name\" ~ '(^|[# ])[Rr]ings?($|[# ])'",
    ),
    _range(
        "G1",
        "time_",
        *JD_RANGE,
        section="2.1",
        hint="Write Julian dates: add 2400000.5 to a modified Julian date.",
        taplint="W_PNJD",
    ),
    _range("G1", "epoch", *JD_RANGE, severity=Severity.WARN, hint="Write a Julian date.", taplint="W_PNJD"),
    _terms("G2", "time_scale", sorted(TIME_SCALES), severity=Severity.WARN, section="2.2", taplint="W_PNTS"),
    _not_negative("G3", "time_sampling_step_"),
    _not_negative("G3", "time_exp_"),
    _range("G7", "local_time_", 0, 24, severity=Severity.REFUSE, section="2.2", taplint="E_PNLT"),
    _terms("H1", "spatial_frame_type", tuple(SpatialFrameType), section="2.1", taplint="E_PNFT"),
    _region_rule(),
    Rule(
        id="H10",
        severity=Severity.QUARANTINE,
        section="2.2",
        expected="coverage is a MOC in ASCII, such as 3/1-4,9 4/0.",
        hint="Write order, slash, and cells with commas or ranges between them.",
        columns=("coverage",),
        violation=f"\"coverage\" <> '' AND \"coverage\" !~ '{_MOC}'",
    ),
    *(_range("H3", stem, 0, 360) for stem in ("subsolar_longitude_", "subobserver_longitude_", "solar_longitude_")),
    *(_range("H3", stem, -90, 90) for stem in ("subsolar_latitude_", "subobserver_latitude_")),
    _range("H3", "ra", 0, 360),
    _range("H3", "dec", -90, 90),
    _range("H3", "observer_lon", 0, 360, severity=Severity.WARN, hint="Longitudes run eastward from 0 to 360."),
    _range("H3", "observer_lat", -90, 90, severity=Severity.WARN),
    *(
        _range("R", stem, 0, 90, severity=Severity.WARN, hint="Above 90 degrees the surface is not seen or not lit.")
        for stem in ("incidence_", "emergence_")
    ),
    _range("R", "phase_", -180, 180),
    _range("R", "azimuth_", 0, 360),
    *(
        _not_negative("R", stem, section="2.2")
        for stem in ("target_distance_", "earth_distance_", "sun_distance_", "radial_distance_")
    ),
    _not_negative("I1", "spectral_range_", zero=False),
    _not_negative("I1", "spectral_sampling_step_"),
    _not_negative("I1", "spectral_resolution_"),
    _terms("J10", "messenger", sorted(MESSENGERS), section="2.2", taplint="E_PNMG"),
    _terms("I4-type", "particle_spectral_type", tuple(ParticleSpectralType), taplint="E_PPST"),
    Rule(
        id="I4-set",
        severity=Severity.REFUSE,
        section="2.3",
        expected="particle_spectral_type and the particle spectral range are given together.",
        hint="Say what the axis is (energy, mass or mass/charge) wherever there is a range, and the reverse.",
        columns=(
            "particle_spectral_type",
            "particle_spectral_range_min",
            "particle_spectral_range_max",
            "particle_spectral_sampling_step_min",
            "particle_spectral_resolution_min",
        ),
        violation="(nullif(\"particle_spectral_type\", '') IS NULL) <> "
        '(num_nonnulls("particle_spectral_range_min", "particle_spectral_sampling_step_min", '
        '"particle_spectral_resolution_min") = 0)',
    ),
    Rule(
        id="J11",
        severity=Severity.REFUSE,
        section="2.3",
        expected="species_inchikey is made of keys of 27 capital letters and hyphens.",
        hint="Copy the InChIKey, such as XLYOFNOQVPJJNP-UHFFFAOYSA-N for water.",
        columns=("species_inchikey",),
        violation="\"species_inchikey\" <> '' AND \"species_inchikey\" !~ '^[-A-Z]{27}(#[-A-Z]{27})*$'",
        taplint="E_PNIK",
    ),
    _terms("V-geometry_type", "geometry_type", _GEOMETRY_TYPES, taplint="E_PNGT"),
    _terms(
        "V-event_type",
        "event_type",
        ("meteor_shower", "fireball", "lunar_flash", "comet_tail_crossing"),
        severity=Severity.WARN,
    ),
    _terms("V-event_status", "event_status", ("prediction", "observation", "utility"), severity=Severity.WARN),
    _terms("V-event_cite", "event_cite", ("followup", "supersedes", "retraction"), severity=Severity.WARN),
)
