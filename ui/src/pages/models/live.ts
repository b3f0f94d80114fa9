/** Live numbers of the pipelines that are in view, asked for in batches while the page can be seen. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ask, useEvery } from "../../ask";
import type { Live } from "../../shapes";

const AT_ONCE = 60;
const EVERY_S = 10;

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

/** Asks in batches; where the server does not answer, old numbers stay and the next time comes soon. */
async function askFor(names: readonly string[], lives: Lives): Promise<void> {
  for (let first = 0; first < names.length; first += AT_ONCE) {
    const batch = names.slice(first, first + AT_ONCE).join(",");
    lives.keep(await ask<Live[]>(`/live?names=${encodeURIComponent(batch)}`).catch(() => []));
  }
}
