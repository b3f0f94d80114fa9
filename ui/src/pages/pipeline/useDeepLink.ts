import { useEffect } from "preact/hooks";
import { useRoute } from "../../router";

const SETTLED = 4000;

/** Brings the section that the address names into view, and keeps it there while those above it still grow. */
export function useDeepLink(isOn: boolean): void {
  const { hash, query } = useRoute();
  useEffect(() => {
    if (!isOn || !hash) return;
    const show = () => document.getElementById(hash)?.scrollIntoView({ block: "start" });
    const look = new ResizeObserver(show);
    const stop = () => look.disconnect();
    look.observe(document.body);
    show();
    const timer = setTimeout(stop, SETTLED);
    const acts = ["wheel", "touchstart", "keydown", "pointerdown"] as const;
    for (const act of acts) addEventListener(act, stop, { passive: true });
    return () => {
      stop();
      clearTimeout(timer);
      for (const act of acts) removeEventListener(act, stop);
    };
  }, [isOn, hash, query.get("version")]);
}
