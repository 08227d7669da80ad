"""Names that tables and labels use for what EPN-TAP calls otherwise. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from epntap.epncore import columns as epn_columns
from epntap.units.convert import is_unit

__all__ = ["BODIES", "LABEL_KEYWORDS", "columns_for", "split_unit", "target_class"]

#: name without case, blanks and underscores -> columns that it fills
_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "id": ("granule_uid",),
    "uid": ("granule_uid",),
    "productid": ("granule_uid",),
    "identifier": ("granule_uid",),
    "obsid": ("obs_id",),
    "observationid": ("obs_id",),
    "product": ("granule_gid",),
    "producttype": ("dataproduct_type",),
    "datatype": ("dataproduct_type",),
    "target": ("target_name",),
    "body": ("target_name",),
    "objectname": ("target_name",),
    "targettype": ("target_class",),
    "start": ("time_min",),
    "starttime": ("time_min",),
    "startdate": ("time_min",),
    "timestart": ("time_min",),
    "tmin": ("time_min",),
    "utcstart": ("time_min",),
    "datestart": ("time_min",),
    "begintime": ("time_min",),
    "stop": ("time_max",),
    "stoptime": ("time_max",),
    "stopdate": ("time_max",),
    "timestop": ("time_max",),
    "end": ("time_max",),
    "endtime": ("time_max",),
    "enddate": ("time_max",),
    "timeend": ("time_max",),
    "tmax": ("time_max",),
    "utcstop": ("time_max",),
    "utcend": ("time_max",),
    "timeobs": ("time_min", "time_max"),
    "dateobs": ("time_min", "time_max"),
    "date": ("time_min", "time_max"),
    "time": ("time_min", "time_max"),
    "datetime": ("time_min", "time_max"),
    "obsdate": ("time_min", "time_max"),
    "utc": ("time_min", "time_max"),
    "exptime": ("time_exp_min", "time_exp_max"),
    "exposure": ("time_exp_min", "time_exp_max"),
    "exposuretime": ("time_exp_min", "time_exp_max"),
    "integrationtime": ("time_exp_min", "time_exp_max"),
    "cadence": ("time_sampling_step_min", "time_sampling_step_max"),
    "spmin": ("spectral_range_min",),
    "spmax": ("spectral_range_max",),
    "spectralmin": ("spectral_range_min",),
    "spectralmax": ("spectral_range_max",),
    "wavelengthmin": ("spectral_range_min",),
    "wavelengthmax": ("spectral_range_max",),
    "frequencymin": ("spectral_range_min",),
    "frequencymax": ("spectral_range_max",),
    "spresmin": ("spectral_resolution_min",),
    "spresmax": ("spectral_resolution_max",),
    "lon": ("c1min", "c1max"),
    "longitude": ("c1min", "c1max"),
    "lonmin": ("c1min",),
    "lonmax": ("c1max",),
    "longitudemin": ("c1min",),
    "longitudemax": ("c1max",),
    "lat": ("c2min", "c2max"),
    "latitude": ("c2min", "c2max"),
    "latmin": ("c2min",),
    "latmax": ("c2max",),
    "latitudemin": ("c2min",),
    "latitudemax": ("c2max",),
    "altitude": ("c3min", "c3max"),
    "incidence": ("incidence_min", "incidence_max"),
    "incidenceangle": ("incidence_min", "incidence_max"),
    "emergence": ("emergence_min", "emergence_max"),
    "emissionangle": ("emergence_min", "emergence_max"),
    "phase": ("phase_min", "phase_max"),
    "phaseang": ("phase_min", "phase_max"),
    "phaseangle": ("phase_min", "phase_max"),
    "spacecraft": ("instrument_host_name",),
    "mission": ("instrument_host_name",),
    "observatory": ("instrument_host_name",),
    "insthostname": ("instrument_host_name",),
    "instrumenthost": ("instrument_host_name",),
    "instrument": ("instrument_name",),
    "instname": ("instrument_name",),
    "file": ("file_name",),
    "filename": ("file_name",),
    "url": ("access_url",),
    "link": ("access_url",),
    "aurl": ("access_url",),
    "dataurl": ("access_url",),
    "accessurl": ("access_url",),
    "mime": ("access_format",),
    "mimetype": ("access_format",),
    "format": ("access_format",),
    "aformat": ("access_format",),
    "filesize": ("access_estsize",),
    "size": ("access_estsize",),
    "md5": ("access_md5",),
    "thumbnail": ("thumbnail_url",),
    "previewurl": ("thumbnail_url",),
    "bibcode": ("bib_reference",),
    "doi": ("bib_reference",),
    "reference": ("bib_reference",),
    "ref": ("bib_reference",),
    "webpage": ("external_link",),
    "formula": ("species",),
    "molecule": ("species",),
    "region": ("target_region",),
    "feature": ("feature_name",),
    "sdistance": ("sun_distance_min", "sun_distance_max"),
    "sundistance": ("sun_distance_min", "sun_distance_max"),
    "edistance": ("earth_distance_min", "earth_distance_max"),
    "earthdistance": ("earth_distance_min", "earth_distance_max"),
    "distance": ("target_distance_min", "target_distance_max"),
    "subsolarlongitude": ("subsolar_longitude_min", "subsolar_longitude_max"),
    "subsolarlatitude": ("subsolar_latitude_min", "subsolar_latitude_max"),
    "ls": ("solar_longitude_min", "solar_longitude_max"),
    "solarlongitude": ("solar_longitude_min", "solar_longitude_max"),
    "observer": ("observer_name",),
    "level": ("processing_level",),
    "proclevel": ("processing_level",),
    "releasedate": ("release_date",),
    "sideralrotationperiod": ("sidereal_rotation_period",),
}

#: column -> keywords of PDS3 and PDS4 labels that fill it, the best first
LABEL_KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "granule_uid": ("PRODUCT_ID", "logical_identifier"),
    "time_min": ("START_TIME", "Time_Coordinates.start_date_time"),
    "time_max": ("STOP_TIME", "Time_Coordinates.stop_date_time"),
    "target_name": ("TARGET_NAME", "Target_Identification.name"),
    "target_class": ("TARGET_TYPE", "Target_Identification.type"),
    "instrument_host_name": ("INSTRUMENT_HOST_NAME", "SPACECRAFT_NAME", "Investigation_Area.name"),
    "instrument_name": ("INSTRUMENT_NAME", "INSTRUMENT_ID"),
    "c1min": ("WESTERNMOST_LONGITUDE",),
    "c1max": ("EASTERNMOST_LONGITUDE",),
    "c2min": ("MINIMUM_LATITUDE",),
    "c2max": ("MAXIMUM_LATITUDE",),
    "incidence_min": ("INCIDENCE_ANGLE",),
    "emergence_min": ("EMISSION_ANGLE",),
    "phase_min": ("PHASE_ANGLE",),
    "solar_longitude_min": ("SOLAR_LONGITUDE",),
    "subsolar_longitude_min": ("SUB_SOLAR_LONGITUDE",),
    "subsolar_latitude_min": ("SUB_SOLAR_LATITUDE",),
    "time_exp_min": ("EXPOSURE_DURATION",),
    "producer_institute": ("PRODUCER_INSTITUTION_NAME",),
}

#: name in lower case -> name as the IAU writes it, and class
BODIES: Mapping[str, tuple[str, str]] = {
    name.lower(): (name, kind)
    for kind, names in (
        ("planet", "Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune"),
        ("dwarf_planet", "Ceres Pluto Eris Haumea Makemake"),
        (
            "satellite",
            """Moon Phobos Deimos Io Europa Ganymede Callisto Amalthea Mimas Enceladus Tethys Dione Rhea Titan Hyperion
            Iapetus Phoebe Miranda Ariel Umbriel Titania Oberon Triton Nereid Charon""",
        ),
        ("star", "Sun"),
        ("asteroid", "Vesta Pallas Juno Lutetia Steins Eros Itokawa Bennu Ryugu Gaspra Ida Mathilde"),
        ("comet", "1P 9P 19P 67P 81P 103P"),
    )
    for name in names.split()
} | {
    "halley": ("1P", "comet"),
    "churyumov-gerasimenko": ("67P", "comet"),
    "solar wind": ("Sun", "interplanetary_medium"),
}

_UNIT_IN_BRACKETS = re.compile(r"^(.*?)\s*[\[(]([^\])]+)[\])]\s*$")
_COMET = re.compile(r"(\d{1,3}P|[CPDXA]/-?\d+ [A-Z]+\d*)(\b|/)")


def columns_for(name: str) -> tuple[str, ...]:
    """The columns that a field of this name fills; () if nobody knows."""
    bare, _ = split_unit(name)
    spelled = re.sub(r"[\s.-]+", "_", bare.strip().lower())
    if epn_columns.by_name(spelled) is not None:
        return (spelled,)
    squeezed = spelled.replace("_", "")
    for column in epn_columns.COLUMNS:
        if column.name.replace("_", "") == squeezed:
            return (column.name,)
    pair = (f"{spelled}_min", f"{spelled}_max")
    if all(epn_columns.by_name(one) for one in pair):
        return pair
    return _SYNONYMS.get(squeezed, ())


def split_unit(name: str) -> tuple[str, str | None]:
    """A name without the unit at its end, and that unit: `Distance (km)`, `distance_km`."""
    found = _UNIT_IN_BRACKETS.match(name)
    if found and is_unit(found[2]):
        return found[1], found[2]
    stem, _, last = name.rpartition("_")
    if stem and last.lower() in {"km", "deg", "au", "um", "nm", "hz", "khz", "mhz", "ghz", "sec"} and is_unit(last):
        return stem, last
    return name, None


def target_class(name: str) -> str | None:
    """The class of a target, where its name tells."""
    if known := BODIES.get(name.strip().lower()):
        return known[1]
    return "comet" if _COMET.match(name.strip()) else None
