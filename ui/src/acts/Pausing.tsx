import { useState } from "preact/hooks";
import { act } from "../ask";
import { Problem } from "../parts/Section";
import { Age } from "../parts/Time";
import type { Pause, Pipeline } from "../shapes";
import { Form } from "./Form";
import { TextField } from "./fields";

interface Props {
  of: Pipeline;
  onClose: () => void;
}

/** Pauses a pipeline's releases, or lets them go on: what was meant when the dialog was opened, whatever comes then. */
export function Pausing({ of: { row }, onClose }: Props) {
  const [reason, setReason] = useState("");
  const [opened] = useState(row.pause);
  const path = `/pipelines/${encodeURIComponent(row.name)}/${opened ? "resume" : "pause"}`;
  const run = async () => {
    const pause = await act<Pause | null>("POST", path, { reason: reason.trim() });
    return <Done name={row.name} pause={pause} isMine={pause?.reason === reason.trim()} />;
  };
  const isLate = opened?.since !== row.pause?.since;
  return (
    <Form
      title={opened ? `Let releases of ${row.name} go on` : `Pause releases of ${row.name}`}
      onClose={onClose}
      deeds={isLate ? [] : [{ label: opened ? "Let them go on" : "Pause releases", look: "first", run }]}
    >
      {isLate && <Problem error="This has changed since you opened it: nothing is done. Close it and look again." />}
      {row.pause ? (
        <p>
          {row.pause.by} paused them <Age since={row.pause.since} />: {row.pause.reason}
        </p>
      ) : opened ? (
        <p>Releases may go on already.</p>
      ) : (
        <p class="muted">
          While they are paused nothing new goes live, and a rollout that is under way may climb on but ends with the
          champion answering alone. Trainings go on, and going back stays possible.
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

/** What became of it: who pauses what is paused already leaves it as it is. */
function Done({ name, pause, isMine }: { name: string; pause: Pause | null; isMine: boolean }) {
  if (!pause) return <span>Releases of {name} may go on.</span>;
  if (isMine) return <span>Releases of {name} are paused.</span>;
  return (
    <span>
      {pause.by} had paused releases of {name} already: {pause.reason}
    </span>
  );
}
