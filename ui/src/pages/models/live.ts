/** Live numbers of the pipelines that are in view, or that are sorted by them, asked for in batches. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask, useEvery } from "../../ask";
import type { Live, ModelRow } from "../../shapes";
import { type Column, isOfNow, valued } from "./view";

const AT_ONCE = 60;
const EVERY_S = 10;
/** Of those out of view: a rate needs two looks within a minute. */
const ALL_EVERY_S = 30;

/** Keeps what is known of each pipeline, and tells those who show it. */
export class Lives {
  private readonly known = new Map<string, Live>();
  private readonly listeners = new Map<string, Set<() => void>>();

  readonly get = (name: string): Live | undefined => this.known.get(name);

  keep(lives: readonly Live[]): void {
    for (const live of lives) {
      this.known.set(live.pipeline, live);
      this.listeners.get(live.pipeline)?.forEach((tell) => tell());
    }
  }

  listen(name: string, tell: () => void): () => void {
    const all = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, all.add(tell));
    return () => void all.delete(tell);
  }
}

/** What a pipeline serves now; the component is drawn anew when that changes, and no other. */
export function useLive(lives: Lives, name: string): Live | undefined {
  const [, draw] = useState(0);
  useEffect(() => lives.listen(name, () => draw((before) => before + 1)), [lives, name]);
  return lives.get(name);
}

/** Asks for the rows in view; returns what a row is given as its `ref`. */
export function useWatched(lives: Lives): (row: Element | null) => void {
  const inView = useRef(new Set<string>());
  const look = useCallback(() => void askFor([...inView.current], lives), [lives]);
  const watcher = useRef<IntersectionObserver | null>(null);
  const timer = useRef(0);
  watcher.current ??= new IntersectionObserver(
    (changes) => {
      let isNew = false;
      for (const { target, isIntersecting } of changes) {
        const name = target.getAttribute("data-name") ?? "";
        if (!isIntersecting) inView.current.delete(name);
        else if (!inView.current.has(name)) {
          inView.current.add(name);
          isNew ||= !lives.get(name);
        }
      }
      clearTimeout(timer.current);
      if (isNew) timer.current = setTimeout(look, 150);
    },
    { rootMargin: "200px" },
  );
  useEffect(() => () => watcher.current?.disconnect(), []);
  useEvery(EVERY_S, look);
  return useCallback((row) => void (row && watcher.current?.observe(row)), []);
}

/**
 * Asks for all rows while they are sorted by what targets say now. Returns how many have such a number: when that
 * changes they are to be sorted anew. What only moves waits until the table is renewed, so that rows do not jump about.
 */
export function useAll(lives: Lives, rows: readonly ModelRow[], sort: Column): number {
  const [known, setKnown] = useState(0);
  const now = useRef({ rows, sort, isAsking: false });
  now.current = { ...now.current, rows, sort };
  const look = useCallback(async () => {
    if (now.current.isAsking) return;
    now.current.isAsking = true;
    const names = now.current.rows.map((row) => row.name);
    await askFor(names, lives, () => {
      setKnown(valued(now.current.rows, now.current.sort, lives.get));
      return isOfNow(now.current.sort);
    });
    now.current.isAsking = false;
  }, [lives]);
  const isOn = isOfNow(sort);
  useEffect(() => {
    if (!isOn) return;
    void look();
    const timer = setTimeout(look, EVERY_S * 1000);
    return () => clearTimeout(timer);
  }, [isOn, look]);
  useEvery(isOn ? ALL_EVERY_S : 0, look);
  return isOn ? known : 0;
}

/** Asks in batches; where the server does not answer, old numbers stay and the next time comes soon. */
async function askFor(names: readonly string[], lives: Lives, goesOn = () => true): Promise<void> {
  for (let first = 0; first < names.length; first += AT_ONCE) {
    const batch = names.slice(first, first + AT_ONCE).join(",");
    lives.keep(await ask<Live[]>(`/live?names=${encodeURIComponent(batch)}`).catch(() => []));
    if (!goesOn()) return;
  }
}
