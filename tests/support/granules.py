"""A granule with a right value in every column of the standard, and one wrong granule for each rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from epntap.catalog.model import Form, Table
from epntap.epncore.columns import COLUMNS, TABLE_UTYPE, by_name, table_columns
from epntap.epncore.rules.all_rules import ROW_RULES

SCHEMA = "plasma"
#: outside ASCII, and not special in any other way
ACCENT = "\u00e9"


def full_table() -> Table:
    """plasma.epn_core with all columns of the standard; only datalink_url holds paths."""
    return Table(
        schema=SCHEMA,
        name="epn_core",
        columns=table_columns((c.name for c in COLUMNS), frame="body", relative_urls={"datalink_url"}),
        utype=TABLE_UTYPE,
    )


_TEXTS = {
    "granule_uid": "syn-mag_20010101",
    "dataproduct_type": "ts#ds",
    "measurement_type": "phys.magField#phys.density;phys.electron",
    "target_name": "Jupiter#Moon",
    "target_class": "planet#satellite",
    "s_region": "Polygon ICRS 10 10 20 10 20 20.5",
    "coverage": "3/1-4,9 4/0",
    "spatial_frame_type": "body",
    "service_title": SCHEMA,
    "access_url": "https://example.org/a.cdf",
    "access_format": "application/x-cdf",
    "access_md5": "0123456789abcdef0123456789abcdef",
    "thumbnail_url": "https://example.org/a.png",
    "file_name": "a.cdf",
    "datalink_url": "/datalink/links?ID=a",
    "external_link": "https://example.org/?a=b&c=%20",
    "messenger": "Radio",
    "time_scale": "UTC",
    "particle_spectral_type": "energy",
    "geometry_type": "direct#biconical",
    "event_type": "fireball",
    "event_status": "prediction",
    "event_cite": "followup",
    "species_inchikey": "XLYOFNOQVPJJNP-UHFFFAOYSA-N#CURLTUGMZLYLDI-UHFFFAOYSA-N",
}
_NUMBERS = {"time_min": 2451910.5, "time_max": 2451911.5, "processing_level": 3, "epoch": 2451545.0}


def right_granule() -> dict[str, Any]:
    """A row that keeps all rules."""
    row: dict[str, Any] = {}
    for column in COLUMNS:
        if column.form is Form.DALI_TEXT:
            row[column.name] = "2001-01-01T00:00:00"
        elif column.pg_type == "text":
            row[column.name] = _TEXTS.get(column.name, "a value")
        else:
            row[column.name] = _NUMBERS.get(column.name, 1)
    return row


@dataclass(frozen=True)
class Wrong:
    """Changes to the right granule that break one rule, and the rules that cannot but break with it."""

    rule: str
    changes: dict[str, Any]
    also: frozenset[str] = field(default_factory=frozenset)

    def __str__(self) -> str:
        return f"{self.rule}: {self.changes}"


def _wrong(rule: str, *also: str, **changes: Any) -> Wrong:
    return Wrong(rule, changes, frozenset(also))


_BY_HAND = (
    _wrong("C1-hash", granule_uid="a#b"),
    _wrong("C1-hash", granule_uid="a'b"),
    _wrong("C4", service_title="Plasma"),
    _wrong("C5", modification_date="2000-12-31"),
    _wrong("D", dataproduct_type="xx"),
    _wrong("D", dataproduct_type="ts#TS"),
    _wrong("E1", measurement_type="phys.magField;phys.nonsense"),
    _wrong("E1", measurement_type="phys.magField#Phys.density"),
    _wrong("E1", measurement_type="obs.exposure;phys.magField"),
    _wrong("E2", measurement_type="phys.magField#meta.id"),
    _wrong("E4-processing_level", processing_level=0),
    _wrong("E4-processing_level", processing_level=7),
    _wrong("E5", processing_level=4),
    _wrong("F1", target_name="x", target_class="moon"),
    _wrong("F2", target_name="Sun", target_class="planet"),
    _wrong("F2", target_name="Jupiter#Titan", target_class="planet"),
    _wrong("F3", target_name="jupiter"),
    _wrong("F4", target_name="Saturn rings"),
    _wrong("G1-time", time_min=51910.0, time_max=51911.0),
    _wrong("G1-time", time_min=float("nan"), time_max=float("nan")),
    _wrong("G1-epoch", epoch=51545.0),
    _wrong("G2", time_scale="utc"),
    _wrong("G3-time_sampling_step", time_sampling_step_min=-1),
    _wrong("G3-time_exp", time_exp_min=-1, time_exp_max=-1),
    _wrong("G7-local_time", local_time_max=25),
    _wrong("H1", spatial_frame_type="healpix"),
    _wrong("H8", s_region="Polygon ICRS 10 10 20 10"),
    _wrong("H8", s_region="POLYGON ICRS 10 10 20 10 20"),
    _wrong("H8", s_region="a field"),
    _wrong("H10", coverage="3/1-4 x"),
    _wrong("H3-subsolar_longitude", subsolar_longitude_min=-10),
    _wrong("H3-subobserver_longitude", subobserver_longitude_max=361),
    _wrong("H3-solar_longitude", solar_longitude_max=400),
    _wrong("H3-subsolar_latitude", subsolar_latitude_max=91),
    _wrong("H3-subobserver_latitude", subobserver_latitude_min=-91),
    _wrong("H3-ra", ra=-1),
    _wrong("H3-dec", dec=91),
    _wrong("H3-observer_lon", observer_lon=-5),
    _wrong("H3-observer_lat", observer_lat=-91),
    _wrong("R-incidence", incidence_max=91),
    _wrong("R-emergence", emergence_max=120),
    _wrong("R-phase", phase_min=-181),
    _wrong("R-azimuth", azimuth_min=-1),
    _wrong("R-target_distance", target_distance_min=-1),
    _wrong("R-earth_distance", earth_distance_min=-1),
    _wrong("R-sun_distance", sun_distance_min=-1),
    _wrong("R-radial_distance", radial_distance_min=-1),
    _wrong("I1-spectral_range", spectral_range_min=0),
    _wrong("I1-spectral_sampling_step", spectral_sampling_step_min=-1),
    _wrong("I1-spectral_resolution", spectral_resolution_min=-1),
    _wrong("J10", messenger="radio"),
    _wrong("I4-type", particle_spectral_type="velocity"),
    _wrong("I4-set", particle_spectral_type=None),
    _wrong("I4-set", particle_spectral_type=""),
    _wrong("J11", species_inchikey="XLYOFNOQVPJJNP"),
    _wrong("V-geometry_type", geometry_type="oblique"),
    _wrong("V-event_type", event_type="storm"),
    _wrong("V-event_status", event_status="done"),
    _wrong("V-event_cite", event_cite="none"),
    _wrong("H3-c1", c1min=-1),
    _wrong("H3-c2", c2max=91),
    _wrong("H3-c3", spatial_frame_type="spherical", c3max=361),
    _wrong("H3-order-c1", spatial_frame_type="cartesian", c1min=2),
    _wrong("H3-order-c2", c2min=2),
    _wrong("H3-order-c3", c3min=2),
    _wrong("H5", spatial_frame_type="none"),
    _wrong("J1", access_format=None),
    _wrong("J1", access_url=None),
    _wrong("J2-access_url", access_url="example.org/a.cdf"),
    _wrong("J2-access_url", access_url="https://example.org/a b.cdf"),
    _wrong("J2-access_url", access_url="https://"),
    _wrong("J2-absolute-access_url", access_url="/data/a.cdf"),
    _wrong("J6-thumbnail_url", thumbnail_url="a.png"),
    _wrong("J6-absolute-thumbnail_url", thumbnail_url="/a.png"),
    _wrong("J7-datalink_url", datalink_url="links?ID=a"),
    _wrong("J8-external_link", external_link="https://a.org https://b.org"),
    _wrong("J8-absolute-external_link", external_link="/a.html"),
    _wrong("J3-form", access_format="Application/x-cdf"),
    _wrong("J3-form", access_format="cdf"),
    _wrong("J3-known", access_format="image/jpg"),
    _wrong("J4", access_estsize=0),
    _wrong("J5-path", file_name="a/b.cdf"),
    _wrong("J5-extension", file_name="a"),
    _wrong("J9", access_md5="0123456789ABCDEF0123456789ABCDEF"),
    _wrong("B11-creation_date", creation_date="2001-01-01 00:00:00"),
    _wrong("B11-modification_date", modification_date="2001-13-01"),
    _wrong("B11-release_date", release_date="2001-01-01T24:00:00"),
    _wrong("B11-target_time_min", target_time_min="2001"),
    _wrong("B11-target_time_max", target_time_max="2451910.5"),
)

#: rules that a non-ASCII text breaks as well in these columns
_SPELLING = {
    "dataproduct_type": ("D",),
    "measurement_type": ("E1",),
    "target_class": ("F1", "F2"),
    "spatial_frame_type": ("H1",),
    "service_title": ("C4",),
    "s_region": ("H8",),
    "coverage": ("H10",),
    "time_scale": ("G2",),
    "messenger": ("J10",),
    "particle_spectral_type": ("I4-type",),
    "geometry_type": ("V-geometry_type",),
    "event_type": ("V-event_type",),
    "event_status": ("V-event_status",),
    "event_cite": ("V-event_cite",),
    "species_inchikey": ("J11",),
    "access_md5": ("J9",),
    "access_format": ("J3-form",),
}

#: rules that an empty text breaks as well in these columns
_EMPTY = {"target_class": ("F2",), "service_title": ("C4",), "modification_date": ("C5",)}


def _of_family(rule: str) -> tuple[Wrong, ...]:
    family, _, name = rule.partition("-")
    right = right_granule()
    value = right.get(name)
    match family:
        case "B1":
            return (_wrong(rule, **{name: "A Value"}),)
        case "B2":
            cases = (_wrong(rule, **{name: f" {value}"}), _wrong(rule, **{name: f"{value} "}))
            column = by_name(name)
            assert column is not None
            return (*cases, _wrong(rule, **{name: "a# b"})) if column.hash_list else cases
        case "B3":
            column = by_name(name)
            assert column is not None
            signs = "'\"" if column.hash_list else "'\"#"
            return tuple(_wrong(rule, **{name: f"a{sign}b.c"}) for sign in signs)
        case "B4":
            spelled = [f"#{value}", f"{value}#", f"{value}##{value}"]
            also: tuple[str, ...] = tuple({"D", "F1", "J11", "V-geometry_type"} & set(_SPELLING.get(name, ())))
            return tuple(_wrong(rule, *also, **{name: one}) for one in spelled)
        case "B6":
            low, high = (f"{name}{end}" if f"{name}{end}" in right else f"{name}_{end}" for end in ("min", "max"))
            cases = (_wrong(rule, **{low: None}), _wrong(rule, **{high: None}))
            if name in {"c1", "c2", "c3", "subsolar_longitude", "subobserver_longitude", "solar_longitude", "azimuth"}:
                return cases
            above = "2002-01-01" if isinstance(right[high], str) else right[high] + 0.5
            return (*cases, _wrong(rule, **{low: above}))
        case "B7":
            return (_wrong(rule, **{name: None}), _wrong(rule, *_EMPTY.get(name, ()), **{name: ""}))
        case "B10":
            also = _SPELLING.get(name, (f"B3-{name}",))
            column = by_name(name)
            assert column is not None
            if column.form is Form.DALI_TEXT:
                also = (f"B11-{name}", "B6-target_time", "C5")
            return (_wrong(rule, *also, **{name: f"{value}{ACCENT}"}),)
    return ()


WRONG_GRANULES: tuple[Wrong, ...] = (
    *_BY_HAND,
    *(case for rule in ROW_RULES for case in _of_family(rule.id) if rule.family != "B11"),
)
