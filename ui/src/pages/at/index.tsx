import { PLACE } from "../../address";
import { useAsk } from "../../ask";
import { Problem, Skeleton } from "../../parts/Section";
import type { Placed } from "../../shapes";
import { PipelinePage } from "../pipeline/index";
import { WhyPage } from "../why/index";

/** Inside a page of Airflow's, about a DAG, a run or a task: what Airloop knows of it. */
export function AtPage({ query }: { query: URLSearchParams }) {
  const asked = useAsk<Placed | null>(`/place?${asks(query)}`);
  if (asked.state === "loading") return <Skeleton lines={8} />;
  if (asked.state === "error") return <Problem error={asked.error} again={asked.again} />;
  if (!asked.value?.pipeline) return <Elsewhere dag={query.get("dag_id") ?? ""} />;
  return <Here placed={asked.value} />;
}

const SECTIONS: readonly Placed["tab"][] = ["time-line", "candidate", "rollout", "data"];

/** Sections about one version: a run's own. */
const OF_VERSION: readonly Placed["tab"][] = ["candidate", "rollout"];

/** A run or a task: why it went as it did, and the part of the pipeline that it is about. Else the whole pipeline. */
function Here({ placed: { pipeline, tab, query, version } }: { placed: Placed }) {
  const isThere = SECTIONS.includes(tab) && !(query && OF_VERSION.includes(tab) && !version);
  const only = isThere ? tab : "";
  if (!query) return only ? <PipelinePage name={pipeline} only={only} /> : <PipelinePage name={pipeline} />;
  return (
    <div class="at">
      <WhyPage name={pipeline} query={new URLSearchParams(query)} />
      {only && <PipelinePage name={pipeline} only={only} version={version} isBelow />}
    </div>
  );
}

function Elsewhere({ dag }: { dag: string }) {
  return (
    <div class="empty">
      <h1>Airloop</h1>
      <p>
        {dag ? `${dag} belongs to no pipeline of Airloop` : "This belongs to no pipeline of Airloop"}, or to one that
        you may not see: there is nothing to tell here.
      </p>
    </div>
  );
}

/** What Airflow put into the address; what it does not know stands there in braces. */
function asks(query: URLSearchParams): URLSearchParams {
  const known = PLACE.map((key) => [key, query.get(key) ?? ""]);
  return new URLSearchParams(known.filter(([, value]) => value && !value.startsWith("{")) as string[][]);
}
