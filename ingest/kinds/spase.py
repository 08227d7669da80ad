"""Sources of kind `spase-datasets`: a DatasetFacts or a Refusal for each dataset that a folder of records describes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from epntap.epncore.text import clean_granule_uid
from epntap.errors import UnreadableFileError
from ingest.facts import DatasetFacts, Refusal
from ingest.sources.kind import GRANULE, DescriptionKind
from ingest.sources.source import Granule
from ingest.spase.document import DatasetRecord, InstrumentRecord, ObservatoryRecord, read_records
from ingest.spase.mapping import Registry, product_key, to_facts

__all__ = ["SPASE_DATASETS", "read_datasets"]


def read_datasets(root: Path, today: date) -> Iterator[DatasetFacts | Refusal]:
    """Yield the datasets that the XML files below a folder describe, and a refusal for each that cannot be used.

    Files come in the order of their paths. Of two datasets with one key the later is refused. `today` (UTC) is what a
    RelativeStopDate counts from.
    """
    datasets: list[tuple[str, DatasetRecord]] = []
    instruments: dict[str, InstrumentRecord] = {}
    observatories: dict[str, ObservatoryRecord] = {}
    for path in sorted(found for found in root.rglob("*.xml") if found.is_file()):
        origin = path.relative_to(root).as_posix()
        try:
            for record in read_records(path):
                match record:
                    case DatasetRecord():
                        datasets.append((origin, record))
                    case InstrumentRecord():
                        instruments.setdefault(record.resource_id, record)
                    case ObservatoryRecord():
                        observatories.setdefault(record.resource_id, record)
        except UnreadableFileError as exc:
            yield Refusal(origin, exc.message)
    registry = Registry(instruments, observatories)
    first_with: dict[str, str] = {}
    for origin, record in datasets:
        yield _facts(record, registry, today, origin, first_with)


def _facts(
    record: DatasetRecord, registry: Registry, today: date, origin: str, first_with: dict[str, str]
) -> DatasetFacts | Refusal:
    try:
        # granule_uid is made from the key, so keys that differ in forbidden characters only are one key
        key = clean_granule_uid(product_key(record))
        if key in first_with:
            return Refusal(
                origin,
                f"Expected a ProductKey of its own but found {product_key(record)}, "
                f"which {first_with[key]} has already; this record is left out.",
            )
        facts = to_facts(record, registry, today=today, origin=origin)
    except UnreadableFileError as exc:
        return Refusal(origin, exc.message)
    first_with[key] = origin
    return facts


SPASE_DATASETS = DescriptionKind(
    name="spase-datasets",
    own_keys={"granule": GRANULE},
    option="--spase",
    granule=Granule.DAY,
    wanted="SPASE NumericalData record",
    read=read_datasets,
)
