import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { go, useRoute } from "../../router";
import { type View, read, write } from "./view";

const SOON_MS = 250;

/** What is shown, kept in the address: typing draws at once, and the address follows when one pauses. */
export function useView(): [View, (change: Partial<View>) => void] {
  const { query } = useRoute();
  const [view, setView] = useState(() => read(query));
  const written = useRef(write(view));
  const timer = useRef(0);
  const asked = write(read(query));
  useEffect(() => {
    if (asked === written.current) return;
    written.current = asked;
    setView(read(query));
  }, [asked]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const set = useCallback((change: Partial<View>) => {
    setView((old) => {
      const next = { ...old, ...change };
      clearTimeout(timer.current);
      timer.current = setTimeout(() => {
        written.current = write(next);
        go(written.current, { replace: true });
      }, SOON_MS);
      return next;
    });
  }, []);
  return [view, set];
}
