"""Datasets as linked data (schema.org), which search engines for data read. No I/O here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from epntap.addresses import DATASETS, HAPI_SERVER, SERVICES, Addresses
from voweb.datasets.facts import DatasetFacts, ParameterFacts

__all__ = ["catalog_of", "dataset_of", "embedded"]

#: variables that are listed
_MOST = 100


def embedded(document: Mapping[str, Any]) -> Markup:
    """JSON for the element script of a page that is XML and HTML at once: nothing in it is markup."""
    text = json.dumps(document, ensure_ascii=True)
    for one in "<>&":
        text = text.replace(one, f"\\u{ord(one):04x}")
    return Markup(text)  # noqa: S704  # what could be markup is escaped


def dataset_of(
    one: DatasetFacts, parameters: Sequence[ParameterFacts], addresses: Addresses, series: Iterable[str]
) -> dict[str, Any]:
    """A schema.org Dataset."""
    address = addresses.dataset_page(one.schema_name, one.dataset_id)
    doi = f"https://doi.org/{one.doi}" if one.doi else None
    links = [
        {
            "@type": "DataDownload",
            "name": "HAPI",
            "encodingFormat": "text/csv",
            "contentUrl": f"{addresses.at(HAPI_SERVER)}/info?dataset={name}",
        }
        for name in series
    ]
    links.append(
        {
            "@type": "DataDownload",
            "name": "TAP",
            "encodingFormat": "application/x-votable+xml",
            "contentUrl": addresses.tap(),
        }
    )
    return _given(
        {
            "@context": "https://schema.org/",
            "@type": "Dataset",
            "@id": doi or address,
            "url": address,
            "name": one.title,
            # search engines want fifty letters at least
            "description": (one.description or f"{one.title}: dataset {one.dataset_id} of {one.service_title}.")[:5000],
            "identifier": [each for each in (doi, one.resource_id, one.dataset_id) if each],
            "sameAs": [each for each in (doi, one.landing_url) if each],
            "keywords": [value for facet in ("quantity", "target", "region") for value in one.facets.get(facet, ())],
            "temporalCoverage": f"{_day(one.first)}/{_day(one.last)}" if one.first and one.last else None,
            "measurementTechnique": list(one.facets.get("instrument", ())),
            "isAccessibleForFree": one.is_open,
            "conditionsOfAccess": None
            if one.is_open
            else f"{one.access_rights}, {one.embargoed_until or ''}".strip(", "),
            "dateModified": f"{one.last_ingested:%Y-%m-%d}",
            "creator": {"@type": "Organization", "name": one.creator} if one.creator else None,
            "publisher": {"@type": "Organization", "name": one.publisher} if one.publisher else None,
            "variableMeasured": [
                _given(
                    {
                        "@type": "PropertyValue",
                        "name": each.title or each.name,
                        "description": each.description,
                        "unitText": each.unit,
                        "minValue": each.value_min,
                        "maxValue": each.value_max,
                    }
                )
                for each in parameters[:_MOST]
            ],
            "distribution": links,
            "includedInDataCatalog": {
                "@type": "DataCatalog",
                "name": one.service_title,
                "url": addresses.at(f"{SERVICES}/{one.schema_name}"),
            },
        }
    )


def catalog_of(name: str, shown: Iterable[DatasetFacts], addresses: Addresses) -> dict[str, Any]:
    """A schema.org DataCatalog with these of its datasets; each has a page that says more."""
    return {
        "@context": "https://schema.org/",
        "@type": "DataCatalog",
        "name": name,
        "url": addresses.at(DATASETS),
        "dataset": [
            _given(
                {
                    "@type": "Dataset",
                    "name": one.title,
                    "url": addresses.dataset_page(one.schema_name, one.dataset_id),
                    "description": (one.description or "")[:300] or None,
                }
            )
            for one in shown
        ],
    }


def _given(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None and value != []}


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
