"""Who asks, and what they may have: the one place where rights are compared. No I/O here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["ANONYMOUS", "OPEN", "Caller", "Rights", "may", "may_now", "rights_of"]

#: what SPASE calls data that everybody may have (AccessRights)
OPEN = "Open"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    #: empty for somebody who has not said who they are
    name: str = ""
    groups: frozenset[str] = frozenset()


#: whoever asks without signing in
ANONYMOUS = Caller()


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may have something."""

    #: everybody, from the end of the embargo on if there is one
    open: bool = True
    #: with a time zone; until then only the groups may have it
    embargoed_until: datetime | None = None
    #: whoever is in one of these may have it in any case
    groups: frozenset[str] = frozenset()


def rights_of(access_rights: str, *embargoes: str | None) -> Rights:
    """The rights that SPASE's word for them means, all words but Open closing the data, and embargoes, the last of
    which counts: each is a DALI timestamp in UTC, or None.
    """  # noqa: D205  # one sentence
    ends = [datetime.fromisoformat(text.rstrip("Z")).replace(tzinfo=UTC) for text in embargoes if text]
    return Rights(open=access_rights == OPEN, embargoed_until=max(ends, default=None))


def may(caller: Caller, rights: Rights, now: datetime) -> bool:
    """Whether the caller may have it at this instant, which has a time zone."""
    if caller.groups & rights.groups:
        return True
    return rights.open and (rights.embargoed_until is None or now >= rights.embargoed_until)


def may_now(caller: Caller, rights: Rights) -> bool:
    """Whether the caller may have it."""
    return may(caller, rights, datetime.now(UTC))
