/** Moving from mark to mark by arrow keys, as on a map. */

import type { Spot } from "./spots";

/** The place of the spot that an arrow key leads to; null where the key leads nowhere. */
export function nextPlace(spots: readonly Spot[], from: number, key: string): number | null {
  const here = spots[from];
  if (!here) return null;
  const row = spots.flatMap((spot, place) => (spot.row === here.row ? [place] : []));
  const turn = row.indexOf(from);
  if (key === "ArrowRight") return row[turn + 1] ?? null;
  if (key === "ArrowLeft") return row[turn - 1] ?? null;
  if (key === "Home") return row[0] ?? null;
  if (key === "End") return row.at(-1) ?? null;
  if (key === "ArrowDown")
    return nearest(spots, here, Math.min(...spots.map((spot) => spot.row).filter((one) => one > here.row)));
  if (key === "ArrowUp")
    return nearest(spots, here, Math.max(...spots.map((spot) => spot.row).filter((one) => one < here.row)));
  return null;
}

function nearest(spots: readonly Spot[], here: Spot, row: number): number | null {
  let best: number | null = null;
  spots.forEach((spot, place) => {
    if (spot.row !== row) return;
    if (best === null || Math.abs(spot.x - here.x) < Math.abs(spots[best]!.x - here.x)) best = place;
  });
  return best;
}
