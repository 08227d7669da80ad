# ruff: noqa: DTZ001  # UTC without tzinfo is what the code works with
"""read_datasets: what becomes a dataset, what is refused, and with which sentence."""

import re
from datetime import date, datetime
from pathlib import Path

import pytest

from ingest.facts import DatasetFacts, Refusal
from ingest.kinds.spase import read_datasets
from tests.support.spase_records import dataset, instrument, observatory, parameter, write

TODAY = date(2024, 3, 31)


def read(folder: Path) -> list[DatasetFacts | Refusal]:
    return list(read_datasets(folder, today=TODAY))


def only(folder: Path) -> DatasetFacts:
    (facts,) = read(folder)
    assert isinstance(facts, DatasetFacts), facts
    return facts


def refusal(folder: Path) -> Refusal:
    (one,) = read(folder)
    assert isinstance(one, Refusal), one
    return one


def test_a_record_becomes_a_dataset_with_its_values(tmp_path: Path) -> None:
    body = dataset(
        header="<DOI>https://doi.org/10.24400/802406/k13j-csc4</DOI>"
        "<Description>  Two\n  lines </Description>"
        "<Contact><PersonID>spase://CNES/Person/CDPP/Jean_de.la.Lune</PersonID><Role>GeneralContact</Role></Contact>"
        "<Contact><PersonID>spase://CNES/Person/Eve</PersonID></Contact>"
        "<Contact><PersonID>spase://CNES/Person/CDPP/Jean_de.la.Lune</PersonID><Role>DataProducer</Role>"
        "<Role>CoPI</Role></Contact>"
        "<Acknowledgement>Please thank\n   Jean.</Acknowledgement>"
        "<InformationURL><URL>help/relative.html</URL></InformationURL>"
        "<InformationURL><URL>https://example.org/about</URL></InformationURL>",
        parameters=parameter(
            "B GSE",
            "<UCD>Phys.magField</UCD><Units>nT</Units>"
            "<CoordinateSystem><CoordinateSystemName>GSE</CoordinateSystemName></CoordinateSystem>"
            "<Structure><Size>3</Size><Element><FillValue>-1e31</FillValue></Element></Structure>"
            "<Field><FieldQuantity>Magnetic</FieldQuantity></Field>",
            key="b_gse",
        ),
    )
    write(tmp_path, "NumericalData/a.xml", body)
    facts = only(tmp_path)
    assert facts.origin == "NumericalData/a.xml"
    found = facts.dataset
    assert (found.dataset_id, found.title, found.description) == ("syn-mag", "A title", "Two lines")
    assert (found.start, found.stop) == (datetime(2001, 1, 1), datetime(2002, 1, 1, 12))
    assert (found.hapi_url, found.hapi_id) == ("https://hapi.example.org/hapi", "syn-mag")
    assert found.information_url == "https://example.org/about"
    assert found.landing_url is None
    assert found.acknowledgement == "Please thank Jean."
    assert found.contacts == ("Jean de la Lune (general contact, data producer, co pi)", "Eve")
    (field,) = found.parameters
    assert (field.name, field.title, field.position) == ("b_gse", "B GSE", 1)
    assert (field.ucd, field.units, field.shape, field.fill_value) == ("phys.magField", "nT", (3,), "-1e31")
    assert field.coordinate_system == "GSE"
    assert dict(facts.values) == {
        "granule_gid": "calibrated",
        "dataproduct_type": "ts",
        "measurement_type": "phys.magField",
        "processing_level": 3,
        "target_name": "Earth",
        "target_class": "planet",
        "target_region": "magnetosphere",
        "time_sampling_step_min": 4.0,
        "time_sampling_step_max": 4.0,
        "spatial_frame_type": "none",
        "spatial_coordinate_description": "GSE",
        "instrument_host_name": "Synthia",
        "instrument_name": "MAG",
        "external_link": "https://example.org/about",
        "bib_reference": "10.24400/802406/k13j-csc4",
    }


