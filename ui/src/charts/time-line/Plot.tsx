/** The drawing of the time line: bars, marks and curves on one axis of time. */

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { page, why as addressOf } from "../../address";
import type { Tick } from "../calendar";
import { Glyph } from "../Glyph";
import type { Scale } from "../scale";
import { type Curve, TITLE } from "./curves";
import type { Plan } from "./plan";
import { BAR, type Bar, ROW, type Spot } from "./spots";
import { inWords } from "./inWords";

interface Props {
  plan: Plan;
  x: Scale;
  width: number;
  ticks: readonly Tick[];
  pipeline: string;
  zone: string;
}

/** Everything but what follows the pointer. */
export function Plot({ plan, x, width, ticks, pipeline, zone }: Props) {
  const hatch = useId();
  const last = plan.rows.at(-1);
  const pausedTo = last ? last.top + ROW : TITLE + BAR;
  const place = new Map(plan.spots.map((spot, turn) => [spot, turn]));
  const mark = (spot: Spot) => (
    <Mark key={spot.id} spot={spot} place={place.get(spot) ?? 0} pipeline={pipeline} zone={zone} />
  );
  return (
    <>
      <defs>
        <pattern id={hatch} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path class="ch-hatch" d="M0,0V6" />
        </pattern>
      </defs>
      {ticks.map((tick) => (
        <line
          key={tick.at}
          class={tick.isStrong ? "ch-grid ch-strong" : "ch-grid"}
          x1={x(tick.at)}
          x2={x(tick.at)}
          y1={TITLE}
          y2={plan.height}
        />
      ))}
      {plan.pauses.map((pause) => (
        <rect
          key={pause.x}
          x={pause.x}
          y={TITLE}
          width={pause.width}
          height={pausedTo - TITLE}
          fill={`url(#${hatch})`}
        />
      ))}
      {plan.rows.map((row) => (
        <line key={row.top} class="ch-grid" x1={0} x2={width} y1={row.top + ROW / 2} y2={row.top + ROW / 2} />
      ))}
      {plan.bars.map((bar, turn) => (
        <Mark key={bar.spot.id} spot={bar.spot} place={place.get(bar.spot) ?? 0} {...{ pipeline, zone }}>
          <BarOf bar={bar} turn={turn} />
        </Mark>
      ))}
      {plan.rows.map((row) => row.spots.map(mark))}
      {plan.curves.map((curve) => (
        <g key={curve.title}>
          {plan.changes.map((at) => (
            <line key={at} class="ch-change" x1={at} x2={at} y1={curve.top + TITLE} y2={curve.floor} />
          ))}
          <CurveOf curve={curve} width={width} />
          {curve.spots.map(mark)}
        </g>
      ))}
    </>
  );
}

function BarOf({ bar, turn }: { bar: Bar; turn: number }) {
  const kind = bar.isLive ? "ch-live" : turn % 2 ? "ch-was ch-odd" : "ch-was";
  const label = `v${bar.span.version}`;
  return (
    <g class={kind}>
      <rect class="ch-hit" x={bar.x} y={bar.y} width={bar.width} height={BAR} rx={3} />
      {bar.width > label.length * 7 + 14 && (
        <text x={bar.x + 8} y={bar.y + BAR / 2 + 4}>
          {label}
        </text>
      )}
    </g>
  );
}

function CurveOf({ curve, width }: { curve: Curve; width: number }) {
  return (
    <>
      {curve.area && <path class="ch-area" d={curve.area} />}
      {curve.lines.map((line) => (
        <line key={line.text} class={`ch-line ch-line-${line.tone}`} x1={0} x2={width} y1={line.y} y2={line.y} />
      ))}
      {curve.path && <path class="ch-curve" d={curve.path} />}
    </>
  );
}

interface MarkProps {
  /** Drawn instead of a shape. */
  children?: ComponentChildren;
  spot: Spot;
  place: number;
  pipeline: string;
  zone: string;
}

/** A mark is a link to the page that tells why, where there is one; arrow keys reach the others as well. */
function Mark({ spot, place, pipeline, zone, children }: MarkProps) {
  const look = spot.isPast ? "ch-spot ch-past" : "ch-spot";
  const given = { class: look, "data-place": place, tabindex: -1, "aria-label": inWords(spot, zone) };
  const inside = children ?? (
    <>
      <circle class="ch-hit" cx={spot.x} cy={spot.y} r={11} />
      <Glyph look={spot.look} x={spot.x} y={spot.y} size={spot.size} />
    </>
  );
  if (!spot.why) {
    return (
      <g role="img" {...given}>
        {inside}
      </g>
    );
  }
  return (
    <a href={page(addressOf(pipeline, spot.why))} draggable={false} {...given}>
      {inside}
    </a>
  );
}
