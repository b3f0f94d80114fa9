import { useState } from "preact/hooks";
import { act } from "../ask";
import { Age } from "../parts/Time";
import type { Pipeline } from "../shapes";
import { Form } from "./Form";
import { TextField } from "./fields";

/** Pauses a pipeline's releases, or lets them go on. */
export function Pausing({ of: { row }, onClose }: { of: Pipeline; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const verb = row.pause ? "resume" : "pause";
  const run = async () => {
    await act("POST", `/pipelines/${encodeURIComponent(row.name)}/${verb}`, { reason: reason.trim() });
    return <span>{row.pause ? `Releases of ${row.name} may go on.` : `Releases of ${row.name} are paused.`}</span>;
  };
  return (
    <Form
      title={row.pause ? `Let releases of ${row.name} go on` : `Pause releases of ${row.name}`}
      onClose={onClose}
      deeds={[{ label: row.pause ? "Let them go on" : "Pause releases", look: "first", run }]}
    >
      {row.pause ? (
        <p>
          {row.pause.by} paused them <Age since={row.pause.since} />: {row.pause.reason}
        </p>
      ) : (
        <p class="muted">
          While they are paused nothing new goes live, and a rollout that is under way ends with the champion answering
          alone. Trainings go on, and going back stays possible.
        </p>
      )}
      <TextField
        label="Reason"
        required
        value={reason}
        set={setReason}
        hint="It stands in the ledger for good, with your name."
      />
    </Form>
  );
}
