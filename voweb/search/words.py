"""What people call what is in epn_core: quantities, targets, levels. No I/O here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["LEVELS", "QUANTITIES", "TARGET_NAMES", "Quantity", "folded", "quantity_called"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity as people call it; granules are of it whose measurement_type holds one of the parts."""

    name: str
    #: of UCDs, as measurement_type spells them (`LIKE '%part%'`)
    parts: tuple[str, ...]
    #: other names that are understood
    synonyms: tuple[str, ...] = ()


_MOMENTS = ("phys.density", "phys.temperature", "phys.veloc", "phys.pressure")
_IONS = ("phys.atmol.ionStage", "phys.particle.proton")
_DISTRIBUTIONS = ("phys.flux;phys.", "phys.flux.energy;phys.", "phot.count;phys.")

QUANTITIES: tuple[Quantity, ...] = (
    Quantity("magnetic field", ("phys.magField",), ("b field", "b", "mag", "magnetometer", "imf", "champ magnétique")),
    Quantity("electric field", ("phys.electField",), ("e field", "e", "waves", "champ électrique")),
    Quantity(
        "plasma", ("phys.density", "phys.temperature", "phys.veloc", "phys.pressure"), ("plasma moments", "moments")
    ),
    Quantity("density", ("phys.density",), ("number density", "densité")),
    Quantity("electron density", ("phys.density;phys.electron",), ("ne", "electron number density")),
    Quantity(
        "ion density",
        ("phys.density;phys.atmol.ionStage", "phys.density;phys.particle.proton"),
        ("ni", "proton density"),
    ),
    Quantity("temperature", ("phys.temperature",), ("température",)),
    Quantity("electron temperature", ("phys.temperature;phys.electron",), ("te",)),
    Quantity(
        "ion temperature",
        ("phys.temperature;phys.atmol.ionStage", "phys.temperature;phys.particle.proton"),
        ("ti", "proton temperature"),
    ),
    Quantity("velocity", ("phys.veloc",), ("speed", "bulk velocity", "plasma velocity", "solar wind speed", "vitesse")),
    Quantity("pressure", ("phys.pressure",), ("dynamic pressure", "ram pressure", "pression")),
    Quantity("particles", _DISTRIBUTIONS, ("energetic particles", "particle flux", "flux", "particules")),
    Quantity("electrons", ("phys.electron",), ("électrons",)),
    Quantity("ions", _IONS, ("ion", "protons")),
    Quantity("composition", ("phys.abund",), ("abundance", "ion composition")),
    Quantity("potential", ("phys.potential",), ("spacecraft potential",)),
    Quantity("radio emission", ("em.radio",), ("radio", "radio waves")),
    Quantity("energy", ("em.energy", "phys.energy"), ()),
    Quantity("light", ("phot.flux", "phot.radiance", "em.opt"), ("radiance", "irradiance", "brightness", "images")),
    Quantity("ephemeris", ("pos.",), ("position", "orbit", "trajectory", "orbite")),
    Quantity("activity index", ("meta.code",), ("geomagnetic index", "index")),
)

#: names of one target, of which any may be the one in the rows
TARGET_NAMES: tuple[tuple[str, ...], ...] = (
    ("Sun", "Sol", "Soleil", "Sonne", "solar"),
    ("Mercury", "Mercure", "Merkur", "hermean"),
    ("Venus", "Vénus", "venusian"),
    ("Earth", "Terra", "Terre", "Erde", "terrestrial"),
    ("Moon", "Luna", "Lune", "Mond", "lunar"),
    ("Mars", "martian"),
    ("Jupiter", "jovian"),
    ("Saturn", "Saturne", "kronian", "saturnian"),
    ("Uranus", "uranian"),
    ("Neptune", "Neptun", "neptunian"),
    ("Pluto", "Pluton", "134340 Pluto"),
    ("Ganymede", "Ganymède", "Ganymed"),
    ("Titan", "Saturn VI"),
    ("Solar Wind", "solarwind", "interplanetary medium", "heliosphere", "vent solaire", "Sonnenwind"),
    ("67P", "67P/Churyumov-Gerasimenko", "Churyumov-Gerasimenko", "67P/C-G", "67P/CG", "Chury", "1969 R1"),
    ("1P", "1P/Halley", "Halley", "Comet Halley"),
    ("26P", "26P/Grigg-Skjellerup", "Grigg-Skjellerup"),
    ("19P", "19P/Borrelly", "Borrelly"),
    ("21P", "21P/Giacobini-Zinner", "Giacobini-Zinner"),
    ("Ceres", "1 Ceres"),
    ("Vesta", "4 Vesta"),
    ("Lutetia", "21 Lutetia"),
    ("Steins", "2867 Steins", "Šteins"),
)

#: values of processing_level (EPN-TAP 2.0 §2.1), as numbers are written
LEVELS: Mapping[str, str] = MappingProxyType(
    {"1": "telemetry", "2": "raw", "3": "calibrated", "5": "derived", "6": "ancillary"}
)

_BETWEEN = re.compile(r"[^\w]+|_+")


def folded(text: str) -> str:
    """A name without case, accents and what stands between its words."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _BETWEEN.sub("", "".join(one for one in plain if not unicodedata.combining(one)))


_BY_FOLDED: Mapping[str, Quantity] = {
    folded(name): quantity for quantity in reversed(QUANTITIES) for name in (*quantity.synonyms, quantity.name)
}


def quantity_called(name: str) -> Quantity | None:
    """The quantity with this name or synonym."""
    return _BY_FOLDED.get(folded(name))
