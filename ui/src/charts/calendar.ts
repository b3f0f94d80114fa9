/** Round instants for a time axis, on the clock of one time zone. */

import type { Range } from "./scale";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export interface Tick {
  at: number;
  label: string;
  /** The first of a year, month or day: drawn stronger. */
  isStrong: boolean;
}

type Unit = "minute" | "hour" | "day" | "month" | "year";
const STEPS: readonly (readonly [Unit, number, number])[] = [
  ["minute", 5, 5 * MINUTE],
  ["minute", 15, 15 * MINUTE],
  ["hour", 1, HOUR],
  ["hour", 3, 3 * HOUR],
  ["hour", 6, 6 * HOUR],
  ["hour", 12, 12 * HOUR],
  ["day", 1, DAY],
  ["day", 2, 2 * DAY],
  ["day", 7, 7 * DAY],
  ["day", 14, 14 * DAY],
  ["month", 1, 30 * DAY],
  ["month", 3, 91 * DAY],
  ["month", 6, 182 * DAY],
  ["year", 1, 365 * DAY],
  ["year", 5, 1826 * DAY],
];
const LENGTHS: Partial<Record<Unit, number>> = { minute: MINUTE, hour: HOUR };
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const FORMATS = new Map<string, Intl.DateTimeFormat>();

/** Milliseconds that clocks of `zone` are ahead of UTC at an instant. */
export function offset(at: number, zone: string): number {
  const parts = Object.fromEntries(
    formatOf(zone)
      .formatToParts(at)
      .map((part) => [part.type, Number(part.value)]),
  );
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = FORMATS.get(zone);
  if (known) return known;
  const two = "2-digit" as const;
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: two,
    day: two,
    hour: two,
    minute: two,
    second: two,
  });
  FORMATS.set(zone, format);
  return format;
}

/** Round instants within the range, at most `most` of them. */
export function instants([from, to]: Range, most: number, zone: string): Tick[] {
  const [unit, count] = STEPS.find(([, , length]) => (to - from) / length <= most) ?? ["year", 10, 0];
  const found: Tick[] = [];
  let wall = floored(from + offset(from, zone), unit, count);
  for (let turn = 0; turn < 400; turn += 1) {
    const at = wall - offset(wall - offset(wall, zone), zone);
    if (at > to) break;
    if (at >= from) found.push({ at, ...labelOf(wall, unit, !found.length) });
    wall = next(wall, unit, count);
  }
  return found;
}

function floored(wall: number, unit: Unit, count: number): number {
  const date = new Date(wall);
  if (unit === "year") return Date.UTC(Math.floor(date.getUTCFullYear() / count) * count, 0);
  if (unit === "month") return Date.UTC(date.getUTCFullYear(), Math.floor(date.getUTCMonth() / count) * count);
  if (unit in LENGTHS) return Math.floor(wall / (count * LENGTHS[unit]!)) * count * LENGTHS[unit]!;
  // Day 4 of the epoch was a Monday: weeks start there.
  const start = count >= 7 ? 4 * DAY : 0;
  return Math.floor((wall - start) / (count * DAY)) * count * DAY + start;
}

function next(wall: number, unit: Unit, count: number): number {
  const date = new Date(wall);
  if (unit === "year") return Date.UTC(date.getUTCFullYear() + count, 0);
  if (unit === "month") return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + count);
  return wall + count * (LENGTHS[unit] ?? DAY);
}

function labelOf(wall: number, unit: Unit, isFirst: boolean): { label: string; isStrong: boolean } {
  const date = new Date(wall);
  const [year, month, day] = [date.getUTCFullYear(), MONTHS[date.getUTCMonth()] ?? "", date.getUTCDate()];
  if (unit === "year") return { label: String(year), isStrong: true };
  if (unit === "month") {
    const isStrong = isFirst || date.getUTCMonth() === 0;
    return { label: isStrong ? `${month} ${year}` : month, isStrong };
  }
  if (unit === "day") {
    const isStrong = isFirst || (date.getUTCMonth() === 0 && day <= 14);
    return { label: isStrong ? `${day} ${month} ${year}` : `${day} ${month}`, isStrong };
  }
  const isStrong = isFirst || wall % DAY === 0;
  const time = date.toISOString().slice(11, 16);
  return { label: isStrong ? `${day} ${month}, ${time}` : time, isStrong };
}
