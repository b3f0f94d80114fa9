import type { ComponentChildren } from "preact";
import type { Asked as Question, Refusal } from "../ask";
import { Boundary } from "./Boundary";

interface SectionProps {
  id: string;
  title: string;
  /** One line below the title. */
  hint?: ComponentChildren;
  /** Buttons at the right of the title. */
  acts?: ComponentChildren;
  children?: ComponentChildren;
}

/** A part of a page with a title of its own; `id` is what addresses end with. */
export function Section({ id, title, hint, acts, children }: SectionProps) {
  return (
    <section id={id} class="section" aria-labelledby={`${id}-title`}>
      <header class="section-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {hint && <p class="muted">{hint}</p>}
        {acts && <div class="acts">{acts}</div>}
      </header>
      <Boundary>{children}</Boundary>
    </section>
  );
}

/** Why something is not there, with a way to ask again. */
export function Problem({
  error,
  again,
  children,
}: {
  error: Refusal | string;
  again?: () => void;
  children?: ComponentChildren;
}) {
  return (
    <div class="problem" role="alert">
      <p>{typeof error === "string" ? error : error.message}</p>
      {children}
      {again && (
        <button type="button" class="small" onClick={again}>
          Ask again
        </button>
      )}
    </div>
  );
}

/** Grey lines where something will be: as high as what comes, so that nothing jumps. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} style={{ width: `${90 - ((line * 37) % 45)}%` }} />
      ))}
    </div>
  );
}

interface AskedProps<T> {
  of: Question<T>;
  /** Shown instead where `isEmpty`, or where the answer is null. */
  empty?: ComponentChildren;
  isEmpty?: (value: NonNullable<T>) => boolean;
  /** Lines of the skeleton. */
  lines?: number;
  children: (value: NonNullable<T>) => ComponentChildren;
}

/** A question's answer: loading, a problem, nothing there, or the answer. */
export function Asked<T>({ of, empty = "Nothing yet.", isEmpty, lines = 3, children }: AskedProps<T>) {
  if (of.state === "loading") return <Skeleton lines={lines} />;
  if (of.state === "error") return <Problem error={of.error} again={of.again} />;
  const value = of.value;
  return (
    <>
      {of.late && <Problem error={`What follows is as it was before: ${of.late.message}`} again={of.again} />}
      {value === null || value === undefined || isEmpty?.(value) ? <div class="empty">{empty}</div> : children(value)}
    </>
  );
}
