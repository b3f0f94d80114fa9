import { useState } from "preact/hooks";
import { useAsk } from "../ask";
import type { Instant, Pipeline } from "../shapes";
import { Monitor } from "./Monitor";

/** A button that has monitoring look at a window again, as of the same instant; nothing for those who may not. */
export function LookAgain({ name, asOf }: { name: string; asOf: Instant }) {
  const [isOpen, setOpen] = useState(false);
  const asked = useAsk<Pipeline>(`/pipelines/${encodeURIComponent(name)}`);
  if (asked.state !== "ready" || !asked.value.rights.monitor || asked.value.problem) return null;
  return (
    <>
      <button type="button" class="small" onClick={() => setOpen(true)}>
        Look again
      </button>
      {isOpen && <Monitor of={asked.value} asOf={asOf} onClose={() => setOpen(false)} />}
    </>
  );
}
