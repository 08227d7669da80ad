"""The page at /hapi: choose a dataset, then parameters and times, then take the address or the script."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from epntap.access import Caller
from epntap.addresses import HAPI_SERVER, Addresses
from hapiserver.datasets import Datasets
from hapiserver.info import Terms, info, time_text
from hapiserver.params import FORMATS

__all__ = ["page_facts"]


def page_facts(
    pairs: Iterable[tuple[str, str]], datasets: Datasets, caller: Caller, addresses: Addresses
) -> dict[str, Any]:
    """What the page says; what has been chosen so far is in its address, and what is wrong there is passed over."""
    chosen_of: dict[str, list[str]] = {}
    for name, value in pairs:
        chosen_of.setdefault(name, []).append(value)
    args = {name: values[0] for name, values in chosen_of.items()}
    dataset = datasets.get(args.get("dataset", ""), caller)
    base = addresses.at(HAPI_SERVER)
    if dataset is None:
        return {"base": base, "held": datasets.all(caller), "dataset": None}
    known = [one.name for one in dataset.parameters[1:]]
    wanted = set(chosen_of.get("parameters", ()))
    chosen = [name for name in known if name in wanted]
    series = dataset.held.series
    start = args.get("start") or time_text(series.sample_start)
    stop = args.get("stop") or time_text(series.sample_stop)
    form = args.get("format") if args.get("format") in FORMATS else "csv"
    query = {"dataset": dataset.id, "parameters": ",".join(chosen), "start": start, "stop": stop, "format": form}
    return {
        "base": base,
        "dataset": dataset,
        "facts": info(dataset, Terms(most_bytes=1)),
        "chosen": chosen,
        "start": start,
        "stop": stop,
        "form": form,
        "forms": FORMATS,
        "data_url": f"{base}/data?{urlencode({**query, 'include': 'header'} if form == 'csv' else query)}",
        "parameters": ",".join(chosen),
    }
