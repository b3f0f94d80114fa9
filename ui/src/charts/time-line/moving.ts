/** Which part of time is shown: by buttons, by keys and by dragging. */

import { useState } from "preact/hooks";
import { DAY } from "../calendar";
import type { Range } from "../scale";

export const LENGTHS: readonly (readonly [string, number])[] = [
  ["3 months", 92 * DAY],
  ["1 year", 366 * DAY],
  ["All", Infinity],
];
const SHORTEST = DAY / 4;

export interface Moving {
  range: Range;
  /** Which of the lengths is shown; undefined after a drag. */
  length: string | undefined;
  show: (length: string) => void;
  zoom: (to: Range) => void;
  /** Moves by a share of what is shown. */
  move: (share: number) => void;
  /** Shows a longer or a shorter time around an instant. */
  scaleBy: (factor: number, around: number) => void;
  canMove: (share: number) => boolean;
}

/** Starts with a year, or everything where that is little more. */
export function useMoving(full: Range): Moving {
  const [chosen, choose] = useState<string | Range>(full[1] - full[0] > 460 * DAY ? "1 year" : "All");
  const range = typeof chosen === "string" ? lastOf(full, chosen) : chosen;
  const zoom = (to: Range) => {
    const width = Math.min(Math.max(to[1] - to[0], SHORTEST), full[1] - full[0]);
    const from = Math.min(Math.max((to[0] + to[1] - width) / 2, full[0]), full[1] - width);
    choose(width >= full[1] - full[0] ? "All" : [from, from + width]);
  };
  const width = range[1] - range[0];
  return {
    range,
    length: typeof chosen === "string" ? chosen : undefined,
    show: choose,
    zoom,
    move: (share) => zoom([range[0] + share * width, range[1] + share * width]),
    scaleBy: (factor, around) => zoom([around - (around - range[0]) * factor, around + (range[1] - around) * factor]),
    canMove: (share) => (share < 0 ? range[0] > full[0] + 1 : range[1] < full[1] - 1),
  };
}

function lastOf(full: Range, length: string): Range {
  const most = LENGTHS.find(([name]) => name === length)?.[1] ?? Infinity;
  return [Math.max(full[0], full[1] - most), full[1]];
}
