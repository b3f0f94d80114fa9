import { useMemo, useRef, useState } from "preact/hooks";
import { type Refusal, useAsk } from "../../ask";
import { Problem } from "../../parts/Section";
import { Age } from "../../parts/Time";
import type { ModelRow, Models } from "../../shapes";
import { Filters } from "./Filters";
import { Loading } from "./Loading";
import { Lives, useAll } from "./live";
import { TITLES, Table } from "./Table";
import { useView } from "./useView";
import { COLUMNS, type Column, FROM_ABOVE, type View, isShown, sorted, summary } from "./view";

const EVERY_S = 60;

/** Every pipeline in one table, what needs a person first. */
export function ModelsPage() {
  const asked = useAsk<Models>("/models", { every: EVERY_S });
  if (asked.state === "loading") return <Loading />;
  if (asked.state === "error") {
    return (
      <>
        <h1>Models</h1>
        <Problem error={asked.error} again={asked.again} />
      </>
    );
  }
  return <Shown value={asked.value} late={asked.late} again={asked.again} />;
}

interface ShownProps {
  value: Models;
  late: Refusal | undefined;
  again: () => void;
}

function Shown({ value, late, again }: ShownProps) {
  const [view, set] = useView();
  const [lives] = useState(() => new Lives());
  const { problem } = value;
  const models = useSame(value.models);
  const known = useAll(lives, models, view.sort);
  const rows = useMemo(() => sorted(models, view, lives.get), [models, view.sort, view.isDown, known]);
  const shown = useMemo(() => new Set(models.filter((row) => isShown(row, view))), [models, view]);
  const sortBy = (sort: Column) => set({ sort, isDown: view.sort === sort ? !view.isDown : FROM_ABOVE.includes(sort) });
  return (
    <>
      <header class="models-head">
        <h1>Models</h1>
        <p role="status">{problem ? `${models.length} pipelines` : summary(models)}</p>
        <p class="faint small-text as-of">
          <Age since={value.as_of} />{" "}
          <button type="button" class="plain small" onClick={again}>
            Refresh
          </button>
        </p>
      </header>
      {late && <Problem error={`This is as it was before: ${late.message}`} again={again} />}
      {problem && (
        <Problem
          error={`${problem.replace(/[^.!?]$/, "$&.")} Rows show what their descriptions and Airflow say.`}
          again={again}
        />
      )}
      {models.length > 0 && <Filters rows={models} isBlind={!!problem} view={view} set={set} />}
      {models.length > 0 && <SortOnPhone view={view} sortBy={sortBy} />}
      {models.length > 0 && (
        <Table rows={rows} shown={shown} view={view} lives={lives} isBlind={!!problem} sortBy={sortBy} />
      )}
      {models.length === 0 && <First />}
      {models.length > 0 && shown.size === 0 && (
        <p class="empty">None of the {models.length} pipelines is like this.</p>
      )}
      <p class="faint small-text below" role="status">
        {shown.size > 0 && shown.size < models.length && `${shown.size} of ${models.length} pipelines`}
      </p>
    </>
  );
}

/** Rows that are as before stay the same objects: what was drawn for them then stays too. */
function useSame(rows: readonly ModelRow[]): readonly ModelRow[] {
  const kept = useRef(new Map<string, readonly [string, ModelRow]>());
  return useMemo(() => {
    const fresh = rows.map((row) => [JSON.stringify(row), row] as const);
    const same = fresh.map((pair) =>
      kept.current.get(pair[1].name)?.[0] === pair[0] ? (kept.current.get(pair[1].name) ?? pair) : pair,
    );
    kept.current = new Map(same.map((pair) => [pair[1].name, pair]));
    return same.map(([, row]) => row);
  }, [rows]);
}

/** What somebody sees who has no pipeline yet, or may see none. */
function First() {
  return (
    <div class="empty first-steps">
      <p>There is no pipeline here yet, or none that you may see.</p>
      <p>A pipeline is a folder with a description. This writes one that works, with data of its own:</p>
      <pre>
        <code>python -m airloop new NAME</code>
      </pre>
      <p>Airflow finds its DAGs NAME.train, NAME.monitor and NAME.rollback within a minute, and it appears here.</p>
    </div>
  );
}

/** A phone shows no headers to sort by. */
function SortOnPhone({ view: { sort, isDown }, sortBy }: { view: View; sortBy: (column: Column) => void }) {
  return (
    <div class="sort-on-phone small-text">
      <label>
        Sort by{" "}
        <select value={sort} onChange={(event) => sortBy(event.currentTarget.value as Column)}>
          {COLUMNS.map((column) => (
            <option key={column} value={column}>
              {TITLES[column]}
            </option>
          ))}
        </select>
      </label>{" "}
      <button
        type="button"
        class="small"
        aria-label={`Reverse the order, which is ${isDown ? "descending" : "ascending"}`}
        onClick={() => sortBy(sort)}
      >
        {isDown ? "↓" : "↑"}
      </button>
    </div>
  );
}
