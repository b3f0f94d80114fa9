/** Something that is done over and over, but never twice at once: who is slow is not asked again before the answer. */
export interface Turns {
  /** Does it now, or once more as soon as what is under way is done. */
  again: () => void;
  /** Does it now, unless it is under way. */
  tick: () => void;
  /** Ends what is under way, and does nothing any more. */
  stop: () => void;
}

/** Turns of `deed`, which heeds the signal and throws nothing. */
export function turns(deed: (signal: AbortSignal) => Promise<void>): Turns {
  const end = new AbortController();
  let isBusy = false;
  let isWanted = false;
  const tick = () => {
    if (isBusy || end.signal.aborted) return;
    isBusy = true;
    isWanted = false;
    void deed(end.signal).finally(() => {
      isBusy = false;
      if (isWanted) tick();
    });
  };
  const again = () => {
    isWanted = true;
    tick();
  };
  return { again, tick, stop: () => end.abort() };
}
