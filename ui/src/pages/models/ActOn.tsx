import { useState } from "preact/hooks";
import { Acts } from "../../acts/index";
import { useAsk } from "../../ask";
import { Dialog } from "../../parts/Dialog";
import { Asked } from "../../parts/Section";
import type { Pipeline } from "../../shapes";

/** A button at the end of a row that shows what the user may do with the pipeline. */
export function ActOn({ name }: { name: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        class="plain dots"
        aria-haspopup="dialog"
        aria-label={`Act on ${name}`}
        title="Act"
        onClick={() => setOpen(true)}
      >
        ⋯
      </button>
      {isOpen && <Choice name={name} onClose={() => setOpen(false)} />}
    </>
  );
}

function Choice({ name, onClose }: { name: string; onClose: () => void }) {
  const asked = useAsk<Pipeline>(`/pipelines/${encodeURIComponent(name)}`);
  return (
    <Dialog title={name} onClose={onClose}>
      <div class="body">
        <Asked of={asked} lines={2}>
          {(pipeline) => (
            <>
              <p class="muted">{pipeline.row.says}</p>
              <Acts of={pipeline} onClosed={onClose} />
            </>
          )}
        </Asked>
      </div>
    </Dialog>
  );
}
