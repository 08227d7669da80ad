"""SPASE files for tests: a whole record by default, with what a test is about changed or left out."""

from pathlib import Path

__all__ = ["NS", "dataset", "instrument", "observatory", "parameter", "write"]

NS = 'xmlns="http://www.spase-group.org/data/schema"'


def write(folder: Path, name: str, body: str, *, head: str = "", namespace: str = NS, root: str = "Spase") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{head}<{root} {namespace}><Version>2.4.1</Version>{body}</{root}>", encoding="utf-8")
    return path


def parameter(name: str = "b", inside: str = "", *, key: str = "") -> str:
    return f"<Parameter><Name>{name}</Name><ParameterKey>{key or name}</ParameterKey>{inside}</Parameter>"


def dataset(
    *,
    key: str | None = "syn-mag",
    resource_id: str = "spase://Test/NumericalData/Synthia/MAG/syn-mag",
    header: str = "",
    rights: str = "Open",
    level: str = "",
    instruments: tuple[str, ...] = ("spase://Test/Instrument/Synthia/MAG",),
    kinds: tuple[str, ...] = ("MagneticField",),
    span: str = "<StartDate>2001-01-01T00:00:00Z</StartDate><StopDate>2002-01-01T12:00:00Z</StopDate>",
    cadence: str = "<Cadence>PT4S</Cadence>",
    regions: tuple[str, ...] = ("Earth.Magnetosphere",),
    parameters: str = "",
) -> str:
    product_key = "" if key is None else f"<ProductKey>{key}</ProductKey>"
    parts = [
        f"<ResourceID>{resource_id}</ResourceID>" if resource_id else "",
        f"<ResourceHeader><ResourceName>A title</ResourceName>{header}</ResourceHeader>",
        (
            f"<AccessInformation><AccessRights>{rights}</AccessRights><AccessURL>"
            f"<URL>https://hapi.example.org/hapi/</URL><Style>HAPI</Style>{product_key}</AccessURL></AccessInformation>"
        ),
        level,
        *(f"<InstrumentID>{one}</InstrumentID>" for one in instruments),
        *(f"<MeasurementType>{kind}</MeasurementType>" for kind in kinds),
        f"<TemporalDescription><TimeSpan>{span}</TimeSpan>{cadence}</TemporalDescription>",
        *(f"<ObservedRegion>{region}</ObservedRegion>" for region in regions),
        parameters,
    ]
    return f"<NumericalData>{''.join(parts)}</NumericalData>"


def instrument(resource_id: str, name: str, observatory_id: str, kind: str = "Magnetometer") -> str:
    return (
        f"<Instrument><ResourceID>{resource_id}</ResourceID><ResourceHeader><ResourceName>{name}</ResourceName>"
        f"</ResourceHeader><InstrumentType>{kind}</InstrumentType><ObservatoryID>{observatory_id}</ObservatoryID>"
        "</Instrument>"
    )


def observatory(resource_id: str, name: str, *, group: str = "", regions: tuple[str, ...] = ()) -> str:
    groups = f"<ObservatoryGroupID>{group}</ObservatoryGroupID>" if group else ""
    places = "".join(f"<ObservatoryRegion>{region}</ObservatoryRegion>" for region in regions)
    return (
        f"<Observatory><ResourceID>{resource_id}</ResourceID><ResourceHeader><ResourceName>{name}</ResourceName>"
        f"</ResourceHeader>{groups}<Location>{places}</Location></Observatory>"
    )
