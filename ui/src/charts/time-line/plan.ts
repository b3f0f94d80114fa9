/** Where everything on the time line stands: plain arithmetic from a `TimeLine` to pixels. */

import type { TimeLine } from "../../shapes";
import { ROWS } from "../looks";
import { extent, type Range, roomy, scale, within } from "../scale";
import { bandOf, type Curve, driftOf, TITLE } from "./curves";
import { apart, BAR, type Bar, barOf, liveOf, pausesOf, ROW, type Spot, spotOf, time } from "./spots";

const GAP = 14;
const HALF_DAY = 43_200_000;

export interface Row {
  title: string;
  top: number;
  spots: readonly Spot[];
}

export interface Plan {
  height: number;
  bars: readonly Bar[];
  rows: readonly Row[];
  /** Where the title above the rows begins; null where there is no row. */
  eventsTop: number | null;
  curves: readonly Curve[];
  pauses: readonly { x: number; width: number }[];
  /** Where another version went live. */
  changes: readonly number[];
  /** Everything that can be pointed at, row by row, each in time's order. */
  spots: readonly Spot[];
}

/** Where all that is open ends: now, on the clock of the data. */
export const endOf = (line: TimeLine): number => (line.until ? time(line.until) : Date.now());

/** From the first to the last instant that the time line knows, with a little room. */
export function whole(line: TimeLine): Range | null {
  const all = extent([
    line.spans.length || line.until ? endOf(line) : null,
    ...line.events.map((one) => time(one.at)),
    ...line.spans.flatMap((one) => [time(one.start), one.end ? time(one.end) : null]),
    ...line.drift.flatMap((one) => [time(one.start), time(one.end)]),
    ...line.bands.flatMap((band) => band.points.map((one) => time(one.end))),
  ]);
  if (!all) return null;
  return all[0] === all[1] ? [all[0] - HALF_DAY, all[1] + HALF_DAY] : roomy(all, 0.015);
}

/** Everything's place for a range of time on so many pixels. */
export function plan(line: TimeLine, range: Range, width: number, metrics: readonly string[]): Plan {
  const x = scale(range, [0, width]);
  const bars = line.spans.flatMap((span) => barOf(span, endOf(line), x, range, TITLE));
  const eventsTop = TITLE + BAR + GAP;
  const rows = rowsOf(line, range, width, eventsTop + TITLE);
  let top = rows.length ? eventsTop + TITLE + rows.length * ROW + GAP : eventsTop;
  const curves: Curve[] = [];
  const put = (curve: Curve) => {
    curves.push(curve);
    top = curve.floor + GAP;
  };
  const live = liveOf(line);
  if (line.drift.length) put(driftOf(line, x, range, top));
  for (const band of line.bands)
    if (metrics.includes(band.metric) && band.points.length) put(bandOf(band, live, x, range, top));
  const spots = [bars.map((bar) => bar.spot), ...rows.map((row) => row.spots), ...curves.map((curve) => curve.spots)];
  return {
    height: top + 2,
    bars,
    rows,
    eventsTop: rows.length ? eventsTop : null,
    curves,
    pauses: pausesOf(line, endOf(line), x, range),
    changes: bars.map((bar) => bar.x).filter((at) => at > 0),
    spots: spots.flatMap((some) => [...some].sort((one, other) => one.x - other.x)),
  };
}

function rowsOf(line: TimeLine, range: Range, width: number, top: number): Row[] {
  const x = scale(range, [0, width]);
  const filled = ROWS.map(({ name, kinds }) => ({
    name,
    events: line.events.filter((one) => kinds.includes(one.kind)),
  }));
  return filled
    .filter(({ events }) => events.length)
    .map(({ name, events }, turn) => {
      const here = top + turn * ROW;
      const seen = events.filter((one) => time(one.at) >= range[0] && time(one.at) <= range[1]);
      // Many marks in little room are smaller, so that each can still be told from its neighbours.
      const size = within(width / (seen.length * 16), [0.6, 0.9]);
      return {
        title: name,
        top: here,
        spots: apart(seen.map((one, number) => ({ ...spotOf(one, x, here, number), size }))),
      };
    });
}
