/** What a mark is, in words. */

import { wall } from "../../zone";
import type { Spot } from "./spots";

/** All of it in one line, for people who hear it. */
export function inWords(spot: Spot, zone: string): string {
  const until = spot.until ? ` to ${wall(new Date(spot.until), zone)}` : "";
  const by = spot.by ? `, by ${spot.by}` : "";
  const when = `${wall(new Date(spot.at), zone)}${until}${answeredBy(spot)}`;
  return [`${spot.title}${by}. ${when}`, ...spot.notes].join(". ");
}

/** Which version answered a window, where that is known. */
export const answeredBy = ({ version, isPast }: Spot): string =>
  version && `, answered by version ${version}${isPast ? ", which is not live any more" : ""}`;