def test_other_resources_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "p.xml", "<Person><ResourceID>spase://Test/Person/A</ResourceID></Person>")
    (tmp_path / "notes.txt").write_text("no XML")
    assert read(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (dataset(key=None), "Expected a ProductKey in AccessInformation/AccessURL but found none"),
        (dataset(resource_id=""), "Expected a ResourceID in the record of syn-mag but found none."),
        (
            dataset(span="<StopDate>2002-01-01T00:00:00Z</StopDate>"),
            "Expected a date in TemporalDescription/TimeSpan/StartDate but found none.",
        ),
        (
            dataset(span="<StartDate>2002-01-01T00:00:00Z</StartDate>"),
            "Expected a date in TemporalDescription/TimeSpan/StopDate but found none.",
        ),
        (
            dataset(span="<StartDate>2001-13-01T00:00:00Z</StartDate><StopDate>2002-01-01T00:00:00Z</StopDate>"),
            "StartDate but found '2001-13-01T00:00:00Z'",
        ),
        (
            dataset(span="<StartDate>2003-01-01T00:00:00Z</StartDate><StopDate>2002-01-01T00:00:00Z</StopDate>"),
            "not before the StartDate but found 2003-01-01T00:00:00 to 2002-01-01T00:00:00",
        ),
        (
            dataset(span="<StartDate>2003-01-01</StartDate><RelativeStopDate>soon</RelativeStopDate>"),
            "RelativeStopDate but found 'soon'",
        ),
        (dataset(regions=("Vulcan",)), "Expected a known ObservedRegion.*found Vulcan; add one"),
        (dataset(regions=()), "Expected a known ObservedRegion.*found none; add one"),
    ],
)
def test_a_record_without_what_a_granule_needs_is_refused(tmp_path: Path, body: str, sentence: str) -> None:
    write(tmp_path, "a.xml", body)
    found = refusal(tmp_path)
    assert found.path == "a.xml"
    assert re.search(sentence, found.reason), found.reason


def test_broken_xml_is_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    write(tmp_path, "b.xml", dataset())
    (tmp_path / "a.xml").write_text("<Spase><NumericalData>", encoding="utf-8")
    first, second = read(tmp_path)
    assert isinstance(first, Refusal)
    assert "XML is broken" in first.reason
    assert isinstance(second, DatasetFacts)


def test_another_root_or_namespace_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.xml", dataset(), namespace='xmlns="http://example.org/other"')
    write(tmp_path, "b.xml", dataset(), root="Html")
    write(tmp_path, "c.xml", dataset(), namespace="")
    reasons = [one.reason for one in read(tmp_path) if isinstance(one, Refusal)]
    assert "found Spase in namespace http://example.org/other" in reasons[0]
    assert "found Html in namespace http://www.spase-group.org" in reasons[1]
    assert "found Spase in no namespace" in reasons[2]


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    head = f'<!DOCTYPE Spase [<!ENTITY leak SYSTEM "{secret}">]>'
    write(tmp_path, "a.xml", dataset(header="<Description>&leak;</Description>"), head=head)
    assert "document type declaration" in refusal(tmp_path).reason


def test_of_two_records_with_one_key_the_later_path_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "b.xml", dataset(key="syn mag"))
    write(tmp_path, "a.xml", dataset(key="syn_mag"))
    first, second = read(tmp_path)
    assert isinstance(first, DatasetFacts)
    assert first.origin == "a.xml"
    assert isinstance(second, Refusal)
    assert second.path == "b.xml"
    assert "found syn mag, which a.xml has already" in second.reason


def test_a_refused_record_does_not_keep_its_key(tmp_path: Path) -> None:
    write(tmp_path, "a.xml", dataset(regions=("Vulcan",)))
    write(tmp_path, "b.xml", dataset())
    assert [type(one) for one in read(tmp_path)] == [Refusal, DatasetFacts]


