/** What the table of models shows of what there is: pure, so that it can be tested without a page. */
import type { Live, ModelRow } from "../../shapes";

/** What a person sees as a pipeline's state. `approval` comes before what monitoring says: somebody is waited for. */
export type State = "approval" | "act" | "broken" | "watch" | "new" | "well";

/** What needs a person first, first. */
export const STATES: readonly State[] = ["approval", "act", "broken", "watch", "new", "well"];

export const stateOf = (row: ModelRow): State => (row.airflow?.approvals.length ? "approval" : row.health);

const NEEDS: readonly State[] = ["approval", "act", "broken"];

/** `12 pipelines: 1 needs you, 2 to watch, 9 well`. */
export function summary(rows: readonly ModelRow[]): string {
  const many = (...states: State[]) => rows.filter((row) => states.includes(stateOf(row))).length;
  const needs = many(...NEEDS);
  const parts = [
    needs && `${needs} ${needs === 1 ? "needs" : "need"} you`,
    many("watch") && `${many("watch")} to watch`,
    many("new") && `${many("new")} new`,
    many("well") && `${many("well")} well`,
  ];
  const told = parts.filter(Boolean).join(", ");
  return `${rows.length} ${rows.length === 1 ? "pipeline" : "pipelines"}${told && `: ${told}`}`;
}

/** What can be sorted by. */
export type Column =
  "name" | "state" | "champion" | "verdict" | "drift" | "performance" | "traffic" | "p99" | "target" | "next";

/** What is shown, as it stands in the address. */
export interface View {
  readonly sort: Column;
  readonly isDown: boolean;
  readonly words: string;
  readonly states: readonly State[];
  readonly targets: readonly string[];
  readonly owner: string;
  readonly tag: string;
}

export const COLUMNS: readonly Column[] = [
  "name",
  "state",
  "champion",
  "verdict",
  "drift",
  "performance",
  "traffic",
  "p99",
  "target",
  "next",
];

/** Read from an address; what makes no sense there is left out. */
export function read(query: URLSearchParams): View {
  const sort = query.get("sort") ?? "";
  const column = COLUMNS.find((one) => one === sort.replace(/^-/, "")) ?? "state";
  const listed = (key: string) => query.get(key)?.split(",").filter(Boolean) ?? [];
  return {
    sort: column,
    isDown: sort.startsWith("-"),
    words: query.get("q") ?? "",
    states: STATES.filter((one) => listed("state").includes(one)),
    targets: listed("target"),
    owner: query.get("owner") ?? "",
    tag: query.get("tag") ?? "",
  };
}

/** The query of an address, "?" where everything is as usual. */
export function write(view: View): string {
  const query = new URLSearchParams();
  const put = (key: string, value: string) => value && query.set(key, value);
  put("q", view.words);
  put("state", view.states.join(","));
  put("target", view.targets.join(","));
  put("owner", view.owner);
  put("tag", view.tag);
  if (view.sort !== "state" || view.isDown) put("sort", (view.isDown ? "-" : "") + view.sort);
  return `?${query.toString().replaceAll("%2C", ",")}`;
}

/** Whether anything is filtered out. */
export const isFiltered = (view: View): boolean =>
  !!(view.words || view.states.length || view.targets.length || view.owner || view.tag);

/** All that a search looks at, in small letters. */
export const searched = (row: ModelRow): string =>
  [row.name, row.owner, row.target, row.says, row.description, row.champion?.version, ...row.tags]
    .join(" ")
    .toLowerCase();

type Key = string | number | null;

const LEVELS = ["INCONCLUSIVE", "OK", "WARN", "ACT"];
const OUTCOMES = ["REJECT", "HOLD", "PROMOTE"];
const rank = (order: readonly string[], word: string | undefined): number | null => (word ? order.indexOf(word) : null);
const instant = (at: string | null | undefined): number | null => (at ? Date.parse(at) : null);

/** Finds the live numbers of a pipeline, where they are known. */
export type Looked = (name: string) => Live | undefined;

const KEYS: Record<Column, (row: ModelRow, live: Looked) => Key> = {
  name: (row) => row.name,
  state: (row) => STATES.indexOf(stateOf(row)),
  champion: (row) => (row.champion ? -Date.parse(row.champion.since) : null),
  verdict: (row) => rank(OUTCOMES, row.verdict?.outcome),
  drift: (row) => row.drift.at(-1)?.value ?? null,
  performance: (row) => rank(LEVELS, row.performance?.level),
  traffic: (row, live) => live(row.name)?.champion?.per_second ?? null,
  p99: (row, live) => live(row.name)?.champion?.p99_ms ?? null,
  target: (row) => row.target || null,
  next: (row) => (row.airflow?.is_paused ? null : instant(row.airflow?.next_run)),
};

/** Columns of what targets say now, which has to be asked for. */
const OF_NOW: readonly Column[] = ["traffic", "p99"];

export const isOfNow = (sort: Column): boolean => OF_NOW.includes(sort);

/** How many rows have a value in a column. */
export const valued = (rows: readonly ModelRow[], sort: Column, live: Looked): number =>
  rows.filter((row) => KEYS[sort](row, live) !== null).length;

/** Columns of which one first wants to see the large ones. */
export const FROM_ABOVE: readonly Column[] = ["drift", "performance", "traffic", "p99", "champion"];

const compare = (one: Key, other: Key): number =>
  typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));

/** The rows in order; those without a value come last, whichever way. */
export function sorted(
  rows: readonly ModelRow[],
  view: Pick<View, "sort" | "isDown">,
  live: Looked,
): readonly ModelRow[] {
  const key = KEYS[view.sort];
  const keyed = rows.map((row) => [key(row, live), row] as const);
  const turn = view.isDown ? -1 : 1;
  keyed.sort(([one, a], [other, b]) => {
    if (one === null || other === null)
      return Number(one === null) - Number(other === null) || a.name.localeCompare(b.name);
    return turn * compare(one, other) || a.name.localeCompare(b.name);
  });
  return keyed.map(([, row]) => row);
}

const texts = new WeakMap<ModelRow, string>();

function textOf(row: ModelRow): string {
  const text = texts.get(row) ?? searched(row);
  texts.set(row, text);
  return text;
}

/** Whether the view shows a row. Every word of the search has to be in it. */
export function isShown(row: ModelRow, view: View): boolean {
  const words = view.words.toLowerCase().split(/\s+/).filter(Boolean);
  return (
    (!view.states.length || view.states.includes(stateOf(row))) &&
    (!view.targets.length || view.targets.includes(row.target)) &&
    (!view.owner || row.owner === view.owner) &&
    (!view.tag || row.tags.includes(view.tag)) &&
    words.every((word) => textOf(row).includes(word))
  );
}

/** What there is to choose from, the most frequent first. */
export function counted(values: readonly string[]): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const value of values) if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([a, x], [b, y]) => y - x || a.localeCompare(b));
}
