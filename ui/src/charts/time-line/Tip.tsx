/** What a mark on the time line is, in words, beside it. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { why as addressOf } from "../../address";
import { Said } from "../../parts/Said";
import { Time } from "../../parts/Time";
import { Link } from "../../router";
import { answeredBy } from "./inWords";
import type { Spot } from "./spots";

const MOST_NOTES = 3;

interface Props {
  spot: Spot;
  pipeline: string;
  /** Where the spot stands in the frame. */
  left: number;
  frame: { width: number; height: number };
  onEnter: () => void;
  onLeave: () => void;
}

/** The words beside a spot; stays while the pointer is above it. */
export function Tip({ spot, pipeline, left, frame, onEnter, onLeave }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 320, height: 120 });
  useLayoutEffect(() => {
    const { offsetWidth: width = 320, offsetHeight: height = 120 } = box.current ?? {};
    setSize((old) => (old.width === width && old.height === height ? old : { width, height }));
  }, [spot]);
  const from = Math.max(Math.min(left - 24, frame.width - size.width - 4), 4);
  const isAbove = spot.y + 14 + size.height > frame.height + 60 && spot.y - 14 - size.height > -80;
  const top = isAbove ? spot.y - 14 - size.height : spot.y + 14;
  const rest = spot.notes.length - MOST_NOTES;
  return (
    <div
      ref={box}
      class="ch-tip"
      style={{ left: `${from}px`, top: `${top}px` }}
      onPointerEnter={onEnter}
      onPointerLeave={onLeave}
      onFocusIn={onEnter}
      onFocusOut={onLeave}
    >
      <strong>{spot.title}</strong>
      <p class="muted">
        <Time at={spot.at} />
        {spot.until && (
          <>
            {" to "}
            <Time at={spot.until} />
          </>
        )}
        {spot.by && `, by ${spot.by}`}
        {answeredBy(spot)}
      </p>
      {spot.notes.length > 0 && (
        <ul>
          {spot.notes.slice(0, MOST_NOTES).map((note) => (
            <li key={note}>
              <Said text={note} />
            </li>
          ))}
          {rest > 0 && <li class="muted">and {rest} more</li>}
        </ul>
      )}
      {spot.why && <Link to={addressOf(pipeline, spot.why)}>Why?</Link>}
    </div>
  );
}
