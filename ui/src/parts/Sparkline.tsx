import type { Mark } from "../shapes";
import { figure } from "./Figure";

const LEVELS: Record<Mark["level"], string> = { OK: "good", WARN: "warn", ACT: "bad", INCONCLUSIVE: "told" };
const HEIGHT = 20;
const STEP = 6;

/** The last windows in words: `12 windows: 10 OK, 1 WARN, 1 ACT; the last OK, 0.031`. */
export function inWords(marks: readonly Mark[]): string {
  const last = marks.at(-1);
  if (!last) return "no windows";
  const counts = (Object.keys(LEVELS) as Mark["level"][])
    .map((level) => [level, marks.filter((mark) => mark.level === level).length] as const)
    .filter(([, many]) => many)
    .map(([level, many]) => `${many} ${level}`);
  const value = last.value === null ? "" : `, ${figure(last.value)}`;
  return `${marks.length} ${marks.length === 1 ? "window" : "windows"}: ${counts.join(", ")}; the last ${last.level}${value}`;
}

const WITHOUT_NUMBER: Record<Mark["level"], number> = { OK: 0.35, WARN: 0.65, ACT: 1, INCONCLUSIVE: 0.12 };

/** Height of a window's bar; where no number is kept its level makes it, and what nobody could judge is a stub. */
function heightOf({ value, level }: Mark, most: number): number {
  const share = value === null ? WITHOUT_NUMBER[level] : value / most;
  return Math.max(2, share * (HEIGHT - 4));
}

/** A window's bar as a path, with a dot above it where something is wrong. */
function bar(mark: Mark, x: number, most: number): string {
  const tall = heightOf(mark, most);
  const dot =
    mark.level === "WARN" || mark.level === "ACT" ? `M${x + 1} ${(HEIGHT - tall - 3).toFixed(1)}h2v2h-2z` : "";
  return `M${x} ${HEIGHT}v-${tall.toFixed(1)}h${STEP - 2}v${tall.toFixed(1)}z${dot}`;
}

/** Windows as small bars, coloured by level; WARN and ACT also carry a dot, for those who see no colours. */
export function Sparkline({ marks, of, slots = marks.length }: { marks: readonly Mark[]; of: string; slots?: number }) {
  const most = Math.max(...marks.map((mark) => mark.value ?? 0), 1e-9);
  const width = Math.max(slots, marks.length) * STEP;
  const first = width - marks.length * STEP;
  const levels = [...new Set(marks.map((mark) => mark.level))];
  return (
    <svg
      class="sparkline"
      role="img"
      aria-label={`${of}, ${inWords(marks)}`}
      width={width}
      height={HEIGHT}
      viewBox={`0 0 ${width} ${HEIGHT}`}
    >
      <title>{inWords(marks)}</title>
      {levels.map((level) => (
        <path
          key={level}
          class={LEVELS[level]}
          d={marks.map((mark, place) => (mark.level === level ? bar(mark, first + place * STEP, most) : "")).join("")}
        />
      ))}
    </svg>
  );
}
