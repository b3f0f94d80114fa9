import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { Refusal } from "../ask";
import { Dialog } from "../parts/Dialog";
import { Problem } from "../parts/Section";
import { toast } from "../parts/Toast";

/** A button that does something; the last one of a form answers Enter. */
export interface Deed {
  label: string;
  /** Does it and returns what is said when it is done. Throws `Refusal`. */
  run: () => Promise<ComponentChildren>;
  look?: "first" | "danger";
  disabled?: boolean;
}

interface FormProps {
  title: string;
  onClose: () => void;
  deeds: readonly Deed[];
  children: ComponentChildren;
}

/** A dialog that asks for what an act needs, does it, says that it is done, or why not. */
export function Form({ title, onClose, deeds, children }: FormProps) {
  const [busy, setBusy] = useState("");
  const [error, setError] = useState<Refusal | null>(null);
  const run = async (deed: Deed) => {
    setBusy(deed.label);
    setError(null);
    try {
      toast(await deed.run());
      onClose();
    } catch (caught) {
      setError(caught instanceof Refusal ? caught : new Refusal(0, String(caught)));
      setBusy("");
    }
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const label = event.submitter?.getAttribute("value");
    const deed = deeds.find((one) => one.label === label) ?? deeds.at(-1);
    if (deed && !busy && !deed.disabled) void run(deed);
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={submit}>
        {children}
        {error && <Problem error={error} />}
        <footer>
          <button type="button" onClick={onClose}>
            {deeds.length ? "Cancel" : "Close"}
          </button>
          {deeds.map((deed) => (
            <button
              key={deed.label}
              value={deed.label}
              type="submit"
              class={deed.look ?? ""}
              disabled={!!busy || !!deed.disabled}
            >
              {busy === deed.label ? `${deed.label} …` : deed.label}
            </button>
          ))}
        </footer>
      </form>
    </Dialog>
  );
}
