/** Choosing a part of time by dragging over it. */

import { useState } from "preact/hooks";
import type { Range, Scale } from "../scale";

const LEAST = 12;

/** `shown`: pixels between which the pointer was dragged so far. Fingers scroll instead. */
export function useDrag(x: Scale, zoom: (to: Range) => void) {
  const [from, setFrom] = useState<number | null>(null);
  const [to, setTo] = useState(0);
  const at = (event: PointerEvent) => event.clientX - (event.currentTarget as Element).getBoundingClientRect().left;
  const down = (event: PointerEvent) => {
    if (event.pointerType === "touch" || event.button !== 0 || (event.target as Element).closest("[data-place]"))
      return;
    event.preventDefault();
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    setFrom(at(event));
    setTo(at(event));
  };
  const move = (event: PointerEvent) => {
    if (from !== null) setTo(at(event));
  };
  const up = () => {
    if (from !== null && Math.abs(to - from) >= LEAST)
      zoom([x.invert(Math.min(from, to)), x.invert(Math.max(from, to))]);
    setFrom(null);
  };
  const shown: Range | null =
    from !== null && Math.abs(to - from) >= 3 ? [Math.min(from, to), Math.max(from, to)] : null;
  return {
    shown,
    on: { onPointerDown: down, onPointerMove: move, onPointerUp: up, onPointerCancel: () => setFrom(null) },
  };
}