def test_a_relative_stop_counts_from_today(tmp_path: Path) -> None:
    span = "<StartDate>2001-01-01T00:00:00Z</StartDate><RelativeStopDate>-P1M</RelativeStopDate>"
    write(tmp_path, "a.xml", dataset(span=span))
    assert only(tmp_path).dataset.stop == datetime(2024, 2, 29)


def test_the_placeholder_of_1970_means_no_time(tmp_path: Path) -> None:
    span = "<StartDate>1970-01-01T00:00:00Z</StartDate><StopDate>1970-01-01T00:00:00Z</StopDate>"
    write(tmp_path, "a.xml", dataset(span=span))
    found = only(tmp_path).dataset
    assert (found.start, found.stop) == (None, None)


def test_a_single_instant_elsewhere_is_an_interval(tmp_path: Path) -> None:
    span = "<StartDate>2001-01-01T00:00:00Z</StartDate><StopDate>2001-01-01T00:00:00Z</StopDate>"
    write(tmp_path, "a.xml", dataset(span=span))
    assert only(tmp_path).dataset.start == datetime(2001, 1, 1)


@pytest.mark.parametrize(
    ("cadence", "parameters", "steps"),
    [
        ("<Cadence>PT1M</Cadence>", "", (60.0, 60.0)),
        ("<CadenceMin>PT1S</CadenceMin><CadenceMax>PT1H</CadenceMax>", "", (1.0, 3600.0)),
        ("<CadenceMin>PT0.0625S</CadenceMin>", "", (0.0625, 0.0625)),
        ("<Cadence>PT4S</Cadence>", parameter("b", "<Cadence>PT0.2S</Cadence>"), (0.2, 4.0)),
        ("<Cadence>P1M</Cadence>", "", None),
        ("<Cadence>PT0S</Cadence>", "", None),
        ("", "", None),
    ],
)
def test_steps_are_seconds(tmp_path: Path, cadence: str, parameters: str, steps: tuple[float, float] | None) -> None:
    write(tmp_path, "a.xml", dataset(cadence=cadence, parameters=parameters))
    facts = only(tmp_path)
    names = ("time_sampling_step_min", "time_sampling_step_max")
    if steps is None:
        assert not any(name in facts.values for name in names)
    else:
        assert tuple(facts.values[name] for name in names) == steps
        assert (facts.dataset.cadence_min_s, facts.dataset.cadence_max_s) == steps


def test_restricted_data_are_known_as_such(tmp_path: Path) -> None:
    write(tmp_path, "a.xml", dataset(rights="PartiallyRestricted"))
    assert only(tmp_path).dataset.access_rights == "PartiallyRestricted"


def test_the_placeholder_doi_is_dropped(tmp_path: Path) -> None:
    write(tmp_path, "a.xml", dataset(header="<DOI>10.1026/1234567</DOI>"))
    facts = only(tmp_path)
    assert facts.dataset.doi is None
    assert "bib_reference" not in facts.values


def test_without_an_information_page_the_registry_page_is_linked(tmp_path: Path) -> None:
    write(tmp_path, "a.xml", dataset(resource_id="spase://CNES/NumericalData/CDPP-AMDA/ACE/MFI/syn-mag"))
    facts = only(tmp_path)
    assert facts.values["external_link"] == "https://hpde.io/CNES/NumericalData/CDPP-AMDA/ACE/MFI/syn-mag"


def test_addresses_are_ascii(tmp_path: Path) -> None:
    url = "https://example.org/caf\u00e9?a=1&amp;b=%20#c"
    write(tmp_path, "a.xml", dataset(header=f"<InformationURL><URL>{url}</URL></InformationURL>"))
    assert only(tmp_path).values["external_link"] == "https://example.org/caf%C3%A9?a=1&b=%20#c"


