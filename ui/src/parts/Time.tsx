import { useEffect, useState } from "preact/hooks";
import type { Instant } from "../shapes";
import { distance, length, useZone, wall } from "../zone";

const utc = (at: Date): string => `${wall(at, "UTC", { seconds: true })} UTC`;

/** An instant in the user's zone, with UTC in its title. `day`: without the time. */
export function Time({ at, day = false }: { at: Instant; day?: boolean }) {
  const zone = useZone();
  const instant = new Date(at);
  return (
    <time class="number" dateTime={instant.toISOString()} title={utc(instant)}>
      {wall(instant, zone, { day })}
    </time>
  );
}

/** How long ago, or how soon: `3 days ago`, `in 2 hours`. `bare`: the length alone. */
export function Age({ since, bare = false }: { since: Instant; bare?: boolean }) {
  const zone = useZone();
  const instant = new Date(since);
  const text = useNow(() => (bare ? length(Date.now() - instant.getTime()) : distance(instant)));
  return (
    <time class="number" dateTime={instant.toISOString()} title={`${wall(instant, zone)} ${zone}\n${utc(instant)}`}>
      {text}
    </time>
  );
}

const TICK_MS = 20_000;
const ticking = new Set<() => void>();
setInterval(() => ticking.forEach((tick) => tick()), TICK_MS);

/** A text about now; the component is drawn anew when it has become another. */
function useNow(tell: () => string): string {
  const text = tell();
  const [, draw] = useState(text);
  useEffect(() => {
    const tick = () => draw(tell());
    ticking.add(tick);
    return () => void ticking.delete(tick);
  }, [text]);
  return text;
}
