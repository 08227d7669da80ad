"""SPASE regions as EPN-TAP targets: two tables, and the missions whose records name no region."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["MISSION_REGIONS", "Targets", "mission_regions", "targets_of"]

#: first or first two words of a region -> target_name, target_class, target_region without further detail.
#: SPASE writes `Earth` for its magnetosphere when the data are of plasma; so do Jupiter and Venus.
_BODIES: Mapping[str, tuple[str | None, str, str | None]] = MappingProxyType(
    {
        "Mercury": ("Mercury", "planet", None),
        "Venus": ("Venus", "planet", "magnetosphere"),
        "Earth": ("Earth", "planet", "magnetosphere"),
        "Mars": ("Mars", "planet", None),
        "Jupiter": ("Jupiter", "planet", "magnetosphere"),
        "Saturn": ("Saturn", "planet", None),
        "Uranus": ("Uranus", "planet", None),
        "Neptune": ("Neptune", "planet", None),
        "Pluto": ("Pluto", "dwarf_planet", None),
        "Earth.Moon": ("Moon", "satellite", None),
        "Mars.Phobos": ("Phobos", "satellite", None),
        "Mars.Deimos": ("Deimos", "satellite", None),
        "Jupiter.Io": ("Io", "satellite", None),
        "Jupiter.Europa": ("Europa", "satellite", None),
        "Jupiter.Ganymede": ("Ganymede", "satellite", None),
        "Jupiter.Callisto": ("Callisto", "satellite", None),
        "Saturn.Mimas": ("Mimas", "satellite", None),
        "Saturn.Enceladus": ("Enceladus", "satellite", None),
        "Saturn.Tethys": ("Tethys", "satellite", None),
        "Saturn.Dione": ("Dione", "satellite", None),
        "Saturn.Rhea": ("Rhea", "satellite", None),
        "Saturn.Titan": ("Titan", "satellite", None),
        "Saturn.Iapetus": ("Iapetus", "satellite", None),
        "Uranus.Miranda": ("Miranda", "satellite", None),
        "Uranus.Ariel": ("Ariel", "satellite", None),
        "Uranus.Umbriel": ("Umbriel", "satellite", None),
        "Uranus.Titania": ("Titania", "satellite", None),
        "Uranus.Oberon": ("Oberon", "satellite", None),
        "Uranus.Puck": ("Puck", "satellite", None),
        "Neptune.Triton": ("Triton", "satellite", None),
        "Neptune.Proteus": ("Proteus", "satellite", None),
        "Comet": (None, "comet", "coma"),
        "Asteroid": (None, "asteroid", None),
        "Sun": ("Sun", "star", "corona"),
        "Heliosphere": (None, "interplanetary_medium", "solar-wind"),
        "Heliosphere.NearEarth": ("Earth", "interplanetary_medium", "solar-wind"),
        "Interstellar": ("Interstellar Medium", "sky", "interstellar-medium"),
    }
)

#: what follows the body in a region -> target_region; the longest match counts
_PARTS: Mapping[str, str] = MappingProxyType(
    {
        "Magnetosphere": "magnetosphere",
        "Magnetosheath": "magnetosheath",
        "NearSurface": "atmosphere",
        "NearSurface.Ionosphere": "ionosphere",
        "NearSurface.Plasmasphere": "plasmasphere",
        "NearSurface.AuroralRegion": "aurora",
        "NearSurface.PolarCap": "polar-cap",
        "Surface": "surface",
        "Photosphere": "photosphere",
        "Chromosphere": "chromosphere",
        "TransitionRegion": "transition-region",
        "Interior": "interior",
    }
)

#: order of names and classes, whatever the order in the record
_CLASS_ORDER = ("planet", "dwarf_planet", "satellite", "comet", "asteroid", "star", "interplanetary_medium", "sky")

#: the class of space between the bodies, and the names under which it is looked for (docs/decisions/013)
_MEDIUM = "interplanetary_medium"
_SOLAR_WIND = "Solar Wind"

#: where the data of a mission were taken if neither the record nor its name says more. Keys are folded names
#: (letters and digits in lower case) as they occur in ResourceIDs.
MISSION_REGIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ace": ("Heliosphere.NearEarth",),
        "ampte": ("Earth.Magnetosphere",),
        "bepicolombo": ("Heliosphere.Inner",),
        "cassini": ("Saturn",),
        "cluster": ("Earth.Magnetosphere", "Earth.Magnetosheath", "Heliosphere.NearEarth"),
        "demeter": ("Earth.NearSurface.Ionosphere",),
        "doublestar": ("Earth.Magnetosphere", "Earth.Magnetosheath"),
        "dscovr": ("Heliosphere.NearEarth",),
        "geotail": ("Earth.Magnetosphere.Magnetotail", "Heliosphere.NearEarth"),
        "giotto": ("Comet",),
        "helioswarm": ("Heliosphere.NearEarth",),
        "ice": ("Comet",),
        "imp8": ("Earth.Magnetosphere", "Heliosphere.NearEarth"),
        "interball": ("Earth.Magnetosphere", "Earth.Magnetosheath"),
        "isee": ("Earth.Magnetosphere", "Heliosphere.NearEarth"),
        "mariner10": ("Mercury",),
        "mex": ("Mars",),
        "mgs": ("Mars",),
        "mms": ("Earth.Magnetosphere", "Earth.Magnetosheath"),
        "phobos": ("Mars",),
        "phobos2": ("Mars",),
        "polar": ("Earth.Magnetosphere",),
        "rosetta": ("Comet",),
        "stereo": ("Heliosphere.Remote1AU",),
        "stereoa": ("Heliosphere.Remote1AU",),
        "stereob": ("Heliosphere.Remote1AU",),
        "themis": ("Earth.Magnetosphere",),
        "ulysses": ("Heliosphere",),
        "vex": ("Venus",),
        "wind": ("Heliosphere.NearEarth",),
    }
)

#: comets met by missions, as IAU designations (EPN-TAP 2.0 §2.1)
_COMETS: Mapping[str, str] = MappingProxyType(
    {"giotto": "1P", "ice": "21P", "rosetta": "67P", "p67orball": "67P", "vega1": "1P", "vega2": "1P"}
)

#: in the name of a dataset: taken on the way, not at the target of the mission
_ON_THE_WAY = "cruise"


@dataclass(frozen=True, slots=True)
class Targets:
    """Names and classes for the hash lists (planets first, then the Sun, then the medium), and one region or None."""

    names: tuple[str, ...]
    classes: tuple[str, ...]
    region: str | None


def _fold(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())


def _missions(resource_id: str) -> list[str]:
    """Folded path segments of a ResourceID, the mission among them."""
    return [_fold(segment) for segment in resource_id.split("/")]


def mission_regions(resource_id: str) -> tuple[str, ...]:
    """Regions of the mission that a ResourceID names, or () if it is not in the table."""
    segments = _missions(resource_id)
    found = next((MISSION_REGIONS[segment] for segment in segments if segment in MISSION_REGIONS), ())
    return ("Heliosphere",) if found and _ON_THE_WAY in segments[-1] else found


def targets_of(regions: Iterable[str], resource_id: str) -> Targets | None:
    """Targets for the regions of a dataset, or None if none of the regions is known.

    The mission in the ResourceID tells which comet is meant.
    """
    found = [target for region in regions if (target := _target(region)) is not None]
    if not found:
        return None
    comet = next((_COMETS[segment] for segment in _missions(resource_id) if segment in _COMETS), None)
    found = [(comet if kind == "comet" else name, kind, part) for name, kind, part in found]
    found.sort(key=lambda target: _CLASS_ORDER.index(target[1]))  # stable: order of the record within a class
    names = [name for name, _, _ in found if name]
    classes = [kind for _, kind, _ in found]
    if _MEDIUM in classes:
        # what fills the medium; where no body stands beside it, its origin too
        names += ["Sun", _SOLAR_WIND] if set(classes) <= {_MEDIUM, "sky"} else [_SOLAR_WIND]
    return Targets(
        names=tuple(dict.fromkeys(names)),
        classes=tuple(dict.fromkeys(classes)),
        region=next((part for _, _, part in found if part), None),
    )


def _target(region: str) -> tuple[str | None, str, str | None] | None:
    words = region.split(".")
    for count in range(len(words), 0, -1):
        body = _BODIES.get(".".join(words[:count]))
        if body is not None:
            name, kind, part = body
            return name, kind, _part(words[count:]) or part
    return None


def _part(words: list[str]) -> str | None:
    return next(
        (_PARTS[part] for count in range(len(words), 0, -1) if (part := ".".join(words[:count])) in _PARTS), None
    )
