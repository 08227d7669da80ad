"""Regions as targets."""

import pytest

from epntap.epncore.vocabulary import TARGET_CLASSES
from ingest.spase.regions import MISSION_REGIONS, mission_regions, targets_of

ANY = "spase://CNES/NumericalData/CDPP-AMDA/Any/MAG/any-mag"


@pytest.mark.parametrize(
    ("regions", "names", "classes", "region"),
    [
        (["Earth"], ("Earth",), ("planet",), "magnetosphere"),
        (["Earth.Magnetosphere.Magnetotail"], ("Earth",), ("planet",), "magnetosphere"),
        (["Earth.Magnetosheath"], ("Earth",), ("planet",), "magnetosheath"),
        (["Earth.NearSurface.Ionosphere"], ("Earth",), ("planet",), "ionosphere"),
        (["Earth.NearSurface.Plasmasphere"], ("Earth",), ("planet",), "plasmasphere"),
        (["Earth.NearSurface.AuroralRegion"], ("Earth",), ("planet",), "aurora"),
        (["Earth.NearSurface.PolarCap"], ("Earth",), ("planet",), "polar-cap"),
        (["Earth.NearSurface.EquatorialRegion"], ("Earth",), ("planet",), "atmosphere"),
        (["Earth.Surface"], ("Earth",), ("planet",), "surface"),
        (["Heliosphere.NearEarth"], ("Earth", "Sun", "Solar Wind"), ("interplanetary_medium",), "solar-wind"),
        (["Heliosphere.Inner", "Heliosphere"], ("Sun", "Solar Wind"), ("interplanetary_medium",), "solar-wind"),
        (["Jupiter", "Heliosphere"], ("Jupiter", "Solar Wind"), ("planet", "interplanetary_medium"), "magnetosphere"),
        (["Interstellar"], ("Interstellar Medium",), ("sky",), "interstellar-medium"),
        (
            ["Heliosphere.Outer", "Interstellar"],
            ("Interstellar Medium", "Sun", "Solar Wind"),
            ("interplanetary_medium", "sky"),
            "solar-wind",
        ),
        (["Sun.Corona"], ("Sun",), ("star",), "corona"),
        (["Jupiter", "Jupiter.Io"], ("Jupiter", "Io"), ("planet", "satellite"), "magnetosphere"),
        (["Jupiter.Io"], ("Io",), ("satellite",), None),
        (["Mars"], ("Mars",), ("planet",), None),
        (["Pluto"], ("Pluto",), ("dwarf_planet",), None),
        (["Earth.Moon"], ("Moon",), ("satellite",), None),
        (["Mercury.Magnetosphere"], ("Mercury",), ("planet",), "magnetosphere"),
        (["Comet"], (), ("comet",), "coma"),
        (
            ["Heliosphere.NearEarth", "Sun.Corona", "Earth.Magnetosheath", "Earth.Magnetosphere"],
            ("Earth", "Sun", "Solar Wind"),
            ("planet", "star", "interplanetary_medium"),
            "magnetosheath",
        ),
        (["Atlantis", "Mars"], ("Mars",), ("planet",), None),
    ],
)
def test_targets(regions: list[str], names: tuple[str, ...], classes: tuple[str, ...], region: str | None) -> None:
    targets = targets_of(regions, ANY)
    assert targets is not None
    assert (targets.names, targets.classes, targets.region) == (names, classes, region)


def test_a_planet_seen_from_within_is_not_the_sun() -> None:
    targets = targets_of(["Earth.Magnetosphere", "Heliosphere.NearEarth"], ANY)
    assert targets is not None
    assert targets.names == ("Earth", "Solar Wind")


def test_unknown_regions_give_no_target() -> None:
    assert targets_of(["Atlantis"], ANY) is None
    assert targets_of([], ANY) is None


@pytest.mark.parametrize(("mission", "comet"), [("Rosetta", "67P"), ("Giotto", "1P"), ("ICE", "21P")])
def test_the_mission_says_which_comet(mission: str, comet: str) -> None:
    targets = targets_of(["Comet"], f"spase://CNES/NumericalData/CDPP-AMDA/{mission}/MAG/x")
    assert targets is not None
    assert targets.names == (comet,)


def test_missions_stand_in_for_missing_regions() -> None:
    base = "spase://CNES/NumericalData/CDPP-AMDA"
    assert mission_regions(f"{base}/MMS/MMS1/FGM/mms1-fgm-srvy") == ("Earth.Magnetosphere", "Earth.Magnetosheath")
    assert mission_regions(f"{base}/IMP-8/Ephemeris/imp-orb-all")[0] == "Earth.Magnetosphere"
    assert mission_regions(f"{base}/Rosetta/Ephemeris/ros-orb-cruise") == ("Heliosphere",)
    assert mission_regions(f"{base}/Vulcan/MAG/x") == ()


def test_every_mission_has_targets() -> None:
    for regions in MISSION_REGIONS.values():
        targets = targets_of(regions, ANY)
        assert targets is not None
        assert set(targets.classes) <= TARGET_CLASSES
