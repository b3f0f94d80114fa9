import { useRef } from "preact/hooks";

/** The same object as long as it says the same: asking again must not draw everything anew. */
export function useSteady<T>(value: T): T {
  const kept = useRef<{ value: T; text: string } | null>(null);
  if (kept.current?.value === value) return value;
  const text = JSON.stringify(value);
  if (kept.current?.text !== text) kept.current = { value, text };
  return kept.current.value;
}
