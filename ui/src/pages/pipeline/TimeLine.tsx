import { useAsk } from "../../ask";
import { Details } from "../../charts/time-line/Details";
import { TimeLineChart } from "../../charts/time-line/TimeLineChart";
import { counted } from "../../parts/Figure";
import { Asked, Section } from "../../parts/Section";
import type { TimeLine as Line } from "../../shapes";
import { pathOf } from "./paths";

const HINT = "Point at a mark to read why; click or press Enter for the whole story. Drag to see a part.";

/** Who was live, what happened, and how production went. */
export function TimeLine({ name }: { name: string }) {
  const asked = useAsk<Line>(pathOf(name, "time-line"), { every: 60 });
  const isEmpty = ({ events, spans, drift, bands }: Line) =>
    !(events.length + spans.length + drift.length + bands.length);
  return (
    <Section id="time-line" title="Time line" hint={HINT}>
      <Asked
        of={asked}
        lines={12}
        isEmpty={isEmpty}
        empty="Nothing has happened yet. The first training puts the first mark here."
      >
        {(line) => (
          <>
            <TimeLineChart line={line} pipeline={name} />
            {line.left_out > 0 && <p class="muted">{counted(line.left_out, "older event")} left out.</p>}
            <Details line={line} pipeline={name} />
          </>
        )}
      </Asked>
    </Section>
  );
}