def test_hosts_come_with_their_group_and_under_one_name(tmp_path: Path) -> None:
    base = "spase://Test/Observatory"
    write(tmp_path, "o1.xml", observatory(f"{base}/Cluster", "Cluster"))
    write(tmp_path, "o2.xml", observatory(f"{base}/Cluster3", "Cluster-3", group=f"{base}/Cluster"))
    write(tmp_path, "o3.xml", observatory(f"{base}/INTERBALL", "ResourceHeader"))
    write(tmp_path, "i1.xml", instrument("spase://Test/Instrument/C3/FGM", "Fluxgate #1", f"{base}/Cluster3"))
    write(tmp_path, "i2.xml", instrument("spase://Test/Instrument/I/ELE", "ELE", f"{base}/INTERBALL"))
    ids = ("spase://Test/Instrument/C3/FGM", "spase://Test/Instrument/I/ELE", "spase://Test/Instrument/DEMETER/ICE")
    write(tmp_path, "a.xml", dataset(instruments=ids))
    values = only(tmp_path).values
    assert values["instrument_host_name"] == "Cluster#Cluster 3#INTERBALL#DEMETER"
    assert values["instrument_name"] == "Fluxgate _1#FGM#ELE#ICE"


def test_regions_come_from_the_observatory_where_nothing_else_says_them(tmp_path: Path) -> None:
    write(tmp_path, "o.xml", observatory("spase://Test/Observatory/S", "S", regions=("Mars",)))
    write(tmp_path, "i.xml", instrument("spase://Test/Instrument/Synthia/MAG", "MAG", "spase://Test/Observatory/S"))
    write(tmp_path, "a.xml", dataset(regions=()))
    assert only(tmp_path).values["target_name"] == "Mars"


def test_an_orbit_is_ancillary_but_particles_in_an_ephemeris_record_are_not(tmp_path: Path) -> None:
    write(tmp_path, "o.xml", observatory("spase://Test/Observatory/S", "S"))
    for name, kind in (("Ephemeris", "Platform"), ("PLS", "FaradayCup")):
        resource_id = f"spase://Test/Instrument/S/{name}"
        write(tmp_path, f"i-{name}.xml", instrument(resource_id, name, "spase://Test/Observatory/S", kind))
        write(tmp_path, f"d-{name}.xml", dataset(key=name, instruments=(resource_id,), kinds=("Ephemeris",)))
    values = [one.values for one in read(tmp_path) if isinstance(one, DatasetFacts)]
    assert [(one["granule_gid"], one["processing_level"]) for one in values] == [("ephemeris", 6), ("calibrated", 3)]


def test_model_output_says_so(tmp_path: Path) -> None:
    write(tmp_path, "a.xml", dataset(instruments=("spase://Test/Instrument/MMS/MMS1/Models",)))
    values = only(tmp_path).values
    assert values["granule_gid"] == "model"
    assert values["processing_level"] == 5
    assert values["measurement_type"] == "phys.magField;meta.modelled"


@pytest.mark.parametrize(
    ("written", "level", "group"),
    [("Raw", 2, "raw"), ("Uncalibrated", 2, "raw"), ("Calibrated", 3, "calibrated"), ("ValueAdded", 5, "derived")],
)
def test_the_processing_level_of_the_record_counts(tmp_path: Path, written: str, level: int, group: str) -> None:
    write(tmp_path, "a.xml", dataset(level=f"<ProcessingLevel>{written}</ProcessingLevel>"))
    values = only(tmp_path).values
    assert (values["processing_level"], values["granule_gid"]) == (level, group)


