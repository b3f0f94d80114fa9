/** The time line of a pipeline: who was live, what happened, and how production went, on one axis of time. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { TimeLine } from "../../shapes";
import { useZone, wall } from "../../zone";
import { DAY, instants } from "../calendar";
import { Legend } from "../Glyph";
import { scale } from "../scale";
import { useSteady } from "../useSteady";
import { useWidth } from "../useWidth";
import { Axis, Selection, Tools } from "./Around";
import { Gutter, GUTTER } from "./Gutter";
import { useMoving } from "./moving";
import { Notes } from "./Notes";
import { plan as planOf, whole } from "./plan";
import { Plot } from "./Plot";
import { Tip } from "./Tip";
import { useMarks } from "./useMarks";
import { useDrag } from "./useDrag";

const AXIS = 24;
const NARROWEST = 640;
const PER_TICK = 84;

interface Props {
  line: TimeLine;
  pipeline: string;
}

/** Draws nothing where nothing ever happened. */
export function TimeLineChart({ line: told, pipeline }: Props) {
  const line = useSteady(told);
  const full = useMemo(() => whole(line), [line]);
  return full && <Drawn line={line} pipeline={pipeline} full={full} />;
}

function Drawn({ line, pipeline, full }: Props & { full: readonly [number, number] }) {
  const zone = useZone();
  const moving = useMoving(full);
  const [box, room] = useWidth<HTMLDivElement>(900);
  const [metrics, choose] = useState<readonly string[]>(() => line.bands.slice(0, 1).map((band) => band.metric));
  const width = Math.max(room, NARROWEST);
  const [from, to] = moving.range;
  const plan = useMemo(() => planOf(line, [from, to], width, metrics), [line, from, to, width, metrics]);
  const x = useMemo(() => scale([from, to], [0, width]), [from, to, width]);
  const ticks = useMemo(() => instants([from, to], width / PER_TICK, zone), [from, to, width, zone]);
  const drawing = useMemo(
    () => <Plot {...{ plan, x, width, ticks, pipeline, zone }} />,
    [plan, x, ticks, pipeline, zone],
  );
  const svg = useRef<SVGSVGElement>(null);
  const marks = useMarks(svg, plan, moving, x);
  const drag = useDrag(x, moving.zoom);
  const height = plan.height + AXIS;
  useEffect(() => {
    if (box.current) box.current.scrollLeft = box.current.scrollWidth;
  }, [from, to, width]);
  const left = marks.spot ? GUTTER + marks.spot.x - (box.current?.scrollLeft ?? 0) : 0;
  const day = to - from > 3 * DAY;
  const says = `${wall(new Date(from), zone, { day })} to ${wall(new Date(to), zone, { day })}`;
  return (
    <div class="ch-time-line">
      <Tools
        moving={moving}
        says={says}
        metrics={line.bands.map((band) => band.metric)}
        chosen={metrics}
        choose={choose}
      />
      <div class="ch-frame" onPointerLeave={marks.leave}>
        <Gutter plan={plan} height={height} />
        <div class="ch-scroll" ref={box} onScroll={marks.settle}>
          <svg
            ref={svg}
            width={width}
            height={height}
            role="group"
            aria-label={`Time line of ${pipeline}, ${says}. Arrow keys go from mark to mark.`}
            {...marks.on}
            {...drag.on}
          >
            {drawing}
            <Axis ticks={ticks} x={x} y={plan.height} width={width} />
            {drag.shown && <Selection shown={drag.shown} height={plan.height} />}
          </svg>
        </div>
        {marks.spot && !drag.shown && (
          <Tip
            spot={marks.spot}
            {...{ pipeline, left }}
            frame={{ width: GUTTER + room, height }}
            onEnter={marks.stay}
            onLeave={marks.leave}
          />
        )}
      </div>
      <Legend looks={plan.spots.filter((spot) => spot.row).map((spot) => spot.look)} />
      <Notes line={line} plan={plan} />
    </div>
  );
}
