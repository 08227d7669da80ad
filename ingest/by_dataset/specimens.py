"""A few granules of every kind, to be checked before all are made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from epntap.addresses import Addresses
from epntap.epncore.text import clean_granule_uid
from epntap.instants.julian import jd_from_datetime
from epntap.instants.tt2000 import jd_from_tt2000
from ingest.by_dataset.planning.plan import DatasetPlan
from ingest.facts import Value
from ingest.publish.rows.block import ROW_DATES
from ingest.validation.screen import Specimen

__all__ = ["specimens"]

_ADDRESSES = Addresses()


def specimens(
    plan: DatasetPlan, kinds: Iterable[tuple[Mapping[str, Value], int]], now: str, schema: str
) -> Iterator[Specimen]:
    """Specimens of the rows of a dataset; `kinds` are those of a GranuleBuilder, `now` a DALI timestamp."""
    dataset = plan.dataset
    stem = clean_granule_uid(dataset.dataset_id)
    time: dict[str, Value] = {}
    if dataset.start is not None and dataset.stop is not None and dataset.start <= dataset.stop:
        time = {"time_min": jd_from_datetime(dataset.start), "time_max": jd_from_datetime(dataset.stop)}
    shared: Mapping[str, Value] = {}
    for number, (values, rows) in enumerate(kinds):
        shared = {**dict.fromkeys(ROW_DATES, now), **{k: v for k, v in values.items() if v is not None}}
        uid = f"{stem}_{number}"
        if rows:
            yield Specimen(dataset.dataset_id, rows, {**shared, **time, **_made(uid, shared, schema)})
    for file in plan.single:
        assert file.tt2000_min is not None
        assert file.tt2000_max is not None
        bounds = {"time_min": jd_from_tt2000(file.tt2000_min), "time_max": jd_from_tt2000(file.tt2000_max)}
        yield Specimen(file.path, 1, {**shared, **bounds, **_made(file.uid, shared, schema)})


def _made(uid: str, values: Mapping[str, Value], schema: str) -> Mapping[str, Value]:
    """The columns that are made for each row; the addresses are right by construction."""
    made: dict[str, Value] = {"granule_uid": uid, "obs_id": uid, "datalink_url": _ADDRESSES.links(uid, schema)}
    if values.get("access_format") is not None:
        made |= {"access_url": _ADDRESSES.data(uid, "cdf", schema), "access_estsize": 1, "file_name": f"{uid}.cdf"}
        if values.get("thumbnail_url") is None:
            made["thumbnail_url"] = _ADDRESSES.preview(uid, schema)
    return made
