import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

type Told = { key: number; what: ComponentChildren };

let show: ((what: ComponentChildren) => void) | undefined;

/** Says in a corner of the page that something was done. */
export const toast = (what: ComponentChildren): void => show?.(what);

const SECONDS = 12;

/** Where toasts appear. Stands once in the page. */
export function Toasts() {
  const [told, setTold] = useState<Told | null>(null);
  useEffect(() => {
    show = (what) => setTold({ key: performance.now(), what });
  }, []);
  useEffect(() => {
    if (!told) return;
    const timer = setTimeout(() => setTold(null), SECONDS * 1000);
    return () => clearTimeout(timer);
  }, [told]);
  return (
    <div class="toasts" role="status" aria-live="polite">
      {told && (
        <div class="toast" key={told.key}>
          {told.what}
          <button type="button" class="plain" aria-label="Dismiss" onClick={() => setTold(null)}>
            ✕
          </button>
        </div>
      )}
    </div>
  );
}
