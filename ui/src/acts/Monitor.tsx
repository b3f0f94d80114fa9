import { useState } from "preact/hooks";
import type { Instant, Pipeline } from "../shapes";
import { Form } from "./Form";
import { SwitchedOff, begin } from "./SwitchedOff";
import { dagId, useDag } from "./dag";
import { InstantField, TextField } from "./fields";

interface Props {
  of: Pipeline;
  onClose: () => void;
  /** The instant as of which a window is looked at again; "" for the last one. */
  asOf?: Instant;
}

/** Looks at a window of production once more. */
export function Monitor({ of: { row }, onClose, asOf: given = "" }: Props) {
  const [asOf, setAsOf] = useState(given.slice(0, 16) && `${given.slice(0, 16)}Z`);
  const [why, setWhy] = useState("");
  const [isOn, setOn] = useState(false);
  const dag = useDag(dagId(row.name, "monitor"));
  const isOff = dag.state === "ready" && dag.value.is_paused;
  const conf = { as_of: asOf, why: why.trim() };
  return (
    <Form
      title={`Run monitoring of ${row.name}`}
      onClose={onClose}
      deeds={[{ label: "Run", look: "first", run: () => begin(row.name, "monitor", conf, isOn) }]}
    >
      <p class="muted">
        Drift and performance of one window are scored. It is decided once whether to retrain after it: looked at again,
        the same predictions and labels give the same numbers, what was missing then is added, and the decision stands.
      </p>
      <InstantField
        label="As of"
        value={asOf}
        set={setAsOf}
        hint="The instant the run pretends it is; it looks at the last whole window before. Empty: now. In the past nothing is waited for."
      />
      <TextField
        label="Why"
        value={why}
        set={setWhy}
        hint="A word for those who look at this run later. It stands in the ledger with your name."
      />
      {isOff && <SwitchedOff dag={dagId(row.name, "monitor")} part="monitor" value={isOn} set={setOn} />}
    </Form>
  );
}
