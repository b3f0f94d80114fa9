import { figure, signed } from "../../parts/Figure";
import type { LastVerdict, Number as GateNumber } from "../../shapes";

/**
 * The number that decided, in words: `log_loss +0.025, at worst +0.0072, 0.010 worse allowed` for a gain over the
 * champion, `calibration_error 0.180, at most 0.120 asked` for a bound on the metric itself, which no interval moves.
 */
export function held(number: GateNumber, outcome: LastVerdict["outcome"]): string {
  const { metric, is_gain, value } = number;
  const parts = is_gain ? [signed(value), sure(number, outcome), wanted(number)] : [figure(value), asked(number)];
  return `${metric} ${parts.filter(Boolean).join(", ")}`;
}

/** The bound that a verdict rests on: the lower one lets go live, the upper one rejects, both leave it open. */
function sure({ lower, upper }: GateNumber, outcome: LastVerdict["outcome"]): string {
  const worst = lower === null ? "" : `at worst ${signed(lower)}`;
  const best = upper === null ? "" : `at best ${signed(upper)}`;
  if (outcome === "PROMOTE") return worst;
  if (outcome === "REJECT") return best;
  return worst && best ? `between ${signed(lower)} and ${signed(upper)}` : worst || best;
}

function wanted({ threshold }: GateNumber): string {
  if (threshold === null) return "";
  if (threshold > 0) return `${signed(threshold)} asked`;
  return threshold < 0 ? `${figure(-threshold)} worse allowed` : "no worse allowed";
}

const asked = ({ threshold, side }: GateNumber): string =>
  threshold === null ? "" : `${side && `at ${side} `}${figure(threshold)} asked`;
