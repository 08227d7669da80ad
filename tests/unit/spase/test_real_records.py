"""The records of CDPP/AMDA: all of them map, and columns derived here by other means agree."""

import random
import re
from datetime import date, datetime
from pathlib import Path

import pytest
from lxml import etree

from epntap.epncore.columns import by_name
from epntap.epncore.text import has_only_clean_text
from epntap.epncore.ucd import is_valid_ucd
from epntap.epncore.vocabulary import DATAPRODUCT_TYPES, MESSENGERS, TARGET_CLASSES
from ingest.facts import DatasetFacts
from ingest.kinds.spase import read_datasets

pytestmark = pytest.mark.shared

NAMESPACES = {"s": "http://www.spase-group.org/data/schema"}

#: columns of free addresses: not under the rules for text values
ADDRESSES = {"external_link", "bib_reference"}

#: what the builder of granules makes by itself
NOT_HERE = {
    "granule_uid", "obs_id", "time_min", "time_max", "creation_date", "modification_date", "release_date",
    "service_title", "access_url", "access_format", "access_estsize",
}  # fmt: skip


@pytest.fixture(scope="module")
def facts(shared: Path) -> dict[str, DatasetFacts]:
    found = list(read_datasets(shared / "data/spase", today=date(2025, 11, 1)))
    refused = [one for one in found if not isinstance(one, DatasetFacts)]
    assert refused == []
    return {one.dataset.dataset_id: one for one in found if isinstance(one, DatasetFacts)}


def test_people_are_those_of_the_records(facts: dict[str, DatasetFacts], shared: Path) -> None:
    """Whoever a record names is named with the dataset, once."""
    named = {}
    for path in (shared / "data/spase/NumericalData").rglob("*.xml"):
        record = etree.parse(path).getroot()
        resource = record.findtext("s:NumericalData/s:ResourceID", "", NAMESPACES).strip()
        people = record.iterfind("s:NumericalData/s:ResourceHeader/s:Contact/s:PersonID", NAMESPACES)
        named[resource] = {(one.text or "").strip().rpartition("/")[2].replace("_", ".") for one in people}
    assert sum(map(len, named.values())) > 900
    for one in facts.values():
        said = {contact.partition(" (")[0].replace(" ", ".") for contact in one.dataset.contacts}
        assert said == named[str(one.dataset.resource_id)]
        assert len(said) == len(one.dataset.contacts)


def test_all_records_map(facts: dict[str, DatasetFacts]) -> None:
    assert len(facts) == 991
    assert sum(len(one.dataset.parameters) for one in facts.values()) == 5129
    assert [key for key, one in facts.items() if one.dataset.start is None] == ["clust4-whi-whi"]
    assert sum(one.dataset.access_rights != "Open" for one in facts.values()) == 6
    assert all(one.dataset.doi is None for one in facts.values())
    assert all(one.dataset.hapi_url == "https://amda.irap.omp.eu/service/hapi" for one in facts.values())


def test_values_keep_the_rules_of_epn_core(facts: dict[str, DatasetFacts]) -> None:
    for key, one in facts.items():
        values = one.values
        assert not NOT_HERE & values.keys(), key
        for name, value in values.items():
            column = by_name(name)
            assert column is not None, name
            if isinstance(value, str):
                assert value.isascii(), (key, name)
                assert name in ADDRESSES or has_only_clean_text(value), (key, name, value)
            if column.datatype == "double":
                assert value is None or isinstance(value, float), (key, name)
            if not column.hash_list and name not in ADDRESSES:
                assert "#" not in str(value), (key, name)
        for required in ("granule_gid", "dataproduct_type", "target_class", "spatial_frame_type"):
            assert values[required], (key, required)
        assert set(str(values["dataproduct_type"]).split("#")) <= DATAPRODUCT_TYPES.keys()
        assert set(str(values["target_class"]).split("#")) <= TARGET_CLASSES
        assert values["processing_level"] in {2, 3, 5, 6}
        assert values.get("messenger") in {None, *MESSENGERS}
        assert all(is_valid_ucd(ucd) for ucd in str(values["measurement_type"]).split("#")), key
        assert str(values["external_link"]).startswith(("http://", "https://", "ftp://"))
        particles = {name for name in values if name.startswith("particle_spectral_")}
        assert len(particles) in {0, 7}
        for low in (name for name in values if name.endswith("_min")):
            high = f"{low.removesuffix('min')}max"
            assert high in values
            first, last = values[low], values[high]
            assert (first is None) == (last is None)
            if isinstance(first, float) and isinstance(last, float):
                assert first <= last


