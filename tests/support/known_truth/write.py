"""The files, records and definition of an archive of known truth. Written with cdflib: our writer is to be judged."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from cdflib.cdfwrite import CDF

from tests.support.known_truth.clock import to_cdf_epoch
from tests.support.known_truth.datasets import FILL, INT_FILL, WRONG_BY, Plan, TrueDataset, TrueFile

__all__ = ["write_archive"]

_DEFINITION = """[service]
schema = "{schema}"
title = "Archive of known truth"
publisher = "synthetic"

[[source]]
kind = "spase-datasets"
path = "spase"

[[source]]
kind = "cdf-files"
path = "cdf"
granule = "day"
"""

_RECORD = """<?xml version="1.0" encoding="UTF-8"?>
<Spase xmlns="http://www.spase-group.org/data/schema"><Version>2.4.1</Version><NumericalData>
<ResourceID>spase://EXAMPLE/NumericalData/KnownTruth/{key}</ResourceID>
<ResourceHeader><ResourceName>{title}</ResourceName><ReleaseDate>2020-01-01T00:00:00Z</ReleaseDate>
<Description>SYNTHETIC: {title}</Description></ResourceHeader>
<AccessInformation><AccessRights>Open</AccessRights><AccessURL><URL>https://hapi.example.org/hapi</URL>
<Style>HAPI</Style><ProductKey>{key}</ProductKey></AccessURL><Format>CDF</Format></AccessInformation>
<InstrumentID>spase://EXAMPLE/Instrument/KnownTruth/INSTRUMENT{group}</InstrumentID>
<MeasurementType>{kind}</MeasurementType>
<TemporalDescription><TimeSpan><StartDate>{start}Z</StartDate><StopDate>{stop}Z</StopDate></TimeSpan>
<Cadence>PT{cadence}S</Cadence></TemporalDescription>
<ObservedRegion>{region}</ObservedRegion>{parameters}
</NumericalData></Spase>
"""

_PARAMETER = (
    "<Parameter><Name>{title} {name}</Name><ParameterKey>{name}</ParameterKey><Units>{unit}</Units></Parameter>"
)

#: unit and description of each variable
_ABOUT = {
    "B": ("nT", "Magnetic field"),
    "n": ("cm^-3", "Density, with NaN"),
    "quality": (" ", "Quality"),
    "flux": ("1/(cm^2 s sr eV)", "Flux in eight channels"),
    "position": ("km", "Position, unknown on some days"),
}
_STORED = {"B": (44, [3]), "n": (45, []), "quality": (2, []), "flux": (44, [8]), "position": (45, [3])}
_TYPE_NAMES = {44: "CDF_FLOAT", 45: "CDF_DOUBLE", 2: "CDF_INT2"}


def write_archive(plan: Plan, folder: Path, *, schema: str = "truth", processes: int = 1) -> Path:
    """Write everything below a folder; the service definition. `truth.json` says which plan it is."""
    for dataset in plan:
        record = folder / "spase" / "NumericalData" / f"{dataset.key}.xml"
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(_record(dataset), encoding="utf-8")
    if processes > 1:
        with ProcessPoolExecutor(processes) as pool:
            list(pool.map(_write_files, plan, [folder] * plan.datasets))
    else:
        for dataset in plan:
            _write_files(dataset, folder)
    (folder / "truth.json").write_text(json.dumps(asdict(plan), default=str, indent=1) + "\n")
    definition = folder / "service.toml"
    definition.write_text(_DEFINITION.format(schema=schema))
    return definition


def _record(dataset: TrueDataset) -> str:
    plan = dataset.plan
    last = datetime.combine(plan.first, datetime.min.time()) + timedelta(days=plan.days, seconds=-1)
    title = escape(dataset.title)
    return _RECORD.format(
        key=dataset.key,
        title=title,
        group=dataset.number // 10,
        kind=dataset.kind,
        start=f"{plan.first}T00:00:00",
        stop=last.isoformat(),
        cadence=plan.cadence_ns / 1e9,
        region=dataset.region,
        parameters="".join(
            _PARAMETER.format(title=title, name=name, unit=escape(_ABOUT[name][0])) for name in dataset.variables
        ),
    )


def _write_files(dataset: TrueDataset, folder: Path) -> None:
    for file in dataset.files():
        path = folder / "cdf" / dataset.key / f"{file.day:%Y}" / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        _write_file(path, dataset, file)


def _write_file(path: Path, dataset: TrueDataset, file: TrueFile) -> None:
    cdf = CDF(str(path), cdf_spec={"Compressed": 0, "Majority": "row_major"})
    cdf.write_globalattrs(
        {
            "Logical_source": {0: dataset.key},
            "Logical_file_id": {0: path.stem},
            "Data_version": {0: f"{file.version:02d}"},
            "TITLE": {0: dataset.title},
            "TEXT": {0: "SYNTHETIC", 1: dataset.title},
        }
    )
    times: Any = to_cdf_epoch(file.epochs) if dataset.is_cdf_epoch else file.epochs
    unit, cdf_type = ("ms", 31) if dataset.is_cdf_epoch else ("ns", 33)
    _write_variable(cdf, "Epoch", cdf_type, [], times, VAR_TYPE="support_data", UNITS=unit)
    if "flux" in dataset.variables:
        _write_variable(
            cdf, "energy", 44, [8], dataset.energies[None, :], varying=False, VAR_TYPE="support_data", UNITS="eV"
        )
    for name in dataset.variables:
        cdf_type, dims = _STORED[name]
        values = dataset.stored(name, file.epochs)
        if file.superseded:
            values = (values + WRONG_BY).astype(values.dtype)
        more: dict[str, Any] = {"DEPEND_1": "energy"} if name == "flux" else {}
        fill = INT_FILL if name == "quality" else FILL
        _write_variable(
            cdf,
            name,
            cdf_type,
            dims,
            values,
            DEPEND_0="Epoch",
            VAR_TYPE="support_data" if name in {"quality", "position"} else "data",
            UNITS=_ABOUT[name][0],
            CATDESC=f"{_ABOUT[name][1]}: {dataset.title}",
            FIELDNAM=name,
            FILLVAL=[fill, _TYPE_NAMES[cdf_type]],
            **more,
        )
    cdf.close()


def _write_variable(
    cdf: CDF, name: str, cdf_type: int, dims: list[int], values: Any, *, varying: bool = True, **attributes: Any
) -> None:
    cdf.write_var(
        {
            "Variable": name,
            "Data_Type": cdf_type,
            "Num_Elements": 1,
            "Rec_Vary": varying,
            "Dim_Sizes": dims,
            "Compress": 0,
        },
        var_attrs=attributes,
        var_data=values,
    )
