/** Names of lanes, rows and lines, left of the plot; they stay when the plot is scrolled. */

import { type Curve, TITLE } from "./curves";
import type { Plan } from "./plan";
import { BAR, ROW } from "./spots";

export const GUTTER = 88;
const APART = 13;

/** Titles reach over the plot: their strip has no marks. */
export function Gutter({ plan, height }: { plan: Plan; height: number }) {
  return (
    <svg class="ch-gutter" width={GUTTER} height={height} aria-hidden="true">
      <Title y={0} title="Live" hint="which version was the champion" />
      <text class="ch-name" x={0} y={TITLE + BAR / 2 + 4}>
        Champion
      </text>
      {plan.eventsTop !== null && <Title y={plan.eventsTop} title="What happened" hint="" />}
      {plan.rows.map((row) => (
        <text key={row.title} class="ch-name" x={0} y={row.top + ROW / 2 + 4}>
          {row.title}
        </text>
      ))}
      {plan.curves.map((curve) => (
        <g key={curve.title}>
          <Title y={curve.top} title={curve.title} hint={curve.hint} />
          {named(curve).map(({ text, tone, at }) => (
            <text key={text} class={`ch-value ch-text-${tone}`} x={GUTTER - 8} y={at + 4} text-anchor="end">
              {text}
            </text>
          ))}
        </g>
      ))}
    </svg>
  );
}

function Title({ y, title, hint }: { y: number; title: string; hint: string }) {
  return (
    <text x={0} y={y + 16}>
      <tspan class="ch-title">{title}</tspan>
      {hint && <tspan class="ch-hint"> {hint}</tspan>}
    </text>
  );
}

/** The lines' names, pushed apart where they would lie on each other, within the lane. */
function named(curve: Curve): { text: string; tone: string; at: number }[] {
  const sorted = [...curve.lines].sort((one, other) => one.y - other.y);
  let above = curve.top + TITLE - APART;
  const down = sorted.map((line) => {
    above = Math.max(line.y, above + APART);
    return { ...line, at: above };
  });
  let below = curve.floor + APART;
  for (const line of down.reverse()) {
    line.at = Math.min(line.at, below - APART);
    below = line.at;
  }
  return down;
}
