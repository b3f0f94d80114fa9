import { useState } from "preact/hooks";
import type { Pipeline } from "../shapes";
import { Form } from "./Form";
import { SwitchedOff, begin } from "./SwitchedOff";
import { dagId, useDag } from "./dag";
import { ChoiceField, InstantField, TextField, TickField } from "./fields";

/** Starts a training: the fields of the DAG's own trigger form. */
export function Train({ of: { row }, onClose }: { of: Pipeline; onClose: () => void }) {
  const [asOf, setAsOf] = useState("");
  const [isDry, setDry] = useState(false);
  const [target, setTarget] = useState(row.target);
  const [why, setWhy] = useState("");
  const [isOn, setOn] = useState(false);
  const dag = useDag(dagId(row.name, "train"));
  const known = dag.state === "ready" ? dag.value : null;
  const targets = known?.params?.target?.schema.enum ?? [row.target];
  const conf = { as_of: asOf, dry_run: isDry, target: target === row.target ? "" : target, why: why.trim() };
  return (
    <Form
      title={`Train ${row.name} now`}
      onClose={onClose}
      deeds={[
        { label: isDry ? "Train, dry" : "Train", look: "first", run: () => begin(row.name, "train", conf, isOn) },
      ]}
    >
      <p class="muted">
        A candidate is trained and judged. If the gates say PROMOTE it is packaged, verified and rolled out; else the
        champion stays.
      </p>
      <InstantField
        label="As of"
        value={asOf}
        set={setAsOf}
        hint="The instant the run pretends it is: nothing known later exists for it. Empty: the retrain signal's, or now."
      />
      <TickField
        label="Dry run"
        value={isDry}
        set={setDry}
        hint="Train, judge, package and verify, then stop: nothing goes live and nobody is asked."
      />
      <ChoiceField
        label="Target"
        value={target}
        set={setTarget}
        choices={targets.map((one) => [one, one === row.target ? `${one} (as described)` : one])}
        hint="Where the model goes live."
      />
      <TextField
        label="Why"
        value={why}
        set={setWhy}
        hint="A word for those who look at this run later. It stands in the ledger with your name."
      />
      {known?.is_paused && <SwitchedOff dag={dagId(row.name, "train")} part="train" value={isOn} set={setOn} />}
    </Form>
  );
}
