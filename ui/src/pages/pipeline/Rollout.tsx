import { useEffect, useState } from "preact/hooks";
import { useAsk } from "../../ask";
import { Badge, Sign, type Tone } from "../../parts/Badge";
import { count, ms, rate } from "../../parts/Figure";
import { Said } from "../../parts/Said";
import { Asked, Section } from "../../parts/Section";
import { Time } from "../../parts/Time";
import type { Ladder, Rung, Traffic } from "../../shapes";
import { pathOf } from "./paths";

const TONES: Record<Rung["state"], Tone> = {
  passed: "good",
  now: "open",
  "to come": "told",
  failed: "bad",
  skipped: "told",
};

const NOTHING = "Nothing was ever rolled out.";

interface Props {
  name: string;
  /** Whose rollout is meant; empty: of whichever version. */
  version?: string;
}

/** The rollout that climbs now, or else the last one; asked every five seconds while one climbs. */
export function Rollout({ name, version = "" }: Props) {
  const [isRunning, setRunning] = useState(false);
  const asked = useAsk<Ladder | null>(pathOf(name, "rollout"), { every: isRunning ? 5 : 30 });
  const ladder = asked.state === "ready" ? asked.value : null;
  const isMeant = !version || ladder?.candidate === version;
  useEffect(() => setRunning(!!ladder?.is_running), [ladder?.is_running]);
  return (
    <Section
      id="rollout"
      title="Rollout"
      hint={ladder && isMeant && (ladder.is_running ? "climbs now; looked up every five seconds" : "the last one")}
    >
      <Asked
        of={asked}
        lines={5}
        isEmpty={(shown) => !!version && shown.candidate !== version}
        empty={ladder ? `No rollout of version ${version} climbs, and it was not the last one.` : NOTHING}
      >
        {(shown) => <Shown ladder={shown} />}
      </Asked>
    </Section>
  );
}

function Shown({ ladder }: { ladder: Ladder }) {
  const told = new Set(ladder.rungs.flatMap((rung) => rung.reasons));
  const rest = ladder.reasons.filter(
    (reason) => !told.has(reason) && !ladder.rungs.some((rung) => reason.startsWith(`${rung.label}: `)),
  );
  return (
    <>
      <p class="pl-line">
        <Badge word={ladder.is_running ? "running" : ladder.ended.toLowerCase()} />
        <strong>version {ladder.candidate}</strong>
        {ladder.champion && <> against version {ladder.champion}</>} on {ladder.target}
        {ladder.ended_at && (
          <span class="muted">
            ended <Time at={ladder.ended_at} />
          </span>
        )}
      </p>
      <ol class="pl-ladder" aria-label="Steps of the rollout">
        {ladder.rungs.map((rung) => (
          <Step key={rung.label} rung={rung} />
        ))}
      </ol>
      {rest.length > 0 && (
        <ul class="pl-reasons">
          {rest.map((reason) => (
            <li key={reason}>
              <Said text={reason} />
            </li>
          ))}
        </ul>
      )}
      {ladder.is_running && ladder.live && <Sides ladder={ladder} />}
    </>
  );
}

function Step({ rung }: { rung: Rung }) {
  const tone = TONES[rung.state];
  return (
    <li
      class={`pl-rung ${tone} ${rung.state === "now" ? "pl-now" : ""}`}
      {...(rung.state === "now" && { "aria-current": "step" as const })}
    >
      <span class="pl-rise" aria-hidden="true">
        <span class="pl-bar" style={{ "--share": rung.percent }} />
      </span>
      <span class="pl-label">
        <Sign tone={tone} /> {rung.label}
      </span>
      <span class="pl-state">{rung.state}</span>
      {rung.reasons.map((reason) => (
        <small key={reason}>{reason}</small>
      ))}
    </li>
  );
}

function Sides({ ladder }: { ladder: Ladder }) {
  const { live, needed } = ladder;
  if (live?.problem)
    return (
      <p class="pl-warned-text warn">
        <Sign tone="warn" /> {live.problem}
      </p>
    );
  return (
    <div class="pl-sides">
      {live?.candidate && (
        <Side
          title={live.is_shadow ? "Candidate, in the shadow" : "Candidate"}
          traffic={live.candidate}
          needed={needed}
        />
      )}
      {live?.champion && <Side title="Champion" traffic={live.champion} />}
    </div>
  );
}

function Side({ title, traffic, needed }: { title: string; traffic: Traffic; needed?: number }) {
  const numbers = [
    ["share", `${traffic.percent} %`],
    ["requests", count(traffic.requests)],
    ["failed", count(traffic.failures)],
    ["per second", rate(traffic.per_second)],
    ["p50", ms(traffic.p50_ms)],
    ["p99", ms(traffic.p99_ms)],
  ] as const;
  return (
    <section class="pl-side" aria-label={title}>
      <h3>
        {title} <span class="muted">version {traffic.version}</span>
      </h3>
      {needed ? (
        <label class="pl-progress">
          <progress max={needed} value={Math.min(traffic.requests, needed)} />
          <span class="number">
            {count(traffic.requests)} of {count(needed)} requests that this step needs
          </span>
        </label>
      ) : null}
      <dl>
        {numbers.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="number">{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
