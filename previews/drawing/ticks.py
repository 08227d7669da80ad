"""Where ticks stand and what is written at them, without markup: superscripts are letters of their own."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Final

from epntap.instants.leapseconds import DAY_NS

__all__ = ["linear_ticks", "log_ticks", "number_text", "power_text", "time_ticks"]

_SUPERSCRIPT = str.maketrans("-0123456789", "\u207b\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MS: Final = 1_000_000
_S: Final = 1000 * _MS
_MIN: Final = 60 * _S
_HOUR: Final = 60 * _MIN
_STEPS: Final = (
    *(digit * 10**power for power in range(3, 9) for digit in (1, 2, 5)),
    *(number * _S for number in (1, 2, 5, 10, 15, 30)),
    *(number * _MIN for number in (1, 2, 5, 10, 15, 30)),
    *(number * _HOUR for number in (1, 2, 3, 6, 12)),
    *(number * DAY_NS for number in (1, 2, 5, 10)),
)
_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 240)
_MONTH_NS: Final = 30 * DAY_NS


def time_ticks(start: int, stop: int, most: int) -> tuple[list[int], list[str], str]:
    """Labels (nanoseconds since 2000-01-01) where ticks stand, what is written there, and what is the same for all."""
    span = stop - start
    step = next((one for one in _STEPS if span // one <= most), None)
    if step is None or step > 2 * DAY_NS:
        return _month_ticks(start, stop, most) if span > most * 10 * DAY_NS else _day_ticks(start, stop, most)
    if step >= DAY_NS:
        return _day_ticks(start, stop, most)
    ticks = list(range(-(-start // step) * step, stop + 1, step))
    form = "%H:%M" if step >= _MIN else "%H:%M:%S"
    decimals = 0 if step >= _S else (3 if step >= _MS else 6)
    first, last = _at(start), _at(max(stop - 1, start))
    with_date = first.date() != last.date()
    texts = []
    for tick in ticks:
        text = _at(tick).strftime(form)
        if decimals:
            text += f".{tick % _S:09d}"[: decimals + 1]
        texts.append(f"{text}\n{_at(tick):%b %d}" if with_date and tick % DAY_NS == 0 else text)
    return ticks, texts, f"{first:%Y-%m-%d}" + (f" to {last:%Y-%m-%d}" if with_date else "")


def _day_ticks(start: int, stop: int, most: int) -> tuple[list[int], list[str], str]:
    days = next(number for number in (1, 2, 5, 10, 20) if (stop - start) // (number * DAY_NS) <= most or number == 20)
    first, last = _at(start), _at(stop)
    ticks, texts = [], []
    day = first.replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= last:
        # the same days of every month, so that ticks mean something
        if (day.day - 1) % days == 0 and (days == 1 or day.day <= 31 - days // 2):
            ticks.append(_label(day))
            texts.append(f"{day:%b %d}")
        day += timedelta(days=1)
    return (
        [one for one in ticks if start <= one <= stop],
        [text for one, text in zip(ticks, texts, strict=True) if start <= one <= stop],
        f"{first:%Y}" + (f" to {last:%Y}" if first.year != last.year else ""),
    )


def _month_ticks(start: int, stop: int, most: int) -> tuple[list[int], list[str], str]:
    months = next((one for one in _MONTHS if (stop - start) // (one * _MONTH_NS) <= most), _MONTHS[-1])
    first, last = _at(start), _at(stop)
    number = first.year * 12 + first.month - 1
    number -= number % months
    ticks, texts = [], []
    while number <= last.year * 12 + last.month - 1:
        if 1 <= number // 12 <= 9999:
            begin = datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)
            if start <= _label(begin) <= stop:
                ticks.append(_label(begin))
                texts.append(f"{begin:%Y}" if months >= 12 else f"{begin:%Y-%m}")
        number += months
    return ticks, texts, ""


def _at(label: int) -> datetime:
    return _EPOCH + timedelta(microseconds=label // 1000)


def _label(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1000


def log_ticks(low: float, high: float, most: int) -> tuple[list[float], list[str], list[float]]:
    """Powers of ten between two positive numbers, what is written there, and the small ticks between them."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, -(-(last - first + 1) // max(most, 1)))
    if last - first < 1:
        ticks = [
            digit * 10.0**power
            for power in range(first - 1, last + 2)
            for digit in (1, 2, 5)
            if low <= digit * 10.0**power <= high
        ][: max(most, 2)]
        return ticks, [number_text(one) for one in ticks], []
    powers = [number for number in range(first, last + 1) if number % every == 0]
    small = (
        [digit * 10.0**power for power in range(first - 1, last + 1) for digit in range(2, 10)] if every == 1 else []
    )
    return [10.0**one for one in powers], [power_text(one) for one in powers], [x for x in small if low <= x <= high]


def power_text(power: int) -> str:
    """A power of ten."""
    if -1 <= power <= 3:
        return f"{10.0**power:g}"
    return "10" + str(power).translate(_SUPERSCRIPT)


def number_text(value: float, step: float | None = None) -> str:
    """A number at a tick; `step` is from one tick to the next."""
    if value == 0:
        return "0"
    size = abs(value)
    if 1e-3 <= size < 1e6:
        if step:
            decimals = max(0, -math.floor(math.log10(step) + 1e-9))
            return f"{value:.{min(decimals, 6)}f}".replace("-", "\u2212")
        return f"{value:.6g}".replace("-", "\u2212")
    power = math.floor(math.log10(size))
    digits = max(0, power - math.floor(math.log10(step) + 1e-9)) if step else 3
    mantissa = f"{value / 10.0**power:.{min(digits, 6)}f}".replace("-", "\u2212")
    if not step:
        mantissa = mantissa.rstrip("0").rstrip(".")
    tens = "10" + str(power).translate(_SUPERSCRIPT)
    return tens if mantissa == "1" else f"{mantissa}\u00d7{tens}"


def linear_ticks(low: float, high: float, most: int) -> tuple[list[float], list[str], str]:
    """Round numbers between two, what is written there, and the power of ten that all are to be multiplied by."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low], [number_text(low)], ""
    power = math.floor(math.log10(span / most))
    step = next(one for one in (digit * 10.0**power for digit in (1, 2, 5, 10, 20)) if span / one <= most)
    first = math.ceil(low / step - 1e-9)
    ticks = [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]
    largest = max(abs(low), abs(high))
    if 1e-3 <= largest < 1e5:
        return ticks, [number_text(one, step) for one in ticks], ""
    common = math.floor(math.log10(largest))
    decimals = min(max(0, common - math.floor(math.log10(step) + 1e-9)), 6)
    texts = [f"{one / 10.0**common:.{decimals}f}".replace("-", "\u2212") for one in ticks]
    return ticks, texts, "\u00d710" + str(common).translate(_SUPERSCRIPT)
