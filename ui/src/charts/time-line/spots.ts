/** Things on the time line that can be pointed at: champions, events and pauses. */

import type { Happened, Span, TimeLine } from "../../shapes";
import { lookOf, type Look } from "../looks";
import { type Range, type Scale, within } from "../scale";

/** Something that can be pointed at, or reached by arrow keys. */
export interface Spot {
  id: string;
  /** Spots of one row are beside each other; rows go down. */
  row: number;
  x: number;
  y: number;
  at: string;
  until: string | null;
  title: string;
  notes: readonly string[];
  by: string;
  /** Which version it is about; "" where the title says it, or nobody knows. */
  version: string;
  /** Whether it is about a version that is not live any more. */
  isPast: boolean;
  /** Query of the page that tells why. */
  why: string;
  look: Look;
  /** 1 is 12 pixels wide. */
  size: number;
}

/** A version while it was live. */
export interface Bar {
  x: number;
  width: number;
  y: number;
  span: Span;
  isLive: boolean;
  spot: Spot;
}

export const BAR = 28;
export const ROW = 26;

export const time = (at: string): number => Date.parse(at);

/** The query of a page that tells why, without what is empty. */
export function query(words: Record<string, string>): string {
  return new URLSearchParams(Object.entries(words).filter(([, value]) => value)).toString();
}

/** What is live now; empty where nothing is. */
export const liveOf = (line: TimeLine): ReadonlySet<string> =>
  new Set(line.spans.filter((span) => !span.end).map((span) => span.version));

/** The bar of a champion, up to `now` where it is live; none where it lies outside of the range. */
export function barOf(span: Span, now: number, x: Scale, range: Range, y: number): Bar[] {
  const [start, end] = [time(span.start), span.end ? time(span.end) : now];
  if (end < range[0] || start > range[1]) return [];
  const from = x(within(start, range));
  const width = Math.max(x(within(end, range)) - from, span.end ? 2 : 6);
  const isLive = !span.end;
  const spot: Spot = {
    id: `live ${span.target} ${span.generation}`,
    row: 0,
    x: from + Math.min(width / 2, 60),
    y: y + BAR / 2,
    at: span.start,
    until: span.end,
    title: `Version ${span.version} ${isLive ? "is" : "was"} live`,
    notes: [`generation ${span.generation}${span.target ? ` on ${span.target}` : ""}`],
    by: "",
    version: "",
    isPast: false,
    why: query({ generation: String(span.generation), target: span.target }),
    look: { shape: "square", tone: "accent", isHollow: !isLive, name: "Live" },
    size: 0.8,
  };
  return [{ x: from, width, y, span, isLive, spot }];
}

/** An event in the row that begins at `top`. */
export function spotOf(event: Happened, x: Scale, top: number, turn: number): Spot {
  return {
    id: `${event.kind} ${event.recorded_at} ${turn}`,
    row: top,
    x: x(time(event.at)),
    y: top + ROW / 2,
    at: event.at,
    until: null,
    title: event.title,
    notes: event.reasons,
    by: event.by,
    version: "",
    isPast: false,
    why: event.why,
    look: lookOf(event),
    size: 0.9,
  };
}

const CLOSE = 5;
const BESIDE = 10;

/** Spots of a row that would lie on each other stand beside each other. */
export function apart(row: readonly Spot[]): Spot[] {
  const groups: Spot[][] = [];
  for (const spot of [...row].sort((one, other) => one.x - other.x)) {
    const last = groups.at(-1);
    if (last?.[0] && spot.x - last[0].x < CLOSE) last.push(spot);
    else groups.push([spot]);
  }
  return groups.flatMap((group) =>
    group.map((spot, turn) => ({ ...spot, x: spot.x + (turn - (group.length - 1) / 2) * BESIDE })),
  );
}

/** From when to when releases were paused. */
export function pausesOf(line: TimeLine, now: number, x: Scale, range: Range): { x: number; width: number }[] {
  const found: { x: number; width: number }[] = [];
  let since: number | null = null;
  const close = (end: number) => {
    if (since === null || end < range[0] || since > range[1]) return;
    const from = x(within(since, range));
    found.push({ x: from, width: Math.max(x(within(end, range)) - from, 2) });
  };
  for (const one of line.events) {
    if (one.kind === "pause") since ??= time(one.at);
    if (one.kind !== "resume") continue;
    close(time(one.at));
    since = null;
  }
  close(now);
  return found;
}
