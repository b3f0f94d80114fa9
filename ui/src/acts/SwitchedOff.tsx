import { type Part, dagId, start, switchOn, runPage } from "./dag";
import { TickField } from "./fields";
import { given } from "../address";
import { Leave } from "../router";

interface Props {
  dag: string;
  part: Part;
  value: boolean;
  set: (value: boolean) => void;
}

const ALSO: Record<Part, string> = {
  train: " Its schedule then runs too.",
  monitor: " Its schedule then runs too.",
  rollback: "",
};

/** Shown where Airflow has a DAG switched off: a run of it would wait. */
export function SwitchedOff({ dag, part, value, set }: Props) {
  return (
    <TickField
      label={`Switch ${dag} on`}
      hint={`It is switched off in Airflow, where a run waits until somebody switches it on.${ALSO[part]}`}
      value={value}
      set={set}
    />
  );
}

/** Starts a run, after switching its DAG on where that is asked for, and returns what to say. */
export async function begin(name: string, part: Part, conf: Parameters<typeof start>[1], isToSwitchOn: boolean) {
  const dag = dagId(name, part);
  if (isToSwitchOn) await switchOn(dag);
  const run = await start(dag, conf);
  return (
    <span>
      Airflow runs {dag}. <Leave to={given(runPage(dag, run))}>Open the run</Leave>
    </span>
  );
}
