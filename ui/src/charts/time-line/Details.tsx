/** The time line as tables, for those who read rather than look. */

import { useState } from "preact/hooks";
import { why as addressOf } from "../../address";
import { Badge } from "../../parts/Badge";
import { figure } from "../../parts/Figure";
import { Time } from "../../parts/Time";
import { Link } from "../../router";
import type { TimeLine } from "../../shapes";
import { lookOf } from "../looks";
import { liveOf, query } from "./spots";

interface Props {
  line: TimeLine;
  pipeline: string;
}

/** Folded; the tables are made when they are opened. */
export function Details({ line, pipeline }: Props) {
  const [isOpen, setOpen] = useState(false);
  const windows = line.drift.length || line.bands.some((band) => band.points.length);
  return (
    <details class="ch-details" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>The same as tables</summary>
      {isOpen && <Events line={line} pipeline={pipeline} />}
      {isOpen && windows ? <Windows line={line} pipeline={pipeline} /> : null}
    </details>
  );
}

function Events({ line, pipeline }: Props) {
  return (
    <div class="ch-table" tabindex={0} role="region" aria-label="What happened">
      <table class="table">
        <caption>What happened, the newest first</caption>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">What</th>
            <th scope="col">Says</th>
            <th scope="col">By</th>
          </tr>
        </thead>
        <tbody>
          {[...line.events].reverse().map((event, turn) => (
            <tr key={turn}>
              <td>
                <Time at={event.at} />
              </td>
              <td>{event.word ? <Badge word={event.word} /> : lookOf(event).name}</td>
              <td>
                {event.why ? <Link to={addressOf(pipeline, event.why)}>{event.title}</Link> : event.title}
                {event.reasons.map((reason) => (
                  <p class="muted" key={reason}>
                    {reason}
                  </p>
                ))}
              </td>
              <td>{event.by}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Windows({ line, pipeline }: Props) {
  const names = [
    ...new Set([
      ...line.drift.map((one) => one.window),
      ...line.bands.flatMap((band) => band.points.map((one) => one.window)),
    ]),
  ];
  const live = liveOf(line);
  const drift = new Map(line.drift.map((one) => [one.window, one]));
  const bands = line.bands.map((band) => ({
    metric: band.metric,
    of: new Map(band.points.map((one) => [one.window, one])),
  }));
  return (
    <div class="ch-table" tabindex={0} role="region" aria-label="Windows of production">
      <table class="table">
        <caption>Windows of production, the newest first</caption>
        <thead>
          <tr>
            <th scope="col">Window</th>
            <th scope="col">Version</th>
            <th scope="col">Drift</th>
            {bands.map((band) => (
              <th scope="col" key={band.metric}>
                {band.metric}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names
            .sort()
            .reverse()
            .map((name) => {
              const mark = drift.get(name);
              const version = mark?.version || bands.map(({ of }) => of.get(name)?.version).find(Boolean) || "";
              return (
                <tr key={name}>
                  <th scope="row">
                    <Link to={addressOf(pipeline, query({ window: name }))}>
                      <Time at={name.split("/")[0] ?? name} day />
                    </Link>
                  </th>
                  <td>
                    {version || "–"} {live.has(version) && <Badge word="live" tone="good" />}
                  </td>
                  <td>
                    {mark && (
                      <>
                        <span class="number">{figure(mark.value)}</span> <Badge word={mark.level} />
                      </>
                    )}
                  </td>
                  {bands.map(({ metric, of }) => {
                    const point = of.get(name);
                    const interval =
                      point && point.lower !== null ? ` (${figure(point.lower)} to ${figure(point.upper)})` : "";
                    return (
                      <td key={metric} class="number">
                        {point && `${figure(point.value)}${interval}${point.is_estimated ? ", estimated" : ""} `}
                        {point && <Badge word={point.level} />}
                      </td>
                    );
                  })}
                </tr>
              );
            })}
        </tbody>
      </table>
    </div>
  );
}
