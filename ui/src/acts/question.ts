/** Questions to a person: where each is asked and answered, and what it is about. Pure, so that it can be tested. */
import type { Approval } from "../shapes";

/** Where Airflow keeps a question, and takes its answer. */
export const address = ({ dag_id, run_id, task_id, map_index }: Approval): string =>
  `/api/v2/dags/${encodeURIComponent(dag_id)}/dagRuns/${encodeURIComponent(run_id)}/taskInstances/${encodeURIComponent(task_id)}/${map_index}/hitlDetails`;

/** What tells a question from others of its pipeline. */
export const keyOf = ({ run_id, map_index }: Approval): string => `${run_id} ${map_index}`;

/** Where the candidate of the question's own run is told: others may have been judged since. */
export const evidenceAt = (name: string, { run_id }: Approval): string =>
  `/pipelines/${encodeURIComponent(name)}/candidate?run=${encodeURIComponent(run_id)}`;

/** Whether a question names this version. A run that was judged again may have come to another since. */
export const isAbout = ({ subject }: Approval, name: string, version: string): boolean =>
  subject === `Release ${name} ${version}?`;

/** What each open question is called where several are: `1 of 3: Release churn 7?`. */
export const called = (approvals: readonly Approval[]): readonly (readonly [string, string])[] =>
  approvals.map((one, place) => [keyOf(one), `${place + 1} of ${approvals.length}: ${one.subject}`]);
