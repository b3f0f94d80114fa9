import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** The inner width of an element in pixels, also after it changed. */
export function useWidth<E extends Element>(first: number): [RefObject<E | null>, number] {
  const element = useRef<E>(null);
  const [width, setWidth] = useState(first);
  useEffect(() => {
    const seen = element.current;
    if (!seen) return;
    const look = new ResizeObserver(() => setWidth(seen.clientWidth));
    look.observe(seen);
    return () => look.disconnect();
  }, []);
  return [element, width];
}
