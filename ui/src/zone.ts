import { useEffect, useState } from "preact/hooks";

/** The zone in which Airflow's pages show times: chosen there by the user, else the browser's. */
export function zone(): string {
  const kept = localStorage.getItem("timezone")?.replace(/^"|"$/g, "");
  return kept && isZone(kept) ? kept : Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function isZone(name: string): boolean {
  try {
    return !!new Intl.DateTimeFormat("en", { timeZone: name });
  } catch {
    return false;
  }
}

let known = zone();
const listeners = new Set<() => void>();
globalThis.addEventListener?.("storage", (event) => {
  if (event.key !== "timezone") return;
  known = zone();
  listeners.forEach((tell) => tell());
});

/** The zone; the component is drawn anew when the user chooses another in Airflow. */
export function useZone(): string {
  const [, draw] = useState(known);
  useEffect(() => {
    const tell = () => draw(known);
    listeners.add(tell);
    return () => void listeners.delete(tell);
  }, []);
  return known;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** An instant in a zone as Airflow writes it: `2026-07-01 06:00`, or the day alone. */
export function wall(at: Date, timeZone: string, { day = false, seconds = false } = {}): string {
  const key = `${timeZone} ${seconds}`;
  const format = formats.get(key) ?? newFormat(timeZone, seconds);
  formats.set(key, format);
  const text = format.format(at).replace(",", "");
  return day ? text.slice(0, 10) : text;
}

const newFormat = (timeZone: string, seconds: boolean): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat("sv-SE", {
    timeZone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds && { second: "2-digit" as const }),
  });

const UNITS: readonly (readonly [number, string])[] = [
  [365.25 * 86400, "year"],
  [30.44 * 86400, "month"],
  [86400, "day"],
  [3600, "hour"],
  [60, "min"],
];

/** A length of time in one unit, in words: `3 days`, `40 min`, `moments`. */
export function length(ms: number): string {
  const seconds = Math.abs(ms) / 1000;
  // Three months are "90 days" up to here: people count releases in days.
  const [size, word] = UNITS.find(
    ([unit, name]) => seconds >= unit * (name === "month" ? 4 : name === "year" ? 2 : 1),
  ) ?? [0, ""];
  if (!size) return "moments";
  const count = Math.round(seconds / size);
  return `${count} ${word}${count === 1 || word === "min" ? "" : "s"}`;
}

/** How far an instant is from now, in words: `3 days ago`, `in 2 hours`. */
export const distance = (at: Date, now = Date.now()): string =>
  at.getTime() > now ? `in ${length(at.getTime() - now)}` : `${length(now - at.getTime())} ago`;