def test_parameters_have_valid_ucds_and_keep_their_units(facts: dict[str, DatasetFacts]) -> None:
    parameters = [parameter for one in facts.values() for parameter in one.dataset.parameters]
    ucds = [parameter.ucd for parameter in parameters if parameter.ucd]
    # 1613 are written; 5 of them are blank, and of the 32 others that are wrong all can be mended
    assert len(ucds) == 1608
    assert all(is_valid_ucd(ucd) for ucd in ucds)
    units = {parameter.units for parameter in parameters}
    assert {"nT", "cm-3", "1/cm\u00b2/sr/s/(MeV/nuc)", None} <= units
    assert len([parameter for parameter in parameters if parameter.shape]) == 1874


def _texts(node: etree._Element, path: str) -> list[str]:
    steps = "/".join(f"s:{step}" for step in path.split("/"))
    found = node.xpath(f"./{steps}", namespaces=NAMESPACES)
    assert isinstance(found, list)
    return [
        " ".join(etree.tostring(one, method="text", encoding="unicode").split())
        for one in found
        if isinstance(one, etree._Element)
    ]


#: prefix of a region -> name, class: the longest prefix counts
TARGETS = {
    "Mercury": ("Mercury", "planet"), "Venus": ("Venus", "planet"), "Earth": ("Earth", "planet"),
    "Mars": ("Mars", "planet"), "Jupiter": ("Jupiter", "planet"), "Saturn": ("Saturn", "planet"),
    "Uranus": ("Uranus", "planet"), "Neptune": ("Neptune", "planet"), "Pluto": ("Pluto", "dwarf_planet"),
    "Sun": ("Sun", "star"), "Comet": ("?", "comet"), "Heliosphere": (None, "interplanetary_medium"),
    "Heliosphere.NearEarth": ("Earth", "interplanetary_medium"), "Interstellar": ("Interstellar Medium", "sky"),
    "Earth.Moon": ("Moon", "satellite"),
    **{f"Mars.{moon}": (moon, "satellite") for moon in ("Phobos", "Deimos")},
    **{f"Jupiter.{moon}": (moon, "satellite") for moon in ("Io", "Europa", "Ganymede", "Callisto")},
    **{
        f"Saturn.{moon}": (moon, "satellite")
        for moon in ("Mimas", "Enceladus", "Tethys", "Dione", "Rhea", "Titan", "Iapetus")
    },
}  # fmt: skip

WIND = {"Sun", "Solar Wind"}
NEAR_EARTH = WIND | {"Earth"}

#: names in records without region, by mission
MISSIONS = {
    "ACE": NEAR_EARTH, "BepiColombo": WIND, "Cassini": {"Saturn"}, "Cluster": {"Earth", "Solar Wind"},
    "DSCOVR": NEAR_EARTH, "GEOTAIL": {"Earth", "Solar Wind"}, "Giotto": {"1P"}, "HelioSwarm": NEAR_EARTH,
    "IMP-8": {"Earth", "Solar Wind"}, "MGS": {"Mars"}, "MMS": {"Earth"}, "Mariner10": {"Mercury"}, "POLAR": {"Earth"},
    "Phobos2": {"Mars"}, "Rosetta": {"67P"}, "STEREO-A": WIND, "STEREO-B": WIND, "VEX": {"Venus"},
    "Wind": NEAR_EARTH,
}  # fmt: skip


def _names_and_classes(regions: list[str]) -> tuple[set[str], set[str]]:
    found = [TARGETS[max((p for p in TARGETS if f"{one}.".startswith(f"{p}.")), key=len)] for one in regions]
    names, classes = {name for name, _ in found if name}, {kind for _, kind in found}
    wind = {"Solar Wind"} if "interplanetary_medium" in classes else set()
    return names | wind | ({"Sun"} if wind and classes <= {"interplanetary_medium", "sky"} else set()), classes


def _items(value: object) -> set[str]:
    return set(str(value).split("#")) if value is not None else set()


def _seconds(text: str) -> float:
    match = re.fullmatch(r"PT([\d.]+)([SMH])", text)
    assert match, text
    return float(match[1]) * {"S": 1, "M": 60, "H": 3600}[match[2]]


def _fold(names: list[str]) -> set[str]:
    return {re.sub(r"[^a-z0-9]", "", name.lower()) for name in names}


#: hosts whose name in epn_core is not that of the record
RENAMED = {"mms1234": {"mms1", "mms2", "mms3", "mms4"}, "marsexpress": {"mex"}, "solarirradiance": set()}


