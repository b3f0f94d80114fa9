/** What is pointed at: by the pointer, or by keys. */

import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { go } from "../../router";
import { below } from "../../address";
import type { Scale } from "../scale";
import type { Moving } from "./moving";
import type { Plan } from "./plan";
import { nextPlace } from "./pointing";
import type { Spot } from "./spots";

const PATIENCE = 180;

const markOf = (target: EventTarget | null): SVGElement | null =>
  target instanceof Element ? target.closest<SVGElement>("[data-place]") : null;

const placeOf = (mark: SVGElement): number => Number(mark.dataset["place"]);

/** The spot that is pointed at, and what the drawing listens to. One mark at a time is reached by Tab. */
export function useMarks(svg: RefObject<SVGSVGElement | null>, plan: Plan, moving: Moving, x: Scale) {
  const [spot, setSpot] = useState<Spot | null>(null);
  const timer = useRef(0);
  const touched = useRef<SVGElement | null>(null);
  const marks = () => svg.current?.querySelectorAll<SVGElement>("[data-place]") ?? [];
  useEffect(() => {
    setSpot(null);
    const all = [...marks()];
    const reached =
      all.find((mark) => mark === document.activeElement) ??
      all.find((mark) => placeOf(mark) === plan.spots.length - 1);
    for (const mark of all) mark.setAttribute("tabindex", mark === reached ? "0" : "-1");
  }, [plan]);
  const stay = () => clearTimeout(timer.current);
  // What the keys have reached stays told, wherever the pointer rests.
  const reached = (): Spot | null => {
    const mark = document.activeElement?.matches("[data-place]:focus-visible") ? markOf(document.activeElement) : null;
    return (mark && plan.spots[placeOf(mark)]) ?? null;
  };
  const settle = () => {
    const spot = reached();
    setSpot(spot && { ...spot });
  };
  const leave = () => {
    stay();
    timer.current = setTimeout(settle, PATIENCE);
  };
  const show = (mark: SVGElement) => {
    stay();
    setSpot(plan.spots[placeOf(mark)] ?? null);
  };
  const over = (event: PointerEvent) => {
    const mark = markOf(event.target);
    if (mark) show(mark);
    else leave();
  };
  const focus = (event: FocusEvent) => {
    const mark = markOf(event.target);
    if (!mark) return;
    for (const other of marks()) other.setAttribute("tabindex", other === mark ? "0" : "-1");
    show(mark);
  };
  const down = (event: PointerEvent) => {
    touched.current = event.pointerType === "touch" ? markOf(event.target) : null;
  };
  const click = (event: MouseEvent) => {
    const mark = markOf(event.target);
    if (!(mark instanceof SVGAElement) || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    // A finger has no way to point without clicking: the words come first, with a link to the page.
    if (touched.current === mark) show(mark);
    else go(addressOf(mark));
  };
  const key = (event: KeyboardEvent) => {
    const mark = markOf(event.target);
    if (event.key === "Escape") return setSpot(null);
    const around = mark ? x.invert(plan.spots[placeOf(mark)]?.x ?? 0) : moving.range[1];
    if (event.key === "+" || event.key === "-") return moving.scaleBy(event.key === "+" ? 0.5 : 2, around);
    const place = mark && nextPlace(plan.spots, placeOf(mark), event.key);
    if (place === null) return;
    event.preventDefault();
    [...marks()].find((one) => placeOf(one) === place)?.focus();
  };
  return {
    spot,
    stay,
    leave,
    settle,
    on: {
      onPointerOver: over,
      onFocusIn: focus,
      onFocusOut: leave,
      onPointerDownCapture: down,
      onClick: click,
      onKeyDown: key,
    },
  };
}

function addressOf(mark: SVGAElement): string {
  const url = new URL(mark.href.baseVal, location.href);
  return below(url.pathname) + url.search;
}
