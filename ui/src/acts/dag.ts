import { type Asked, act, useAsk } from "../ask";

/** What the trigger form of a DAG knows of itself. */
export interface Dag {
  readonly is_paused: boolean;
  readonly params: Readonly<
    Record<string, { readonly value: unknown; readonly schema: { readonly enum?: readonly string[] } }>
  > | null;
}

/** The verbs that a pipeline's DAGs are named after. */
export type Part = "train" | "monitor" | "rollback";

export const dagId = (name: string, part: Part): string => `${name}.${part}`;

const address = (dag: string): string => `/api/v2/dags/${encodeURIComponent(dag)}`;

/** Asks Airflow about a DAG. */
export const useDag = (dag: string): Asked<Dag> => useAsk<Dag>(`${address(dag)}/details`);

/** The page of a run in Airflow; goes through `given`. */
export const runPage = (dag: string, run: string): string =>
  `/dags/${encodeURIComponent(dag)}/runs/${encodeURIComponent(run)}`;

/** Starts a run by hand and returns its id. What is empty in `conf` is left to the DAG's own defaults. */
export async function start(dag: string, conf: Readonly<Record<string, string | boolean | null>>): Promise<string> {
  const given = Object.fromEntries(Object.entries(conf).filter(([, value]) => value !== null && value !== ""));
  const run = await act<{ dag_run_id: string }>("POST", `${address(dag)}/dagRuns`, { logical_date: null, conf: given });
  return run.dag_run_id;
}

/** Switches a DAG on in Airflow. */
export const switchOn = (dag: string): Promise<unknown> =>
  act("PATCH", `${address(dag)}?update_mask=is_paused`, { is_paused: false });
