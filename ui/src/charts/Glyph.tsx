/** Small shapes that tell kinds of things apart. */

import type { Look, Shape } from "./looks";

const PATHS: Record<Shape, string> = {
  up: "M0,-6 L6,5 L-6,5 Z",
  down: "M0,6 L6,-5 L-6,-5 Z",
  left: "M-6,0 L5,-6 L5,6 Z",
  right: "M6,0 L-5,-6 L-5,6 Z",
  disc: "M-5,0 A5,5 0 1 1 5,0 A5,5 0 1 1 -5,0 Z",
  ring: "M-5,0 A5,5 0 1 1 5,0 A5,5 0 1 1 -5,0 Z",
  cross: "M-5,-5 L5,5 M-5,5 L5,-5",
  barred: "M-5,0 A5,5 0 1 1 5,0 A5,5 0 1 1 -5,0 Z M-3.5,3.5 L3.5,-3.5",
  diamond: "M0,-6.5 L6,0 L0,6.5 L-6,0 Z",
  square: "M-5,-5 H5 V5 H-5 Z",
  bars: "M-3,-5 V5 M3,-5 V5",
  tick: "M0,-5 V5",
  hexagon: "M-6,0 L-3,-5.2 L3,-5.2 L6,0 L3,5.2 L-3,5.2 Z",
};
const LINES: readonly Shape[] = ["cross", "bars", "tick"];

interface Props {
  look: Look;
  x: number;
  y: number;
  size?: number;
}

/** One shape in an SVG, its middle at (x, y); `size` 1 is 12 pixels wide. */
export function Glyph({ look, x, y, size = 1 }: Props) {
  const kind = LINES.includes(look.shape)
    ? "ch-stroked"
    : look.isHollow || look.shape === "barred"
      ? "ch-hollow"
      : "ch-solid";
  return (
    <path
      class={`ch-glyph ch-${look.tone} ${kind}`}
      d={PATHS[look.shape]}
      transform={`translate(${x},${y}) scale(${size})`}
    />
  );
}

/** What the shapes mean, for those that are there. */
export function Legend({ looks }: { looks: readonly Look[] }) {
  const names = [...new Map(looks.map((look) => [look.name, look])).values()];
  return (
    <ul class="ch-legend" aria-label="What the shapes mean">
      {names.map((look) => (
        <li key={look.name}>
          <svg width="16" height="16" viewBox="-8 -8 16 16" aria-hidden="true">
            <Glyph look={look} x={0} y={0} size={0.9} />
          </svg>
          {look.name}
        </li>
      ))}
    </ul>
  );
}
