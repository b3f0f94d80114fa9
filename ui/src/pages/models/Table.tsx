import type { ComponentChildren, VNode } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ModelRow } from "../../shapes";
import { ActOn } from "./ActOn";
import {
  ChampionCell,
  DriftCell,
  NameCell,
  NextCell,
  P99Cell,
  PerformanceCell,
  StateCell,
  TargetCell,
  TrafficCell,
  VerdictCell,
} from "./cells";
import { type Lives, useWatched } from "./live";
import type { Column, View } from "./view";

export const TITLES: Record<Column, string> = {
  name: "Model",
  state: "State",
  champion: "Champion",
  verdict: "Last verdict",
  drift: "Drift",
  performance: "Performance",
  traffic: "Req/s",
  p99: "p99",
  target: "Target",
  next: "Next run",
};

interface TableProps {
  /** All of them, in order. */
  rows: readonly ModelRow[];
  /** Those that are shown. */
  shown: ReadonlySet<ModelRow>;
  view: View;
  lives: Lives;
  /** Whether the ledger does not answer: what rows say of it is then nothing. */
  isBlind: boolean;
  sortBy: (column: Column) => void;
}

/** All rows stand in the document, so that the browser's own search finds them; those out of view cost nothing to draw. */
export function Table({ rows, shown, view, lives, isBlind, sortBy }: TableProps) {
  const watch = useWatched(lives);
  const many = useGrowing(rows.length);
  const body = useHidden(rows, shown, many);
  const drawn = useDrawn(
    rows,
    (row) => <Row key={row.name} row={row} lives={lives} watch={watch} isBlind={isBlind} />,
    isBlind,
  );
  return (
    <div class="models-box">
      <table class="models" role="table">
        <caption class="unseen">Models, one a row. Headers sort.</caption>
        <Head view={view} sortBy={sortBy} />
        <tbody role="rowgroup" ref={body}>
          {many < drawn.length ? drawn.slice(0, many) : drawn}
        </tbody>
      </table>
    </div>
  );
}

/** Hides rows by hand, without drawing: with hundreds of them typing stays quick. */
function useHidden(rows: readonly ModelRow[], shown: ReadonlySet<ModelRow>, many: number) {
  const body = useRef<HTMLTableSectionElement>(null);
  useLayoutEffect(() => {
    rows.forEach((row, place) => {
      const line = body.current?.rows[place];
      if (line && line.hidden === shown.has(row)) line.hidden = !line.hidden;
    });
  }, [rows, shown, many]);
  return body;
}

const AT_FIRST = 30;
const MORE = 90;

/** How many rows are drawn: a page full at first, so that it is there at once, and soon all. */
function useGrowing(all: number): number {
  const [many, setMany] = useState(AT_FIRST);
  useEffect(() => {
    if (many >= all) return;
    const timer = setTimeout(() => setMany(many + MORE));
    return () => clearTimeout(timer);
  }, [many, all]);
  return many;
}

/** Keeps what was drawn for a row as long as the row is the same: sorting and filtering then draw none anew. */
function useDrawn(rows: readonly ModelRow[], draw: (row: ModelRow) => VNode, anew: unknown): readonly VNode[] {
  const kept = useRef({ anew, of: new WeakMap<ModelRow, VNode>() });
  if (kept.current.anew !== anew) kept.current = { anew, of: new WeakMap() };
  const { of } = kept.current;
  return useMemo(
    () =>
      rows.map((row) => {
        const node = of.get(row) ?? draw(row);
        of.set(row, node);
        return node;
      }),
    [rows, anew],
  );
}

export function Head({ view, sortBy }: { view: View; sortBy: (column: Column) => void }) {
  return (
    <thead role="rowgroup">
      <tr role="row">
        {(Object.keys(TITLES) as Column[]).map((column) => {
          const isSorted = view.sort === column;
          return (
            <th
              key={column}
              role="columnheader"
              scope="col"
              class={`c-${column}`}
              aria-sort={isSorted ? (view.isDown ? "descending" : "ascending") : "none"}
            >
              <button type="button" onClick={() => sortBy(column)}>
                {TITLES[column]}
                <span class="arrow" aria-hidden="true">
                  {isSorted ? (view.isDown ? "↓" : "↑") : ""}
                </span>
              </button>
            </th>
          );
        })}
        <th role="columnheader" scope="col" class="c-act">
          <span class="unseen">Act</span>
        </th>
      </tr>
    </thead>
  );
}

interface RowProps {
  row: ModelRow;
  lives: Lives;
  watch: (row: Element | null) => void;
  isBlind: boolean;
}

function Row({ row, lives, watch, isBlind }: RowProps) {
  return (
    <tr role="row" ref={watch} data-name={row.name}>
      <th role="rowheader" scope="row" class="c-name">
        <NameCell row={row} />
      </th>
      <Cell column="state">
        <StateCell row={row} isBlind={isBlind} />
      </Cell>
      <Cell column="champion">
        <ChampionCell row={row} />
      </Cell>
      <Cell column="verdict">
        <VerdictCell row={row} />
      </Cell>
      <Cell column="drift">
        <DriftCell row={row} />
      </Cell>
      <Cell column="performance">
        <PerformanceCell row={row} />
      </Cell>
      <Cell column="traffic">
        <TrafficCell row={row} lives={lives} />
      </Cell>
      <Cell column="p99">
        <P99Cell row={row} lives={lives} />
      </Cell>
      <Cell column="target">
        <TargetCell row={row} lives={lives} />
      </Cell>
      <Cell column="next">
        <NextCell row={row} />
      </Cell>
      <td role="cell" class="c-act">
        <ActOn name={row.name} />
      </td>
    </tr>
  );
}

/** A cell; on a phone its title stands before it. */
function Cell({ column, children }: { column: Column; children: ComponentChildren }) {
  return (
    <td role="cell" class={`c-${column}`} data-title={TITLES[column]}>
      {children}
    </td>
  );
}
