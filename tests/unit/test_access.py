"""Who may have what."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from epntap.access import ANONYMOUS, Caller, Rights, may, rights_of

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TEAM = frozenset({"team"})
MEMBER = Caller("ada", frozenset({"team", "others"}))
STRANGER = Caller("bob", frozenset({"others"}))


@pytest.mark.parametrize(
    ("rights", "who_may"),
    [
        (Rights(), {ANONYMOUS, STRANGER, MEMBER}),
        (Rights(open=False), set()),
        (Rights(open=False, groups=TEAM), {MEMBER}),
        (Rights(embargoed_until=NOW + timedelta(seconds=1)), set()),
        (Rights(embargoed_until=NOW + timedelta(seconds=1), groups=TEAM), {MEMBER}),
        (Rights(embargoed_until=NOW, groups=TEAM), {ANONYMOUS, STRANGER, MEMBER}),
        # the end of an embargo does not open what is closed for good
        (Rights(open=False, embargoed_until=NOW - timedelta(days=1), groups=TEAM), {MEMBER}),
    ],
)
def test_who_may(rights: Rights, who_may: set[Caller]) -> None:
    assert {caller for caller in (ANONYMOUS, STRANGER, MEMBER) if may(caller, rights, NOW)} == who_may


@pytest.mark.parametrize(
    ("word", "is_open"), [("Open", True), ("PartiallyRestricted", False), ("Restricted", False), ("open", False)]
)
def test_words_of_spase(word: str, is_open: bool) -> None:
    assert may(ANONYMOUS, rights_of(word), NOW) is is_open