SPECTROGRAM = "<RenderingHints><DisplayType>Spectrogram</DisplayType></RenderingHints>"
PARTICLE = "<Particle><ParticleQuantity>NumberFlux</ParticleQuantity></Particle>"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ("", "ts"),
        (parameter("b"), "ts"),
        (parameter("f", SPECTROGRAM + PARTICLE), "ds"),
        (parameter("f", SPECTROGRAM + PARTICLE) + parameter("n", PARTICLE), "ts#ds"),
        (parameter("f", SPECTROGRAM) + parameter("q", "<Support/>"), "ds"),
        (parameter("f", "<Structure><Size>64</Size></Structure>" + PARTICLE), "ds"),
        (parameter("f", "<Structure><Size>9</Size></Structure>" + PARTICLE), "ts"),
        (parameter("q", "<Support/>"), "ts"),
    ],
)
def test_spectrograms_are_dynamic_spectra(tmp_path: Path, parameters: str, code: str) -> None:
    write(tmp_path, "a.xml", dataset(parameters=parameters))
    assert only(tmp_path).values["dataproduct_type"] == code


def test_particle_columns_come_as_a_whole_set(tmp_path: Path) -> None:
    def energies(low: str, high: str, unit: str) -> str:
        limits = f"<Low>{low}</Low><High>{high}</High><Units>{unit}</Units>"
        return f"<Particle><ParticleType>Proton</ParticleType><EnergyRange>{limits}</EnergyRange></Particle>"

    parameters = parameter("a", energies("60", "900", "eV")) + parameter("b", energies("1", "38.15", "keV"))
    write(tmp_path, "a.xml", dataset(parameters=parameters))
    values = only(tmp_path).values
    particles = {name: value for name, value in values.items() if name.startswith("particle_")}
    assert particles == {
        "particle_spectral_type": "energy",
        "particle_spectral_range_min": 60.0,
        "particle_spectral_range_max": 38150.0,
        "particle_spectral_sampling_step_min": None,
        "particle_spectral_sampling_step_max": None,
        "particle_spectral_resolution_min": None,
        "particle_spectral_resolution_max": None,
    }
    assert values["species"] == "H+"


@pytest.mark.parametrize(
    ("written", "hertz"),
    [
        ("<FrequencyRange><Low>1</Low><High>10</High><Units>Hz</Units></FrequencyRange>", (1.0, 10.0)),
        ("<FrequencyRange><Low>0</Low><High>131</High><Units>KHz</Units></FrequencyRange>", (0.0, 131e3)),
        ("<FrequencyRange><Low>2</Low><High>8</High><Units>mHz</Units></FrequencyRange>", (0.002, 0.008)),
        (
            "<WavelengthRange><Low>100</Low><High>200</High><Units>nm</Units></WavelengthRange>",
            (1.49896229e15, 2.99792458e15),
        ),
        ("<FrequencyRange><Low>1</Low><High>10</High><Units>furlong</Units></FrequencyRange>", None),
        ("<EnergyRange><Low>1</Low><High>2</High><Units>eV</Units></EnergyRange>", (2.417989242e14, 4.835978484e14)),
    ],
)
def test_wave_ranges_are_hertz(tmp_path: Path, written: str, hertz: tuple[float, float] | None) -> None:
    wave = f"<Wave><WaveType>Photon</WaveType>{written}</Wave>"
    write(tmp_path, "a.xml", dataset(parameters=parameter("e", wave)))
    values = only(tmp_path).values
    assert values["messenger"] == "Photon"
    if hertz is None:
        assert "spectral_range_min" not in values
    else:
        found = (values["spectral_range_min"], values["spectral_range_max"])
        assert found == pytest.approx(hertz, rel=1e-8)


def test_bookkeeping_is_no_measurement(tmp_path: Path) -> None:
    parameters = parameter("q", "<UCD>meta.code.qual</UCD>") + parameter("n", "<UCD>phys.density;phys.electron</UCD>")
    write(tmp_path, "a.xml", dataset(parameters=parameters))
    assert only(tmp_path).values["measurement_type"] == "phys.density;phys.electron"


def test_parameters_with_one_key_are_told_apart(tmp_path: Path) -> None:
    write(tmp_path, "a.xml", dataset(parameters=parameter("b") + parameter("b")))
    assert [one.name for one in only(tmp_path).dataset.parameters] == ["b", "b_2"]
