import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface FieldProps {
  label: string;
  hint?: ComponentChildren;
}

interface TextProps extends FieldProps {
  value: string;
  set: (value: string) => void;
  /** Whether it must be filled in; such a text has at least three characters. */
  required?: boolean;
}

const LONGEST = 500;

/** A text of some lines. */
export function TextField({ label, hint, value, set, required = false }: TextProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={2}
        value={value}
        required={required}
        minLength={required ? 3 : 0}
        maxLength={LONGEST}
        aria-describedby={`${id}-hint`}
        onInput={(event) => set(event.currentTarget.value)}
      />
      <Hint id={id}>{hint}</Hint>
    </div>
  );
}

/** An instant in UTC; "" for none. */
export function InstantField({ label, hint, value, set }: TextProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label} (UTC)</label>
      <input
        id={id}
        type="datetime-local"
        value={value.replace(/Z$/, "")}
        aria-describedby={`${id}-hint`}
        onInput={(event) => set(event.currentTarget.value && `${event.currentTarget.value}Z`)}
      />
      <Hint id={id}>{hint}</Hint>
    </div>
  );
}

interface ChoiceProps extends FieldProps {
  value: string;
  set: (value: string) => void;
  /** Values and what they are called. */
  choices: readonly (readonly [string, string])[];
}

/** One of a few. */
export function ChoiceField({ label, hint, value, set, choices }: ChoiceProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-describedby={`${id}-hint`}
        onChange={(event) => set(event.currentTarget.value)}
      >
        {choices.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
      <Hint id={id}>{hint}</Hint>
    </div>
  );
}

interface TickProps extends FieldProps {
  value: boolean;
  set: (value: boolean) => void;
}

/** Yes or no. */
export function TickField({ label, hint, value, set }: TickProps) {
  const id = useId();
  return (
    <div class="field">
      <span class="tick">
        <input
          id={id}
          type="checkbox"
          checked={value}
          aria-describedby={`${id}-hint`}
          onChange={(event) => set(event.currentTarget.checked)}
        />
        <label for={id}>{label}</label>
      </span>
      <Hint id={id}>{hint}</Hint>
    </div>
  );
}

function Hint({ id, children }: { id: string; children?: ComponentChildren }) {
  return (
    <span class="hint" id={`${id}-hint`}>
      {children}
    </span>
  );
}
