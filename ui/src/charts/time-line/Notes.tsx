/** What the windows' marks need to be told beside their shapes. */

import type { TimeLine } from "../../shapes";
import type { Plan } from "./plan";

/** Nothing where nothing that is seen needs it. */
export function Notes({ line, plan }: { line: TimeLine; plan: Plan }) {
  const act = line.drift_act;
  const isAbove = act !== null && line.drift.some((one) => one.level === "WARN" && (one.value ?? 0) >= act);
  return (
    <>
      {isAbove && (
        <p class="muted small-text">
          Why a window above the line “act” may only warn: drift asks to act where predictions, or columns that hold
          enough of the importance together, are surely beyond that line. Columns that matter less only warn, however
          far they are.
        </p>
      )}
      {plan.spots.some((spot) => spot.isPast) && (
        <p class="muted small-text">Faded: windows that a version answered which is not live any more.</p>
      )}
    </>
  );
}
