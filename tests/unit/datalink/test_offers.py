"""What the form of a cut-out offers to try."""

from __future__ import annotations

from dataclasses import replace

import pytest

from datalink.links.offers import Offers
from epntap.access import ANONYMOUS
from epntap.addresses import Addresses
from epntap.archive.finding.locate import LocatedGranule
from epntap.cdf import parse_utc
from tests.support.archives import dataset, held


def example(*embargoes: str | None, of_dataset: str | None = None) -> bool:
    """Whether a granule of files with these embargoes comes with an example."""
    files = tuple(
        replace(held(f"{n}.cdf", f"2001-01-01T0{n}:00:00", f"2001-01-01T0{n}:59:00"), embargoed_until=until)
        for n, until in enumerate(embargoes)
    )
    start, stop = parse_utc("2001-01-01"), parse_utc("2001-01-02")
    granule = LocatedGranule("plasma", "syn-mag_20010101", dataset(embargoed_until=of_dataset), start, stop, files)
    offers = Offers(Addresses("http://x"), "id", ANONYMOUS)
    offers.refer("soda", granule)
    (descriptor,) = offers.descriptors()
    return "syn-mag_20010101" in repr(descriptor)


@pytest.mark.parametrize(
    ("embargoes", "of_dataset", "expected"),
    [
        ((None, None), None, True),
        (("2001-02-01T00:00:00", None), None, True),
        (("2999-01-01T00:00:00",), None, False),
        ((None, "2999-01-01T00:00:00"), None, False),
        ((None,), "2999-01-01T00:00:00", False),
    ],
)
def test_nothing_that_would_be_refused_is_offered_to_try(
    embargoes: tuple[str | None, ...], of_dataset: str | None, expected: bool
) -> None:
    assert example(*embargoes, of_dataset=of_dataset) is expected
