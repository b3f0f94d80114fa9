/** What stands around the plot: buttons above it, dates below it. */

import type { Tick } from "../calendar";
import type { Range, Scale } from "../scale";
import { LENGTHS, type Moving } from "./moving";

interface ToolsProps {
  moving: Moving;
  says: string;
  metrics: readonly string[];
  chosen: readonly string[];
  choose: (metrics: readonly string[]) => void;
}

/** How much time is shown, and which metrics. */
export function Tools({ moving, says, metrics, chosen, choose }: ToolsProps) {
  const turn = (metric: string) =>
    choose(metrics.filter((one) => (one === metric ? !chosen.includes(one) : chosen.includes(one))));
  return (
    <div class="ch-tools">
      <div role="group" aria-label="How much time is shown" class="ch-group">
        <button
          type="button"
          class="small"
          aria-label="Earlier"
          disabled={!moving.canMove(-1)}
          onClick={() => moving.move(-0.5)}
        >
          ‹
        </button>
        {LENGTHS.map(([name]) => (
          <button
            key={name}
            type="button"
            class="small"
            aria-pressed={moving.length === name}
            onClick={() => moving.show(name)}
          >
            {name}
          </button>
        ))}
        <button
          type="button"
          class="small"
          aria-label="Later"
          disabled={!moving.canMove(1)}
          onClick={() => moving.move(0.5)}
        >
          ›
        </button>
      </div>
      <span class="muted number" role="status">
        {says}
      </span>
      {metrics.length > 1 && (
        <div role="group" aria-label="Metrics that are shown" class="ch-group ch-right">
          {metrics.map((metric) => (
            <button
              key={metric}
              type="button"
              class="small"
              aria-pressed={chosen.includes(metric)}
              onClick={() => turn(metric)}
            >
              {metric}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

/** Dates below the plot. */
export function Axis({ ticks, x, y, width }: { ticks: readonly Tick[]; x: Scale; y: number; width: number }) {
  return (
    <g class="ch-axis" aria-hidden="true">
      <line x1={0} x2={width} y1={y} y2={y} />
      {ticks
        .filter((tick) => x(tick.at) < width - 34)
        .map((tick) => (
          <text key={tick.at} class={tick.isStrong ? "ch-strong" : ""} x={x(tick.at) + 3} y={y + 16}>
            {tick.label}
          </text>
        ))}
    </g>
  );
}

/** The part that is being chosen. */
export function Selection({ shown, height }: { shown: Range; height: number }) {
  return <rect class="ch-selection" x={shown[0]} y={0} width={shown[1] - shown[0]} height={height} />;
}
