/** A value with its interval against a threshold, on a line. */

import { extent, type Range, roomy, scale, within } from "./scale";

export interface Interval {
  value: number | null;
  lower: number | null;
  upper: number | null;
}

interface Props extends Interval {
  /** Common to all rows of a table, else made from the numbers. */
  domain?: Range;
  threshold?: number | null;
  /** On which side of the threshold it is met; 0: not known. */
  met?: -1 | 0 | 1;
  /** Another number to see beside it: the champion's, or no difference. */
  other?: number | null;
  tone?: "good" | "bad" | "open" | "accent" | "quiet";
  width?: number;
  /** Everything in words. */
  says: string;
}

const HEIGHT = 28;
const MIDDLE = HEIGHT / 2;

/** A range that shows all of them. */
export function domainOf(all: readonly (number | null | undefined)[]): Range {
  return roomy(extent(all) ?? [0, 1], 0.08);
}

/** Draws what is known of the numbers. */
export function IntervalPlot({
  value,
  lower,
  upper,
  domain,
  threshold,
  met = 0,
  other,
  tone = "accent",
  width = 200,
  says,
}: Props) {
  const shown = domain ?? domainOf([value, lower, upper, threshold, other]);
  const x = scale(shown, [6, width - 6]);
  const at = (number: number) => x(within(number, shown));
  const edge = threshold === null || threshold === undefined ? null : at(threshold);
  return (
    <svg
      class={`ch-interval ch-${tone}`}
      role="img"
      aria-label={says}
      viewBox={`0 0 ${width} ${HEIGHT}`}
      width={width}
      height={HEIGHT}
    >
      <title>{says}</title>
      <line class="ch-grid" x1={0} x2={width} y1={MIDDLE} y2={MIDDLE} />
      {edge !== null && met !== 0 && (
        <rect class="ch-met" x={met > 0 ? edge : 0} y={2} width={met > 0 ? width - edge : edge} height={HEIGHT - 4} />
      )}
      {edge !== null && <line class="ch-edge" x1={edge} x2={edge} y1={1} y2={HEIGHT - 1} />}
      {other !== null && other !== undefined && (
        <path class="ch-other" d={`M${at(other)},${MIDDLE - 5}l4,5l-4,5l-4,-5Z`} />
      )}
      {lower !== null && upper !== null && (
        <path
          class="ch-whisker"
          d={`M${at(lower)},${MIDDLE - 5}v10M${at(lower)},${MIDDLE}H${at(upper)}M${at(upper)},${MIDDLE - 5}v10`}
        />
      )}
      {value !== null && <circle class="ch-dot" cx={at(value)} cy={MIDDLE} r={4} />}
    </svg>
  );
}

/** The scale of a column of intervals, for its head. */
export function IntervalAxis({
  domain,
  numbers,
  shown,
  width = 200,
}: {
  domain: Range;
  numbers: readonly number[];
  shown: (value: number) => string;
  width?: number;
}) {
  const x = scale(domain, [6, width - 6]);
  return (
    <svg class="ch-interval-axis" aria-hidden="true" viewBox={`0 0 ${width} 16`} width={width} height={16}>
      {numbers.map((number) => (
        <text key={number} x={within(x(number), [18, width - 18])} y={12} text-anchor="middle">
          {shown(number)}
        </text>
      ))}
    </svg>
  );
}
