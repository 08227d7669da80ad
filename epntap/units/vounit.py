"""Units as CDF files spell them, said as VOUnits. What is not understood for sure is not said."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["is_dimensionless", "to_vounit"]

_KNOWN = (
    "s ms us ns ps min h d a m km cm mm um nm AU pc T mT uT nT pT V kV mV uV A mA uA nA Hz kHz MHz GHz mHz "
    "eV meV keV MeV GeV J erg W mW uW nW K kK MK Pa hPa kPa uPa nPa deg rad mrad sr arcmin arcsec kg g C Ohm "
    "count photon pixel bit byte"
)
_SYMBOLS = frozenset(_KNOWN.split())
_SPELLINGS = {
    **dict.fromkeys(("sec", "second", "seconds"), "s"),
    **dict.fromkeys(("msec", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("usec", "microsecond", "microseconds", "µs", "μs"), "us"),
    **dict.fromkeys(("nsec", "nanosecond", "nanoseconds"), "ns"),
    **dict.fromkeys(("hr", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("degree", "degrees", "Deg", "Degree", "Degrees"), "deg"),
    **dict.fromkeys(("radian", "radians"), "rad"),
    **dict.fromkeys(("ster", "str", "steradian"), "sr"),
    **dict.fromkeys(("Kelvin", "kelvin"), "K"),
    **dict.fromkeys(("counts", "Counts", "Count", "ct"), "count"),
    **dict.fromkeys(("volt", "volts", "Volt", "Volts"), "V"),
    **dict.fromkeys(("Pascal", "Pascals"), "Pa"),
    **dict.fromkeys(("au", "A.U."), "AU"),
    "ev": "eV",
}
# numbers of things have no unit of their own
_THINGS = frozenset({"#", "1", "particles", "ions", "electrons", "protons"})
_NOTHING = frozenset({"", "-", "--", "none", "na", "n/a", "unitless", "dimensionless", "no units", "null", "1"})
_TOKEN = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<over>/)|(?P<times>[.*·](?!\*)|-(?=[A-Za-z]))"
    r"|(?P<symbol>#|1(?!\d)|[A-Za-zµμ]+)\s*(?:(?:\*\*|\^)?\s*(?P<power>\(?[+-]?\d+\)?))?)"
)


def is_dimensionless(text: str | None) -> bool:
    """Whether a unit says in words that there is none."""
    return (text or "").strip().casefold() in _NOTHING


@lru_cache(maxsize=4096)
def to_vounit(text: str | None) -> str | None:
    """Return a VOUnits 1.1 string such as `cm**-2.s**-1`, None for no unit or one that is not understood."""
    if text is None or is_dimensionless(text):
        return None
    powers = _powers(text.strip())
    # "deg C" is a temperature and no product
    if not powers or {("deg", 1), ("C", 1)} <= set(powers) or {("deg", 1), ("K", 1)} <= set(powers):
        return None
    return ".".join(symbol if power == 1 else f"{symbol}**{power}" for symbol, power in powers)


def _powers(text: str) -> list[tuple[str, int]] | None:
    """Return symbols with their powers, None when there is anything else."""
    found: list[tuple[str, int]] = []
    # +1 over a line, -1 under it, for what follows; a parenthesis takes it over and gives it back
    sign, place = 1, 0
    outer = [1]
    while place < len(text):
        token = _TOKEN.match(text, place)
        if token is None:
            return None
        place = token.end()
        match token.lastgroup:
            case "open":
                outer.append(sign)
            case "close" if len(outer) > 1:
                outer.pop()
                sign = outer[-1]
            case "over":
                sign = -outer[-1]
            case "times":
                pass
            case _:
                known = _known_symbol(token, sign)
                if known is None:
                    return None
                found += known
    return found if len(outer) == 1 else None


def _known_symbol(token: re.Match[str], sign: int) -> list[tuple[str, int]] | None:
    """Return what a symbol stands for: nothing for things that are counted, None if it is not known."""
    spelled = token["symbol"]
    if spelled is None or spelled in _THINGS:
        return None if spelled is None else []
    symbol = _SPELLINGS.get(spelled, spelled)
    power = sign * int((token["power"] or "1").strip("()"))
    if symbol == "cc":
        return [("cm", 3 * power)]
    return [(symbol, power)] if symbol in _SYMBOLS else None
