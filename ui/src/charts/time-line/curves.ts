/** Drift and metrics over windows: a line of marks against what they are held against. */

import type { Band, Mark, TimeLine } from "../../shapes";
import { LEVELS } from "../looks";
import { extent, type Range, roomy, scale, type Scale, short, within } from "../scale";
import { liveOf, query, type Spot, time } from "./spots";

export const TITLE = 26;
export const CURVE = 96;

/** A horizontal line with its name. */
export interface Line {
  y: number;
  text: string;
  tone: "warn" | "bad" | "quiet" | "reference";
}

/** One lane of windows. */
export interface Curve {
  title: string;
  hint: string;
  top: number;
  floor: number;
  lines: readonly Line[];
  spots: readonly Spot[];
  path: string;
  area: string;
}

export const LEVEL_WORDS = { OK: "well", WARN: "warns", ACT: "asks to act", INCONCLUSIVE: "inconclusive" } as const;

type Named = readonly (readonly [number | null, string, Line["tone"]])[];

/** The drift lane. */
export function driftOf(line: TimeLine, x: Scale, range: Range, top: number): Curve {
  const marks = line.drift.filter((one) => isIn(one, range));
  const unit = line.drift_method.toUpperCase();
  const highest = extent([0, line.drift_act, line.drift_warn, ...marks.map((one) => one.value)]) ?? [0, 1];
  const floor = top + TITLE + CURVE;
  const y = scale([0, highest[1] * 1.12 || 1], [floor, top + TITLE]);
  const live = liveOf(line);
  const spots = marks.map((one) => markSpot(one, live, "Drift", unit, x, y, floor));
  const lines = linesOf(y, [
    [0, "", "quiet"],
    [line.drift_warn, "warn", "warn"],
    [line.drift_act, "act", "bad"],
  ]);
  const hint = `largest distance of a column that counts${unit && `, ${unit}`}; less is better`;
  return { title: "Drift", hint, top, floor, spots, lines, path: pathOf(marks, spots), area: "" };
}

/** The lane of a metric, with its confidence band; `live` are versions. */
export function bandOf(band: Band, live: ReadonlySet<string>, x: Scale, range: Range, top: number): Curve {
  const points = band.points.filter((one) => isIn(one, range));
  const floor = top + TITLE + CURVE;
  const y = scale(domainOf(band), [floor, top + TITLE]);
  const spots = points.map((one) => pointSpot(one, live, band.metric, x, y, floor));
  const lines = linesOf(y, [
    [band.reference, "holdout", "reference"],
    [band.warn, "warn", "warn"],
    [band.act, "act", "bad"],
  ]);
  const hint = `${band.more_is_better ? "more" : "less"} is better`;
  return {
    title: band.metric,
    hint,
    top,
    floor,
    spots,
    lines,
    path: pathOf(points, spots),
    area: areaOf(points, spots, y),
  };
}

const isIn = (one: { end: string }, range: Range) => time(one.end) >= range[0] && time(one.end) <= range[1];

type Live = ReadonlySet<string>;

function markSpot(mark: Mark, live: Live, what: string, unit: string, x: Scale, y: Scale, floor: number): Spot {
  const value = mark.value === null ? "" : ` ${short(mark.value)}${unit && ` ${unit}`}`;
  return {
    id: `${what} ${mark.window}`,
    row: floor,
    x: x((time(mark.start) + time(mark.end)) / 2),
    y: mark.value === null ? floor : y(mark.value),
    at: mark.start,
    until: mark.end,
    title: `${what}${value}: ${LEVEL_WORDS[mark.level]}`,
    notes: mark.reasons,
    by: "",
    version: mark.version,
    isPast: live.size > 0 && !!mark.version && !live.has(mark.version),
    why: query({ window: mark.window }),
    look: LEVELS[mark.level],
    size: 0.75,
  };
}

function pointSpot(one: Band["points"][number], live: Live, metric: string, x: Scale, y: Scale, floor: number): Spot {
  const interval =
    one.lower !== null && one.upper !== null
      ? [`between ${short(one.lower)} and ${short(one.upper)}, as far as one can tell`]
      : [];
  const estimated = one.is_estimated ? ["estimated: the labels are not known yet"] : [];
  const reasons = [...interval, ...estimated, `${one.rows.toLocaleString("en")} rows`];
  const spot = markSpot({ ...one, reasons }, live, metric, "", x, y, floor);
  return one.is_estimated
    ? { ...spot, look: { ...spot.look, isHollow: true, name: `${spot.look.name}, estimated` } }
    : spot;
}

/** Values and lines always fit; a very wide interval is cut off rather than flattening everything else. */
function domainOf(band: Band): Range {
  const core = extent([band.reference, band.warn, band.act, ...band.points.map((one) => one.value)]) ?? [0, 1];
  const all = extent([...core, ...band.points.flatMap((one) => [one.lower, one.upper])]) ?? core;
  const room = (core[1] - core[0]) * 0.6 || Math.abs(core[1]) * 0.1;
  return roomy([Math.max(all[0], core[0] - room), Math.min(all[1], core[1] + room)], 0.06);
}

function linesOf(y: Scale, named: Named): Line[] {
  return named.flatMap(([value, name, tone]) =>
    value === null ? [] : [{ y: y(value), text: `${name} ${short(value)}`.trim(), tone }],
  );
}

/** Lifts the pen where a window has no value. */
function pathOf(marks: readonly { value: number | null }[], spots: readonly Spot[]): string {
  const isKnown = (turn: number) => marks[turn] !== undefined && marks[turn].value !== null;
  return spots
    .map((spot, turn) =>
      isKnown(turn) ? `${isKnown(turn - 1) ? "L" : "M"}${spot.x.toFixed(1)},${spot.y.toFixed(1)}` : "",
    )
    .join("");
}

function areaOf(points: Band["points"], spots: readonly Spot[], y: Scale): string {
  const edges = points.flatMap(({ lower, upper }, turn) => {
    const x = spots[turn]?.x.toFixed(1);
    if (lower === null || upper === null || x === undefined) return [];
    return [
      [`${x},${y(within(upper, y.domain)).toFixed(1)}`, `${x},${y(within(lower, y.domain)).toFixed(1)}`] as const,
    ];
  });
  if (edges.length < 2) return "";
  return `M${[...edges.map(([upper]) => upper), ...edges.map(([, lower]) => lower).reverse()].join("L")}Z`;
}
