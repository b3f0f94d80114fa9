/** One pipeline: everything about it below each other, or one section inside a page of Airflow's. */

import { pipeline as pipelineAt } from "../../address";
import { useAsk } from "../../ask";
import { Asked } from "../../parts/Section";
import { Link, useRoute } from "../../router";
import type { Pipeline } from "../../shapes";
import { Backtests } from "./Backtests";
import { Candidate } from "./Candidate";
import { Data } from "./Data";
import { Head } from "./Head";
import { Leaderboard } from "./Leaderboard";
import { Lineage } from "./Lineage";
import { Nav } from "./Nav";
import { pathOf } from "./paths";
import { Rollout } from "./Rollout";
import { TimeLine } from "./TimeLine";
import { useDeepLink } from "./useDeepLink";

interface Props {
  name: string;
  /** Shown inside a page of Airflow's: the one section with this id, without the navigation. */
  only?: string;
  /** Of which version that section tells, where it is about one; else it is that of the address. */
  version?: string;
  /** Whether a page above it says already what it is about. */
  isBelow?: boolean;
}

interface OneProps {
  name: string;
  version?: string;
  isAlone?: boolean;
}

const SECTIONS: Record<string, (props: OneProps) => preact.JSX.Element> = {
  "time-line": TimeLine,
  candidate: Candidate,
  rollout: Rollout,
  leaderboard: Leaderboard,
  data: Data,
  backtests: Backtests,
};

/** Answers after which there is nothing more to show. */
const CLOSED: readonly number[] = [401, 403, 404];

/** One pipeline: sections below each other. */
export function PipelinePage({ name, only, version: given, isBelow = false }: Props) {
  const asked = useAsk<Pipeline>(pathOf(name), { every: 30 });
  const asks = useRoute().query.get("version") ?? "";
  const version = given ?? asks;
  useDeepLink(!only);
  const One = only ? SECTIONS[only] : undefined;
  const one = One && <One name={name} version={version} isAlone={!!given} />;
  if (one && isBelow) return <div class="pl-page pl-alone">{one}</div>;
  if (one) return <Alone name={name}>{one}</Alone>;
  return (
    <div class="pl-page">
      <nav class="pl-crumbs" aria-label="Where you are">
        <Link to="/">All models</Link>
      </nav>
      {asked.state !== "ready" && <h1>{name}</h1>}
      <Asked of={asked} lines={6}>
        {(pipeline) => <Head pipeline={pipeline} />}
      </Asked>
      {asked.state === "error" && CLOSED.includes(asked.error.status) ? null : (
        <>
          <Nav />
          <TimeLine name={name} />
          <Candidate name={name} version={version} />
          <Rollout name={name} />
          <Leaderboard name={name} />
          <Data name={name} />
          <Backtests name={name} />
          <Lineage
            name={name}
            version={version}
            versions={asked.state === "ready" ? asked.value.versions : asked.state === "loading" ? null : []}
          />
        </>
      )}
    </div>
  );
}

function Alone({ name, children }: { name: string; children: preact.ComponentChildren }) {
  return (
    <div class="pl-page pl-alone">
      <div class="pl-line">
        <h1>{name}</h1>
        <Link to={pipelineAt(name)}>Everything about it</Link>
      </div>
      {children}
    </div>
  );
}
