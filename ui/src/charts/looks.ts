/** How each thing on the time line looks: a shape and a tone, so that colour never tells alone. */

import type { Happened, Mark } from "../shapes";

export type Shape =
  | "up"
  | "down"
  | "left"
  | "right"
  | "disc"
  | "ring"
  | "cross"
  | "barred"
  | "diamond"
  | "square"
  | "bars"
  | "tick"
  | "hexagon";
export type Tone = "good" | "bad" | "open" | "warn" | "accent" | "quiet";

export interface Look {
  shape: Shape;
  tone: Tone;
  isHollow: boolean;
  /** In words, for the legend. */
  name: string;
}

const look = (shape: Shape, tone: Tone, name: string, isHollow = false): Look => ({ shape, tone, isHollow, name });

const KINDS: Record<string, Look> = {
  "verdict PROMOTE": look("up", "good", "Verdict: promote"),
  "verdict HOLD": look("disc", "open", "Verdict: hold", true),
  "verdict REJECT": look("cross", "bad", "Verdict: reject"),
  released: look("disc", "good", "Released"),
  rolled_back: look("down", "bad", "Rolled back by the rollout"),
  refused: look("barred", "warn", "Release refused"),
  roll_back: look("left", "warn", "A person went back"),
  "decision RETRAIN": look("diamond", "accent", "Decided: train anew"),
  "decision WAIT": look("diamond", "quiet", "Decided: wait", true),
  asked: look("square", "accent", "A person asked", true),
  "approval APPROVE": look("square", "good", "Approved"),
  "approval REJECT": look("square", "bad", "Not approved", true),
  approval: look("square", "warn", "Approval", true),
  pause: look("bars", "warn", "Releases paused"),
  resume: look("right", "good", "Releases resumed"),
  cut_off: look("tick", "quiet", "Data cut-off"),
  blocked: look("barred", "bad", "Data blocked a run"),
  backtest: look("hexagon", "accent", "Backtest", true),
  "verification FAIL": look("cross", "bad", "Bundle not verified"),
};

/** How an event looks. */
export function lookOf(event: Pick<Happened, "kind" | "word">): Look {
  const word = event.word.toUpperCase();
  const exact = KINDS[`${event.kind} ${word}`];
  if (exact) return exact;
  const near = Object.keys(KINDS).find(
    (key) => key.startsWith(`${event.kind} `) && word.startsWith(key.slice(event.kind.length + 1)),
  );
  return KINDS[near ?? event.kind] ?? look("disc", "quiet", event.kind.replace("_", " "), true);
}

/** How a window looks by its level. */
export const LEVELS: Record<Mark["level"], Look> = {
  OK: look("disc", "good", "Window well"),
  WARN: look("up", "warn", "Window warns"),
  ACT: look("diamond", "bad", "Window asks to act"),
  INCONCLUSIVE: look("disc", "quiet", "Window inconclusive", true),
};

/** Rows of events, and what stands in each. */
export const ROWS: readonly { name: string; kinds: readonly Happened["kind"][] }[] = [
  { name: "Data", kinds: ["cut_off", "blocked", "backtest"] },
  { name: "Verdicts", kinds: ["verdict", "verification"] },
  { name: "Releases", kinds: ["released", "rolled_back", "refused", "roll_back"] },
  { name: "Decisions", kinds: ["decision"] },
  { name: "People", kinds: ["asked", "approval", "pause", "resume"] },
];
