"""The one list of EPN-TAP 2.0 columns: tables, TAP_SCHEMA, checks and FIELDs are made from it. No I/O here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from epntap.catalog.model import Column, Form
from epntap.epncore.vocabulary import ParticleSpectralType, SpatialFrameType
from epntap.errors import DefinitionError

__all__ = [
    "COLUMNS",
    "MANDATORY",
    "RELATIVE_URLS",
    "TABLE_UTYPE",
    "VALUE_REQUIRED",
    "EpnColumn",
    "Section",
    "by_name",
    "columns_for_frame",
    "columns_for_particles",
    "table_columns",
]

#: utype of every epn_core table (EPN-TAP 2.0 §4.1)
TABLE_UTYPE = "ivo://ivoa.net/std/epntap#table-2.0"

#: columns whose values are paths below the public address unless a service says otherwise
RELATIVE_URLS = frozenset({"access_url", "datalink_url", "thumbnail_url"})


class Section(StrEnum):
    """Where the standard defines a column: §2.1, §2.2, §2.3."""

    MANDATORY = "mandatory"
    OPTIONAL = "optional"
    EXTENSION = "extension"


@dataclass(frozen=True, slots=True)
class EpnColumn(Column):
    """A column of the standard: what TAP_SCHEMA says of it, and the rules for its values (EPN-TAP 2.0 §3)."""

    std: bool = True
    section: Section = Section.MANDATORY
    #: a row without a value in this column is wrong
    value_required: bool = False
    #: the value is a list of items joined by `#`
    hash_list: bool = False

    @property
    def mandatory(self) -> bool:
        """Whether every epn_core table has this column."""
        return self.section is Section.MANDATORY


@dataclass(frozen=True, slots=True)
class _Kind:
    datatype: str
    pg_type: str
    arraysize: str | None = None
    xtype: str | None = None
    form: Form = Form.PLAIN


_TEXT = _Kind("char", "text", "*")
_DOUBLE = _Kind("double", "double precision")
_INT = _Kind("int", "integer")
_LONG = _Kind("long", "bigint")
_STAMP = _Kind("char", "text", "*", "timestamp", Form.DALI_TEXT)
_REGION = _Kind("char", "text", "*", "adql:REGION")
_MOC = _Kind("char", "text", "*", "moc")

#: what a client shows first
_PRINCIPAL = frozenset(
    {
        "granule_uid",
        "granule_gid",
        "dataproduct_type",
        "measurement_type",
        "processing_level",
        "target_name",
        "target_class",
        "time_min",
        "time_max",
        "instrument_host_name",
        "instrument_name",
        "access_url",
        "access_format",
        "access_estsize",
        "thumbnail_url",
        "datalink_url",
    }
)


def _one(  # one row of the tables below
    name: str,
    kind: _Kind,
    unit: str | None,
    ucd: str | None,
    description: str,
    *,
    required: bool = False,
    hash_list: bool = False,
    utype: str | None = None,
) -> tuple[EpnColumn, ...]:
    return (
        EpnColumn(
            name=name,
            datatype=kind.datatype,
            arraysize=kind.arraysize,
            xtype=kind.xtype,
            unit=unit,
            ucd=ucd,
            utype=utype,
            description=description,
            principal=name in _PRINCIPAL,
            form=Form.RELATIVE_URL if name in RELATIVE_URLS else kind.form,
            pg_type=kind.pg_type,
            nullable=not required,
            value_required=required,
            hash_list=hash_list,
        ),
    )


def _pair(stem: str, unit: str | None, ucd: str | None, what: str) -> tuple[EpnColumn, ...]:
    """The columns `<stem>min` and `<stem>max`, with the statistics words at the end of their UCDs."""
    return tuple(
        column
        for end, word in (("min", "Smallest"), ("max", "Largest"))
        for column in _one(f"{stem}{end}", _DOUBLE, unit, f"{ucd};stat.{end}" if ucd else None, f"{word} {what}")
    )


_ORDINALS = ("first", "second", "third")


def _coordinates(axis: int) -> tuple[EpnColumn, ...]:
    return _pair(f"c{axis}", None, None, f"value of the {_ORDINALS[axis - 1]} spatial coordinate")


def _resolutions(axis: int) -> tuple[EpnColumn, ...]:
    what = f"resolution element along the {_ORDINALS[axis - 1]} spatial coordinate"
    return _pair(f"c{axis}_resol_", None, "pos.resolution", what)


_MANDATORY = (
    *_one("granule_uid", _TEXT, None, "meta.id", "Name of this row, unique in the table", required=True),
    *_one("granule_gid", _TEXT, None, "meta.id", "Group of granules of the same kind", required=True),
    *_one("obs_id", _TEXT, None, "meta.id;obs", "Name shared by the products of one observation", required=True),
    *_one(
        "dataproduct_type",
        _TEXT,
        None,
        "meta.code.class",
        "How the data are organised, as two-letter codes",
        required=True,
        hash_list=True,
    ),
    *_one("measurement_type", _TEXT, None, "meta.ucd", "UCDs of the measured quantities", hash_list=True),
    *_one("processing_level", _INT, None, "meta.calibLevel", "Stage of processing, 1 (telemetry) to 6 (ancillary)"),
    *_one("target_name", _TEXT, None, "meta.id;src", "Official name of the body looked at", hash_list=True),
    *_one("target_class", _TEXT, None, "src.class", "Class of the target", required=True, hash_list=True),
    *_one("time_min", _DOUBLE, "d", "time.start;obs", "Start of the data, Julian date in UTC"),
    *_one("time_max", _DOUBLE, "d", "time.end;obs", "End of the data, Julian date in UTC"),
    *_pair("time_sampling_step_", "s", "time.resolution", "distance in time between samples"),
    *_pair("time_exp_", "s", "time.duration;obs.exposure", "integration time of a sample"),
    *_pair("spectral_range_", "Hz", "em.freq", "frequency covered (electromagnetic waves only)"),
    *_pair("spectral_sampling_step_", "Hz", "em.freq;spect.binSize", "distance between spectral channels"),
    *_pair("spectral_resolution_", None, "spect.resolution", "spectral resolving power"),
    *_coordinates(1),
    *_coordinates(2),
    *_coordinates(3),
    *_one("s_region", _REGION, None, "pos.outline;obs.field", "Footprint of the data in the first two coordinates"),
    *_resolutions(1),
    *_resolutions(2),
    *_resolutions(3),
    *_one(
        "spatial_frame_type",
        _TEXT,
        None,
        "meta.code.class;pos.frame",
        "Kind of spatial coordinates in c1 to c3, or none",
        required=True,
    ),
    *_pair("incidence_", "deg", "pos.incidenceAng", "angle of incidence during the observation"),
    *_pair("emergence_", "deg", "pos.emergenceAng", "angle of emergence during the observation"),
    *_pair("phase_", "deg", "pos.phaseAng", "phase angle during the observation"),
    *_one(
        "instrument_host_name",
        _TEXT,
        None,
        "meta.id;instr.obsty",
        "Spacecraft or observatory that carries the instrument",
        hash_list=True,
    ),
    *_one("instrument_name", _TEXT, None, "meta.id;instr", "Instrument that took the data", hash_list=True),
    *_one("service_title", _TEXT, None, "meta.title", "Short name of the service, its schema", required=True),
    *_one("creation_date", _STAMP, None, "time.creation", "When this row came into the service", required=True),
    *_one("modification_date", _STAMP, None, "time.processing", "When this row last changed", required=True),
    *_one("release_date", _STAMP, None, "time.release", "From when on the data are public", required=True),
)

_OPTIONAL = (
    *_one(
        "access_url",
        _TEXT,
        None,
        "meta.ref.url;meta.file",
        "Where to get the data of this granule",
        # pyvo's Record.getdataurl() looks for these words in a utype; the UCD alone does not lead it here
        utype="Access.Reference",
    ),
    *_one("access_format", _TEXT, None, "meta.code.mime", "Media type of what access_url delivers"),
    *_one("access_estsize", _LONG, "kbyte", "phys.size;meta.file", "Approximate size of what access_url delivers"),
    *_one("access_md5", _TEXT, None, "meta.checksum;meta.file", "MD5 sum of the file behind access_url"),
    *_one("thumbnail_url", _TEXT, None, "meta.ref.url;meta.preview", "A small image of the data"),
    *_one("file_name", _TEXT, None, "meta.id;meta.file", "Name of the file behind access_url, without folders"),
    *_one("datalink_url", _TEXT, None, "meta.ref.url", "Links to everything that belongs to this granule"),
    *_one("bib_reference", _TEXT, None, "meta.bib", "Publication or data identifier to cite (bibcode, DOI)"),
    *_one("publisher", _TEXT, None, "meta.curation", "Who publishes the service"),
    *_one("processing_level_desc", _TEXT, None, "meta.note", "The processing level in the words of the provider"),
    *_one(
        "internal_reference",
        _TEXT,
        None,
        "meta.id.cross",
        "Related granules of this service, by granule_uid",
        hash_list=True,
    ),
    *_one("external_link", _TEXT, None, "meta.ref.url", "A web page about the data"),
    *_one("species", _TEXT, None, "meta.id;phys.atmol", "Chemical species observed, as formulas"),
    *_one("messenger", _TEXT, None, "instr.bandpass", "What carries the signal, a term of the messenger vocabulary"),
    *_one("filter", _TEXT, None, "meta.id;instr.filter", "Filter in use"),
    *_one("alt_target_name", _TEXT, None, "meta.id;src", "Further names of the target", hash_list=True),
    *_one("target_region", _TEXT, None, "meta.id;src;obs.field", "Part of the target or of its environment"),
    *_one("feature_name", _TEXT, None, "meta.id;src;obs.field", "Named feature on the target"),
    *_one("coverage", _MOC, None, "pos.outline;obs.field", "Coverage in space or time as an ASCII MOC"),
    *_one(
        "spatial_coordinate_description",
        _TEXT,
        None,
        "meta.code.class;pos.frame",
        "Coordinate reference system in use",
    ),
    *_one("spatial_origin", _TEXT, None, "meta.ref;pos.frame", "Origin of the spatial frame"),
    *_one("time_refposition", _TEXT, None, "meta.ref;time.scale", "Place for which time_min and time_max hold"),
    *_one("time_scale", _TEXT, None, "time.scale", "Time scale of time_min and time_max, UTC if empty"),
    *_pair("solar_longitude_", "deg", "pos.ecliptic.lon;pos.heliocentric", "solar longitude of the target (Ls)"),
    *_pair("local_time_", "h", "time.phase;time.period.rotation", "local time of the observed region"),
    *_pair("target_distance_", "km", "pos.distance", "distance from the observer to the observed area"),
    *_one("target_time_min", _STAMP, None, "time.start;src", "Start of the observation in the time of the target"),
    *_one("target_time_max", _STAMP, None, "time.end;src", "End of the observation in the time of the target"),
    *_pair("earth_distance_", "AU", "pos.distance", "distance from the Earth to the target"),
    *_pair("sun_distance_", "AU", "pos.distance", "distance from the Sun to the target"),
    *_pair("subobserver_longitude_", "deg", "pos.bodyrc.lon", "longitude of the point below the observer"),
    *_pair("subobserver_latitude_", "deg", "pos.bodyrc.lat", "latitude of the point below the observer"),
    *_pair("subsolar_longitude_", "deg", "pos.bodyrc.lon", "longitude of the point below the Sun"),
    *_pair("subsolar_latitude_", "deg", "pos.bodyrc.lat", "latitude of the point below the Sun"),
    *_one("ra", _DOUBLE, "deg", "pos.eq.ra;meta.main", "Right ascension of the target (ICRS)"),
    *_one("dec", _DOUBLE, "deg", "pos.eq.dec;meta.main", "Declination of the target (ICRS)"),
    *_pair("radial_distance_", "km", "pos.distance;pos.bodyrc", "distance of the observed area from the body centre"),
    *_pair("altitude_fromshape_", "km", "pos.bodyrc.alt", "altitude above the shape model"),
)

_EXTENSION = (
    *_one("obs_mode", _TEXT, None, "meta.code;instr.setup", "Mode in which the instrument worked"),
    *_one("detector_name", _TEXT, None, "meta.id;instr.det", "Detector in use"),
    *_one("opt_elem", _TEXT, None, "meta.id;instr.param", "Optical element in use"),
    *_one("instrument_type", _TEXT, None, "meta.id;instr", "Kind of instrument"),
    *_one("acquisition_id", _TEXT, None, "meta.id", "Name of the data in the archive they come from"),
    *_one("proposal_id", _TEXT, None, "meta.id;obs.proposal", "Observing proposal, its identifier"),
    *_one("proposal_pi", _TEXT, None, "meta.id.PI;obs.proposal", "Observing proposal, its principal investigator"),
    *_one("proposal_title", _TEXT, None, "meta.title;obs.proposal", "Observing proposal, its title"),
    *_one("campaign", _TEXT, None, "meta.id;obs.proposal", "Campaign to which the observation belongs"),
    *_one("target_description", _TEXT, None, "meta.note;src", "Keywords about the target"),
    *_one("proposal_target_name", _TEXT, None, "meta.note;obs.proposal", "Name of the target in the proposal"),
    *_one("target_apparent_radius", _DOUBLE, "arcsec", "phys.angSize;src", "Apparent radius of the target"),
    *_one("north_pole_position", _DOUBLE, "deg", "pos.posAng", "Position angle of the north pole of the target"),
    *_one("target_primary_hemisphere", _TEXT, None, "meta.id;obs.field", "Hemisphere seen in the first place"),
    *_one("target_secondary_hemisphere", _TEXT, None, "meta.id;obs.field", "Hemisphere seen in the second place"),
    *_one("platesc", _DOUBLE, "arcsec/pix", "instr.scale", "Plate scale on the sky"),
    *_one("orientation", _DOUBLE, "deg", "pos.posAng", "Position angle of the vertical image axis"),
    *_one("measurement_unit", _TEXT, None, "meta.unit", "Unit of the measured quantity"),
    *_one("observer_name", _TEXT, None, "meta.id.PI;obs.observer", "Name of the observer"),
    *_one("observer_id", _INT, None, "meta.id.PI", "Number of the observer in a list"),
    *_one("observer_code", _TEXT, None, "meta.id.PI", "Account name of the observer"),
    *_one("observer_institute", _TEXT, None, "meta.note", "Institute of the observer"),
    *_one("observer_country", _TEXT, None, "meta.note;obs.observer", "Country of the observer (ISO 3166)"),
    *_one("observer_location", _TEXT, None, "pos;obs.observer", "Where the observer was, in words"),
    *_one("observer_lon", _DOUBLE, "deg", "obs.observer;pos.earth.lon", "Longitude of the observer on Earth"),
    *_one("observer_lat", _DOUBLE, "deg", "obs.observer;pos.earth.lat", "Latitude of the observer on Earth"),
    *_one("original_publisher", _TEXT, None, "meta.note", "Who published the data first"),
    *_one("mean_radius", _DOUBLE, "km", "phys.size.radius", "Mean radius of the target"),
    *_one("equatorial_radius", _DOUBLE, "km", "phys.size.radius", "Equatorial radius of the target"),
    *_one("polar_radius", _DOUBLE, "km", "phys.size.radius", "Polar radius of the target"),
    *_one("diameter", _DOUBLE, "km", "phys.size.diameter", "Diameter of the target"),
    *_one("mass", _DOUBLE, "kg", "phys.mass", "Mass of the target"),
    *_one("sidereal_rotation_period", _DOUBLE, "h", "time.period.rotation", "Sidereal rotation period of the target"),
    *_one("semi_major_axis", _DOUBLE, "AU", "phys.size.smajAxis", "Semi-major axis of the orbit"),
    *_one("inclination", _DOUBLE, "deg", "src.orbital.inclination", "Inclination of the orbit"),
    *_one("eccentricity", _DOUBLE, None, "src.orbital.eccentricity", "Eccentricity of the orbit"),
    *_one("long_asc", _DOUBLE, "deg", "src.orbital.node", "Longitude of the ascending node (J2000)"),
    *_one("arg_perihel", _DOUBLE, "deg", "src.orbital.periastron", "Argument of the perihelion (J2000)"),
    *_one("mean_anomaly", _DOUBLE, "deg", "src.orbital.meanAnomaly", "Mean anomaly at the epoch"),
    *_one("epoch", _DOUBLE, "d", "time.epoch", "Epoch of the orbital elements, Julian date"),
    *_one("magnitude", _DOUBLE, "mag", "phys.magAbs", "Absolute magnitude of the target"),
    *_one("flux", _DOUBLE, "mJy", "phot.flux.density", "Flux density of the target"),
    *_one("albedo", _DOUBLE, None, "phys.albedo", "Albedo of the target"),
    *_one("dynamical_class", _TEXT, None, "meta.code.class;src", "Dynamical class of a small body"),
    *_one("dynamical_type", _TEXT, None, "meta.code.class;src", "Dynamical subclass of a small body"),
    *_one("taxonomy_code", _TEXT, None, "src.class.color", "Taxonomic class of a small body"),
    *_one("map_projection", _TEXT, None, "pos.projection", "Map projection"),
    *_one("map_height", _DOUBLE, "pix", "phys.size", "Height of the map"),
    *_one("map_width", _DOUBLE, "pix", "phys.size", "Width of the map"),
    *_one("map_scale", _TEXT, None, "pos.wcs.scale", "Scale of the map, such as 1:50000"),
    *_pair("pixelscale_", "km/pix", "instr.scale", "size of a pixel on the surface"),
    *_one(
        "particle_spectral_type",
        _TEXT,
        None,
        "meta.id;phys.particle",
        "Quantity along the particle spectral axis: energy, mass or mass/charge",
    ),
    *_pair("particle_spectral_range_", "eV", "phys.energy;phys.particle", "bound of the particle spectral axis"),
    *_pair(
        "particle_spectral_sampling_step_",
        "eV",
        "spect.resolution;phys.particle",
        "distance between channels of the particle spectral axis",
    ),
    *_pair(
        "particle_spectral_resolution_",
        "eV",
        "spect.resolution;phys.particle",
        "resolution of the particle spectral axis",
    ),
    *_one("producer_name", _TEXT, None, "meta.note", "Who made the measurement"),
    *_one("producer_institute", _TEXT, None, "meta.note", "Institute at which the measurement was made"),
    *_one("sample_id", _TEXT, None, "meta.id;src", "Sample, as a catalogue names it"),
    *_one("sample_classification", _TEXT, None, "meta.note;phys.composition", "Classes of the sample", hash_list=True),
    *_one("sample_desc", _TEXT, None, "meta.note", "Description of the sample", hash_list=True),
    *_one("species_inchikey", _TEXT, None, "meta.id;phys.atmol", "InChIKeys of the species", hash_list=True),
    *_pair("grain_size_", "um", "phys.size", "grain size of the sample"),
    *_pair("azimuth_", "deg", "pos.azimuth", "azimuth of illumination"),
    *_one("pressure", _DOUBLE, "bar", "phys.pressure", "Pressure around the sample"),
    *_one("measurement_atmosphere", _TEXT, None, "meta.note;phys.pressure", "Gas around the sample, or vacuum"),
    *_one("temperature", _DOUBLE, "K", "phys.temperature", "Temperature around the sample"),
    *_one("setup_desc", _TEXT, None, "meta.note", "Set-up of the experiment", hash_list=True),
    *_one("data_calibration_desc", _TEXT, None, "meta.note", "Processing after the measurement", hash_list=True),
    *_one("geometry_type", _TEXT, None, "meta.note;instr.setup", "Geometry of the measurement", hash_list=True),
    *_one("spectrum_type", _TEXT, None, "meta.note;instr.setup", "Kind of spectral measurement", hash_list=True),
    *_one("event_type", _TEXT, None, "meta.code.class", "Kind of event"),
    *_one("event_status", _TEXT, None, "meta.code.status", "Whether the event is predicted or observed"),
    *_one("event_cite", _TEXT, None, "meta.code.status", "How the event relates to an earlier one"),
)

#: all columns in the order of the standard; c1 to c3 as for frame `none`, particles as for `energy`
COLUMNS: tuple[EpnColumn, ...] = tuple(
    replace(column, section=section)
    for section, columns in (
        (Section.MANDATORY, _MANDATORY),
        (Section.OPTIONAL, _OPTIONAL),
        (Section.EXTENSION, _EXTENSION),
    )
    for column in columns
)

_BY_NAME: Mapping[str, EpnColumn] = MappingProxyType({column.name: column for column in COLUMNS})

#: the columns that every epn_core table has, even where they are always NULL
MANDATORY: tuple[EpnColumn, ...] = tuple(column for column in COLUMNS if column.mandatory)

#: names of the columns that have a value in every row
VALUE_REQUIRED: frozenset[str] = frozenset(column.name for column in COLUMNS if column.value_required)

#: unit and UCD of the three coordinates, and whether they are angles (EPN-TAP 2.0 table 2, notes 1 and 2);
#: the radius of a spherical frame is in metres, unlike every other length
_AXES: Mapping[SpatialFrameType, tuple[tuple[str | None, str | None, bool], ...]] = MappingProxyType(
    {
        SpatialFrameType.CELESTIAL: (
            ("deg", "pos.eq.ra", True),
            ("deg", "pos.eq.dec", True),
            ("AU", "pos.distance", False),
        ),
        SpatialFrameType.BODY: (
            ("deg", "pos.bodyrc.lon", True),
            ("deg", "pos.bodyrc.lat", True),
            ("km", "pos.bodyrc.alt", False),
        ),
        SpatialFrameType.CARTESIAN: (
            ("km", "pos.cartesian.x", False),
            ("km", "pos.cartesian.y", False),
            ("km", "pos.cartesian.z", False),
        ),
        SpatialFrameType.SPHERICAL: (
            ("m", "pos.spherical.r", False),
            ("deg", "pos.spherical.colat", True),
            ("deg", "pos.spherical.azi", True),
        ),
        SpatialFrameType.CYLINDRICAL: (
            ("km", "pos.cylindrical.r", False),
            ("deg", "pos.cylindrical.azi", True),
            ("km", "pos.cylindrical.z", False),
        ),
        SpatialFrameType.NONE: ((None, None, False),) * 3,
    }
)

#: unit of the particle axis and UCD of its range (EPN-TAP 2.0 §2.3)
_PARTICLE_AXES: Mapping[ParticleSpectralType, tuple[str, str]] = MappingProxyType(
    {
        ParticleSpectralType.ENERGY: ("eV", "phys.energy;phys.particle"),
        ParticleSpectralType.MASS: ("amu", "phys.mass;phys.particle"),
        ParticleSpectralType.MASS_PER_CHARGE: ("amu/qe", "phys.mass;phys.particle"),
    }
)

#: columns of which a table has all or none (EPN-TAP 2.0 §2.2 on access, §2.3 on particles); pairs follow their names
_ACCESS_SET = frozenset({"access_url", "access_format", "access_estsize"})
_PARTICLE_SET = frozenset(name for name in _BY_NAME if name.startswith("particle_spectral_"))


def by_name(name: str) -> EpnColumn | None:
    """The column of the standard with exactly this name, or None."""
    return _BY_NAME.get(name)


def columns_for_frame(frame: SpatialFrameType | str) -> tuple[EpnColumn, ...]:
    """The twelve columns c1min to c3_resol_max with the units and UCDs of a frame (EPN-TAP 2.0 table 2)."""
    axes = _AXES[SpatialFrameType(frame)]
    return tuple(
        replace(_BY_NAME[f"c{axis}{part}{end}"], unit=unit, ucd=f"{stem};stat.{end}" if stem else None)
        for part in ("", "_resol_")
        for axis, (unit, ucd, angular) in enumerate(axes, start=1)
        for stem in (_resolution_ucd(angular) if part else ucd,)
        for end in ("min", "max")
    )


def _resolution_ucd(angular: bool) -> str:
    return "pos.angResolution" if angular else "pos.resolution"


def columns_for_particles(axis: ParticleSpectralType | str) -> tuple[EpnColumn, ...]:
    """The seven particle_spectral_* columns with the units and UCDs of an axis (EPN-TAP 2.0 §2.3)."""
    unit, range_ucd = _PARTICLE_AXES[ParticleSpectralType(axis)]
    columns = [_BY_NAME["particle_spectral_type"]]
    for part, ucd in (("range", range_ucd), ("sampling_step", None), ("resolution", None)):
        for end in ("min", "max"):
            column = _BY_NAME[f"particle_spectral_{part}_{end}"]
            columns.append(replace(column, unit=unit, ucd=f"{ucd};stat.{end}" if ucd else column.ucd))
    return tuple(columns)


def table_columns(
    extra: Iterable[str] = (),
    *,
    frame: SpatialFrameType | str = SpatialFrameType.NONE,
    particles: ParticleSpectralType | str = ParticleSpectralType.ENERGY,
    relative_urls: Collection[str] = RELATIVE_URLS,
) -> tuple[EpnColumn, ...]:
    """The standard columns of one table in the order of the standard: the mandatory ones and those named.

    Naming one column of a pair or of a set that belongs together brings the others. Columns in `relative_urls`
    hold paths below the public address, the other URL columns hold whole addresses. Raises DefinitionError for
    a name that is not in the standard.
    """
    wanted = {column.name for column in MANDATORY}
    for name in extra:
        wanted |= _companions(name)
    special = {column.name: column for column in (*columns_for_frame(frame), *columns_for_particles(particles))}
    return tuple(
        _with_form(special.get(column.name, column), relative_urls) for column in COLUMNS if column.name in wanted
    )


def _with_form(column: EpnColumn, relative_urls: Collection[str]) -> EpnColumn:
    if column.name in relative_urls:
        return replace(column, form=Form.RELATIVE_URL)
    return replace(column, form=Form.PLAIN) if column.form is Form.RELATIVE_URL else column


def _companions(name: str) -> set[str]:
    if name not in _BY_NAME:
        raise DefinitionError(
            f"Expected the name of an EPN-TAP 2.0 column but found {name!r}; "
            "a column of the service's own needs a definition with datatype, UCD and description."
        )
    names = {name}
    for group in (_ACCESS_SET, _PARTICLE_SET):
        if name in group:
            names |= group
    for end, other in (("min", "max"), ("max", "min")):
        partner = name.removesuffix(end) + other
        if name.endswith(end) and partner in _BY_NAME:
            names.add(partner)
    return names
