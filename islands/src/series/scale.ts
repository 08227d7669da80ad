// An axis of numbers, linear or logarithmic, and its round values.

export interface Scale {
  low: number;
  high: number;
  log: boolean;
}

/** From 0 to 1 within it; NaN for what a logarithm cannot be taken of. */
export function placed(scale: Scale, value: number): number {
  if (!scale.log) return (value - scale.low) / (scale.high - scale.low);
  return value > 0 ? Math.log(value / scale.low) / Math.log(scale.high / scale.low) : NaN;
}

/** With a little room, and never of no width. */
export function scaleOf(low: number, high: number, log: boolean): Scale {
  if (!(low <= high)) return log ? { low: 1, high: 10, log } : { low: 0, high: 1, log };
  if (log) {
    const room = Math.max((high / low) ** 0.05, 1.1);
    return { low: low / room, high: high * room, log };
  }
  const room = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
  return { low: low - room, high: high + room, log };
}

export function roundValues(scale: Scale, most: number): number[] {
  if (scale.log) {
    const [first, last] = [Math.ceil(Math.log10(scale.low) - 1e-9), Math.floor(Math.log10(scale.high) + 1e-9)];
    const step = Math.max(1, Math.ceil((last - first + 1) / Math.max(most, 1)));
    const decades = [];
    for (let power = Math.ceil(first / step) * step; power <= last; power += step) decades.push(Number(`1e${power}`));
    if (decades.length > 1) return decades;
    const between = [1, 2, 3, 5].flatMap((digit) => [first - 1, first, last].map((power) => Number(`${digit}e${power}`)));
    return [...new Set(between)].filter((value) => value >= scale.low && value <= scale.high).sort((a, b) => a - b);
  }
  const raw = (scale.high - scale.low) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw) ?? raw;
  const found = [];
  for (let number = Math.ceil(scale.low / step); number * step <= scale.high && found.length <= most + 1; number += 1) found.push(Number((number * step).toPrecision(12)));
  return found;
}

export function written(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e5 || size < 1e-3) return value.toExponential().replace("e+", "e");
  return String(Number(value.toPrecision(6)));
}