def test_columns_derived_otherwise_agree(facts: dict[str, DatasetFacts], shared: Path) -> None:
    root = shared / "data/spase"
    nodes = {
        _texts(node, "ResourceID")[0]: node
        for path in root.rglob("*.xml")
        for node in etree.parse(path).getroot()
        if isinstance(node.tag, str) and not node.tag.endswith("Version")
    }
    keys = random.Random(7).sample(sorted(facts), 200)
    for key in keys:
        one = facts[key]
        values, found = one.values, one.dataset
        node = nodes[str(found.resource_id)]
        assert _texts(node, "AccessInformation/AccessURL/ProductKey") == [key]
        assert str(found.resource_id).endswith(f"/{key}")
        assert (root / one.origin).is_file()
        assert set(_texts(node, "AccessInformation/AccessRights")) == {found.access_rights}

        start, stop = (
            datetime.fromisoformat(_texts(node, f"TemporalDescription/TimeSpan/{end}")[0]).replace(tzinfo=None)
            for end in ("StartDate", "StopDate")
        )
        if start != stop:
            assert (found.start, found.stop) == (start, stop), key

        steps = [
            _seconds(text)
            for path in ("TemporalDescription/Cadence", "TemporalDescription/CadenceMin",
                         "TemporalDescription/CadenceMax", "Parameter/Cadence")
            for text in _texts(node, path)
        ]  # fmt: skip
        assert values["time_sampling_step_min"] == min(steps), key
        assert values["time_sampling_step_max"] == max(steps), key

        regions = _texts(node, "ObservedRegion")
        mission = str(found.resource_id).split("/")[5]
        names = _items(values.get("target_name"))
        if regions:
            expected, classes = _names_and_classes(regions)
            assert _items(values["target_class"]) == classes, key
            comets = {name for name in names if name[0].isdigit()}
            assert (names - comets) == expected - {"?"}, key
            assert bool(comets) == ("?" in expected), key
        elif "cruise" not in key:
            assert names == MISSIONS[mission], key

        instruments = [nodes[one] for one in _texts(node, "InstrumentID")]
        types = {kind for one in instruments for kind in _texts(one, "InstrumentType")}
        kinds = set(_texts(node, "MeasurementType"))
        models = any(resource.endswith("/Models") for resource in _texts(node, "InstrumentID"))
        orbit = kinds == {"Ephemeris"} and "Platform" in types and not models
        written = _texts(node, "ProcessingLevel")
        if written:
            level = {"Raw": 2, "Uncalibrated": 2, "Calibrated": 3, "ValueAdded": 5}[written[0]]
        else:
            level = 5 if models else 6 if orbit or kinds == {"InstrumentStatus"} else 3
        assert values["processing_level"] == level, key
        group = (
            "model"
            if models
            else "ephemeris"
            if orbit
            else {2: "raw", 3: "calibrated", 5: "derived", 6: "ancillary"}[level]
        )
        assert values["granule_gid"] == group, key
        note = _texts(node, "ProviderProcessingLevel")
        assert values.get("processing_level_desc") == (note[0] if note else None)

        observatories = [nodes[text] for one in instruments for text in _texts(one, "ObservatoryID")]
        groups = [nodes[text] for one in observatories for text in _texts(one, "ObservatoryGroupID")]
        hosts = _fold(
            [text for one in (*groups, *observatories) for text in _texts(one, "ResourceHeader/ResourceName")]
        )
        hosts = {name for host in hosts for name in RENAMED.get(host, {host})}
        assert _fold(list(_items(values["instrument_host_name"]))) == hosts, key
        labels = [text for one in instruments for text in _texts(one, "ResourceHeader/ResourceName")]
        tails = [resource.rsplit("/", 1)[1] for resource in _texts(node, "InstrumentID")]
        written_names = _fold([*(label.replace("\u2299", "O") for label in labels), *tails])
        assert _fold(list(_items(values["instrument_name"]))) == written_names, key

        ucds = {ucd.lower() for ucd in _texts(node, "Parameter/UCD") if ucd and is_valid_ucd(ucd)}
        measured = {ucd.lower() for ucd in _items(values["measurement_type"])}
        physical = {ucd for ucd in ucds if ucd.split(".")[0] in {"phys", "pos", "em", "phot", "src"}}
        assert {f"{ucd};meta.modelled" if models else ucd for ucd in physical} <= measured, key

        systems = set(_texts(node, "Parameter/CoordinateSystem/CoordinateSystemName"))
        system = values.get("spatial_coordinate_description")
        assert system == (systems.pop() if len(systems) == 1 else None), key
        assert values["spatial_frame_type"] == "none"

        pages = [url for url in _texts(node, "ResourceHeader/InformationURL/URL") if "://" in url]
        page = pages[0] if pages else f"https://hpde.io/{str(found.resource_id).removeprefix('spase://')}"
        assert values["external_link"] == page, key

        spectrograms = "Spectrogram" in _texts(node, "Parameter/RenderingHints/DisplayType")
        if spectrograms:
            assert "ds" in _items(values["dataproduct_type"]), key
        assert len(found.parameters) == len(_texts(node, "Parameter/Name"))
