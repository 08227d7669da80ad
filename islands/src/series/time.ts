// Times of a plot: milliseconds since 1970 by the clock (UTC), which doubles hold to a quarter of a microsecond.

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** What instants of the service are within, and TT2000 holds. */
export const FIRST = Date.UTC(1708, 0, 1);
export const LAST = Date.UTC(2292, 0, 1);

export interface Span {
  start: number;
  stop: number;
}

const STEPS = [
  ...[0.001, 0.01, 0.1, 1, 10, 100].flatMap((one) => [one, 2 * one, 5 * one]),
  ...[1, 2, 5, 10, 15, 30].map((one) => one * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((one) => one * MINUTE),
  ...[1, 2, 3, 6, 12].map((one) => one * HOUR),
  ...[1, 2, 5, 10].map((one) => one * DAY),
];
/** Steps of the calendar, in months. */
const MONTHS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200];

export interface Tick {
  at: number;
  label: string;
  /** the day, or year, that has begun since the tick before; empty for the same one */
  below: string;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** As the service writes and reads instants, to the millisecond. */
export function instant(time: number): string {
  return new Date(Math.round(Math.min(Math.max(time, FIRST), LAST))).toISOString().slice(0, -1);
}

export function spoken(time: number): string {
  return instant(time).replace("T", " ").replace(/\.000$/, "");
}

/** NaN for what is no instant. */
export function parsed(text: string): number {
  return Date.parse(/T/.test(text) ? `${text}Z` : text);
}

function dayOf(time: number): string {
  return new Date(Math.floor(time)).toISOString().slice(0, 10);
}

function clock(time: number, step: number): string {
  const date = new Date(Math.floor(time));
  const minutes = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}`;
  if (step >= MINUTE) return minutes;
  const decimals = Math.max(0, Math.ceil(3 - Math.log10(Math.max(step, 0.001)) - 1e-9));
  const seconds = date.getUTCSeconds() + (time - Math.floor(time / SECOND) * SECOND) / SECOND;
  return `${minutes}:${seconds.toFixed(Math.min(decimals, 6)).padStart(decimals ? 3 + Math.min(decimals, 6) : 2, "0")}`;
}

/** Round instants within, `most` at most. */
export function ticks(span: Span, most: number): Tick[] {
  const least = (span.stop - span.start) / Math.max(most, 1);
  const step = STEPS.find((one) => one >= least);
  const found: Tick[] = [];
  let before = "";
  if (step !== undefined) {
    for (let at = Math.ceil(span.start / step) * step; at <= span.stop && found.length <= most; at += step) {
      // steps of less than a millisecond add up to less than themselves
      const exact = Math.round(at / step) * step;
      const day = dayOf(exact + 1e-6);
      found.push(step >= DAY ? { at: exact, label: day.slice(5), below: day.slice(0, 4) === before ? "" : day.slice(0, 4) } : { at: exact, label: clock(exact + 1e-6, step), below: day === before ? "" : day });
      before = step >= DAY ? day.slice(0, 4) : day;
    }
    return found;
  }
  const months = MONTHS.find((one) => one * 30.5 * DAY >= least) ?? 2400;
  const first = new Date(Math.floor(span.start));
  let month = Math.floor((first.getUTCFullYear() * 12 + first.getUTCMonth()) / months) * months;
  for (; found.length <= most; month += months) {
    const date = new Date(0);
    date.setUTCFullYear(Math.floor(month / 12), month % 12, 1);
    const at = date.getTime();
    if (at > span.stop) break;
    if (at < span.start) continue;
    const year = String(date.getUTCFullYear()).padStart(4, "0");
    found.push(months >= 12 ? { at, label: year, below: "" } : { at, label: date.toLocaleString("en", { month: "short", timeZone: "UTC" }), below: year === before ? "" : year });
    before = year;
  }
  return found;
}

/** A length in words. */
export function length(milliseconds: number): string {
  for (const [size, unit] of [[365.25 * DAY, "years"], [DAY, "days"], [HOUR, "h"], [MINUTE, "min"], [SECOND, "s"]] as const) {
    if (milliseconds >= 2 * size || (milliseconds >= size && unit !== "years" && unit !== "days")) return `${Number((milliseconds / size).toPrecision(3))} ${unit}`;
  }
  return `${Number(milliseconds.toPrecision(3))} ms`;
}
