"""The rows of a service made of datasets, without saying again in each what all of a dataset share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from epntap.catalog.narrow.layout import Layout
from ingest.facts import Value
from ingest.publish.rows.block import Block

__all__ = ["NarrowRows"]


@dataclass(frozen=True, slots=True)
class NarrowRows:
    """Datasets that have rows, and these rows."""

    layout: Layout
    #: what each dataset shares; they are numbered from 1
    datasets: tuple[Mapping[str, Value], ...]
    #: the number of the dataset, then `Layout.own`, in the text form of COPY; for a new table
    blocks: Callable[[], Iterator[Block]]
