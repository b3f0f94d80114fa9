import { useEffect, useState } from "preact/hooks";
import { go } from "../../router";

const SECTIONS: readonly (readonly [string, string])[] = [
  ["overview", "Overview"],
  ["time-line", "Time line"],
  ["candidate", "Candidate"],
  ["rollout", "Rollout"],
  ["leaderboard", "Leaderboard"],
  ["data", "Data"],
  ["backtests", "Backtests"],
  ["lineage", "Lineage"],
];

/** Links to the sections; stays at the top, and marks the one that is read. */
export function Nav() {
  const here = useReading();
  const click = (event: MouseEvent, id: string) => {
    event.preventDefault();
    go(`#${id}`);
    document.getElementById(id)?.scrollIntoView({ block: "start" });
  };
  return (
    <nav class="pl-nav" aria-label="Sections">
      {SECTIONS.map(([id, title]) => (
        <a
          key={id}
          href={`#${id}`}
          {...(here === id && { "aria-current": "true" as const })}
          onClick={(event) => click(event, id)}
        >
          {title}
        </a>
      ))}
    </nav>
  );
}

/** The id of the section at the top of the window. */
function useReading(): string {
  const [here, setHere] = useState("overview");
  useEffect(() => {
    const look = () => {
      const above = SECTIONS.filter(
        ([id]) => (document.getElementById(id)?.getBoundingClientRect().top ?? Infinity) < 140,
      );
      const isAtEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 4 && scrollY > 0;
      setHere((isAtEnd ? SECTIONS : above).at(-1)?.[0] ?? "overview");
    };
    look();
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, []);
  return here;
}
